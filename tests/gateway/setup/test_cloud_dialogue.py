"""The questions on the cloud that are asked only if something is missing."""

import io
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from gateway.setup.answers import Answers, Current
from gateway.setup.cloud_dialogue import ask_cloud
from tests.support.mosquitto import Authority, Credentials

NEW = Current({"thing_name": "gateway-1", "cloud": {"endpoint": "EXAMPLE"}}, is_new=True)
AWS = "x.iot.eu-west-1.amazonaws.com"


@pytest.fixture
def mine(tmp_path: Path) -> Credentials:
    return Authority(tmp_path / "ca").issue("gateway-7")


@pytest.fixture
def talk(tmp_path: Path) -> Callable[..., tuple[Answers, str]]:
    def run(*typed: str, given: Answers | None = None, kept: Answers | None = None):  # type: ignore[no-untyped-def]
        answers = given or Answers()
        app = typer.Typer()

        @app.command()
        def command() -> None:
            console = Console(file=io.StringIO())
            complete = ask_cloud(console, tmp_path, NEW, answers, kept or Answers())
            typer.echo(f"complete: {complete}")

        text = CliRunner().invoke(app, [], input="".join(f"{line}\n" for line in typed)).output
        return answers, text

    return run


Talk = Callable[..., tuple[Answers, str]]


def test_cloud_of_aws_needs_no_ca_file(talk: Talk, mine: Credentials) -> None:
    answers, text = talk(AWS, "pi-7", str(mine.certificate_file), str(mine.private_key_file))
    assert "complete: True" in text
    assert "CA file" not in text
    assert answers.thing_name == "pi-7"
    assert answers.cloud == {
        "endpoint": AWS,
        "certificate_file": str(mine.certificate_file),
        "private_key_file": str(mine.private_key_file),
    }


def test_folder_is_a_claim(talk: Talk, mine: Credentials, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    typed = (AWS, "pi-7", str(stick))
    assert "contains no certificate with its key" in talk(*typed)[1]
    for file in (mine.certificate_file, mine.private_key_file):
        (stick / file.name).write_bytes(file.read_bytes())
    answers, text = talk(*typed)
    assert "complete: True" in text
    assert (answers.claim, answers.cloud) == (stick, {"endpoint": AWS})


def test_certificate_and_key_can_be_pasted(talk: Talk, mine: Credentials, tmp_path: Path) -> None:
    certificate, key = mine.certificate_file.read_text(), mine.private_key_file.read_text()
    answers, text = talk(
        *(AWS, "pi-7", "paste", "no PEM", "-----END of it", "paste", *certificate.splitlines()),
        *("paste", *key.splitlines()),
    )
    assert "complete: True" in text
    kept = tmp_path / "certificate.pem", tmp_path / "private.key"
    assert [file.read_text() for file in kept] == [certificate, key]
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept} == {0o600}
    assert answers.cloud == {
        "endpoint": AWS,
        "certificate_file": str(kept[0]),
        "private_key_file": str(kept[1]),
    }


def test_pasting_replaces_no_file_without_a_yes(
    talk: Talk, mine: Credentials, tmp_path: Path
) -> None:
    (tmp_path / "certificate.pem").write_text("another one")
    answers, _ = talk(AWS, "pi-7", "paste", "n", "later")
    assert (tmp_path / "certificate.pem").read_text() == "another one"
    assert answers.cloud == {"endpoint": AWS}


def test_file_that_is_not_there_is_not_proposed(talk: Talk) -> None:
    kept = Answers(cloud={"endpoint": AWS, "certificate_file": "/nowhere/mine.crt"})
    _, text = talk("", "pi-7", "later", kept=kept)
    assert f"[{AWS}]" in text
    assert "/nowhere" not in text
    assert "complete: False" in text


def test_flags_of_the_cloud_are_not_asked_again(talk: Talk, mine: Credentials) -> None:
    given = Answers(cloud={"endpoint": AWS, "certificate_file": str(mine.certificate_file)})
    answers, text = talk("pi-7", str(mine.private_key_file), given=given)
    assert "complete: True" in text
    assert answers.cloud is not None
    assert answers.cloud["private_key_file"] == str(mine.private_key_file)


def test_broker_on_this_computer_may_have_no_certificate(talk: Talk) -> None:
    answers, text = talk("127.0.0.1", "pi-7", "")
    assert "[none]" in text
    assert answers.cloud == {"endpoint": "127.0.0.1"}


def test_cloud_is_later_by_default(talk: Talk) -> None:
    answers, text = talk("")
    assert "complete: True" in text
    assert answers.cloud == {}
