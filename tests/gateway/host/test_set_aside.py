"""What cannot be used is moved away, whatever it is, and the newest few are kept."""

import os
from pathlib import Path

from gateway.host.set_aside import KEPT, count_set_aside, set_aside


def test_file_set_aside_keeps_its_content_under_a_new_name(tmp_path: Path) -> None:
    path = tmp_path / "races.json"
    path.write_text("{")
    aside = set_aside(path)
    assert (aside.name, aside.read_text(), path.exists()) == ("races.json.damaged-1", "{", False)


def test_newest_few_files_set_aside_are_kept(tmp_path: Path) -> None:
    other = tmp_path / "buffer.damaged-1795247400000"
    other.touch()
    path = tmp_path / "races.json"
    for number in range(20):
        path.write_text(str(number))
        set_aside(path)
    kept = {file.read_text() for file in tmp_path.glob("races.json.damaged-*")}
    assert kept == {str(number) for number in range(20 - KEPT, 20)}
    assert other.exists(), "those of another file are not ours to delete"
    assert count_set_aside(tmp_path) == KEPT + 1


def test_directory_and_fifo_are_set_aside_too(tmp_path: Path) -> None:
    (tmp_path / "races.json").mkdir()
    os.mkfifo(tmp_path / "joined.json")
    for name in ("races.json", "joined.json"):
        set_aside(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["joined.json.damaged-1", "races.json.damaged-1"]


def test_no_file_is_set_aside_in_a_directory_that_is_gone(tmp_path: Path) -> None:
    assert count_set_aside(tmp_path / "gone") == 0
