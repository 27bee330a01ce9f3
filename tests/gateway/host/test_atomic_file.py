"""A small file that is replaced whole or not at all."""

import stat
from pathlib import Path

import pytest

from gateway.host.atomic_file import replace_file


def test_it_is_there_and_nobody_elses(tmp_path: Path) -> None:
    file = tmp_path / "races.json"
    replace_file(file, b"one")
    replace_file(file, b"two")
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"two"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_fails_leaves_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "races.json"
    replace_file(file, b"one")
    (tmp_path / ".races.json.new").mkdir()
    with pytest.raises(OSError, match=r"races\.json\.new"):
        replace_file(file, b"two")
    assert file.read_bytes() == b"one"


def test_a_reader_sees_one_or_the_other(tmp_path: Path) -> None:
    """Who has the old one open reads it to its end."""
    file = tmp_path / "races.json"
    replace_file(file, b"one")
    with file.open("rb") as reader:
        replace_file(file, b"another")
        assert reader.read() == b"one"
