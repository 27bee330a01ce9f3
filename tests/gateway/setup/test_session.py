"""One run of `setup`, without its questions; with them: tests/gateway/cli/test_setup.py."""

import io
import tomllib
from pathlib import Path

import pytest
from rich.console import Console

from gateway.config.editor import Machine
from gateway.config.packaged import config_path
from gateway.host.errors import BAD_CONFIG
from gateway.setup.answers import Answers, Current
from gateway.setup.kept_answers import keep, kept
from gateway.setup.session import SetupError, SetupSession

ADA: dict[str, object] = {"racer_name": "Ada", "racer_id": 3, "class_id": 2}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


def session(file: Path, answers: Answers) -> SetupSession:
    text = config_path("gateway.toml").read_text(encoding="utf-8")
    current = Current(tomllib.loads(text), is_new=True)
    return SetupSession(Console(file=io.StringIO()), file, text, current, answers, "template")


def test_written_config_ends_the_answers_that_were_kept(file: Path) -> None:
    answers = Answers(machine=Machine("fake", {}), racer=ADA)
    keep(file, answers)
    assert session(file, answers).write()
    assert file.is_file()
    assert kept(file) == Answers()


def test_only_answers_beyond_the_options_are_kept(file: Path) -> None:
    run = session(file, Answers(racer=dict(ADA)))
    assert run.keep_answers() == ""
    run.answers.bike_id = "bike-001"
    assert "proposes your answers again" in run.keep_answers()
    assert kept(file).racer == ADA


def test_config_that_the_gateway_would_refuse_is_not_written(file: Path) -> None:
    answers = Answers(machine=Machine("fake", {}), racer={**ADA, "class_id": 9})
    with pytest.raises(SetupError, match="class_id") as refused:
        session(file, answers).write()
    assert refused.value.exit_code == BAD_CONFIG
    assert not file.exists()


def test_file_that_cannot_be_prepared_is_named_with_what_to_do(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/etc/x.key")

    monkeypatch.setattr("gateway.setup.session.for_the_service", full)
    with pytest.raises(SetupError, match=r"cannot prepare /etc/x.key .* sudo chgrp"):
        session(file, Answers()).get_files(lambda _: False)
