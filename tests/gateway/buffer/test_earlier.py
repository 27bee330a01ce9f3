"""What shows that an earlier version has left messages."""

from pathlib import Path

import pytest

from gateway.buffer.earlier import has_earlier_messages


@pytest.mark.parametrize("left", ["buffer.db", "buffer.new"])
def test_file_and_logs_that_are_being_built_are_to_move(tmp_path: Path, left: str) -> None:
    (tmp_path / left).mkdir()
    assert has_earlier_messages(tmp_path / "buffer")


def test_migrated_file_has_nothing_to_move(tmp_path: Path) -> None:
    (tmp_path / "buffer.db.migrated").touch()
    (tmp_path / "buffer").mkdir()
    assert not has_earlier_messages(tmp_path / "buffer")
