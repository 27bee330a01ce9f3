"""The answers of a run that was left come back as they were, and whatever else is ignored."""

import os
from pathlib import Path

import pytest

from gateway.config.editor import Machine
from gateway.setup.answers import Answers
from gateway.setup.kept_answers import forget, keep, kept, kept_file

ALL = Answers(
    "bike-001",
    Machine("ble", {"address": "C0:FF:EE:00:00:01"}, "IC Bike"),
    "gateway-7",
    {"racer_id": 3},
    {"endpoint": "x.example", "ca_file": None},
    Path("/media/stick"),
    Path("/srv/state"),
)


def test_kept_answers_are_those_given(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    assert keep(file, ALL)
    assert kept(file) == ALL
    assert kept_file(file).stat().st_mode & 0o777 == 0o600
    forget(file)
    assert kept(file) == Answers()


def test_no_answers_leave_no_file(tmp_path: Path) -> None:
    assert not keep(tmp_path / "gateway.toml", Answers())
    assert list(tmp_path.iterdir()) == []


def test_answers_that_cannot_be_kept_are_lost_without_an_error(tmp_path: Path) -> None:
    assert not keep(tmp_path / "gone" / "gateway.toml", ALL)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"machine": 7}', '{"machine": null, "x": 1}', "[" * 60_000]
)
def test_kept_answers_of_another_version_are_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "gateway.toml"
    kept_file(file).write_text(content)
    assert kept(file) == Answers()


def test_kept_answers_that_are_a_fifo_are_none(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    os.mkfifo(kept_file(file))
    assert kept(file) == Answers()
