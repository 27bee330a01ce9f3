"""Whether stderr is the journal, and the priorities that it is given."""

import logging
import os
import sys
from pathlib import Path

import pytest

from gateway.host.journal import is_journal, with_priority


def test_stderr_is_the_journal_only_if_it_is_the_file_that_systemd_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "journal").open("w") as file:
        found = os.fstat(file.fileno())
        monkeypatch.setattr(sys, "stderr", file)
        assert is_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not is_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not is_journal({})


def test_stderr_that_is_closed_is_not_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert not is_journal({"JOURNAL_STREAM": "1:2"})


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (logging.INFO, 6),
        (logging.DEBUG, 7),
        (5, 7),
    ],
)
def test_each_line_has_the_priority_of_its_level(level: int, priority: int) -> None:
    assert with_priority("one\ntwo", level) == f"<{priority}>one\n<{priority}>two"
