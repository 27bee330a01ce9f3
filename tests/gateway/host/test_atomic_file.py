"""A small file that is replaced whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from gateway.host.atomic_file import Permissions, replace_file
from tests.support.files import full_disk


def test_replaced_file_has_the_content_and_is_private(tmp_path: Path) -> None:
    file = tmp_path / "races.json"
    replace_file(file, b"one")
    replace_file(file, b"two")
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"two"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_failed_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "races.json"
    replace_file(file, b"one")
    with full_disk(), pytest.raises(OSError, match="No space"):
        replace_file(file, b"two")
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"one"]


def test_directory_in_the_place_of_the_draft_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / ".races.json.new").mkdir()
    (tmp_path / ".races.json.new" / "file").touch()
    replace_file(tmp_path / "races.json", b"one")
    assert (tmp_path / "races.json").read_bytes() == b"one"
    assert (tmp_path / ".races.json.new.damaged-1" / "file").exists()


def test_open_file_keeps_its_content_when_it_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "races.json"
    replace_file(file, b"one")
    with file.open("rb") as reader:
        replace_file(file, b"another")
        assert reader.read() == b"one"


def test_replaced_file_has_the_permissions_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    replace_file(file, b"one", Permissions(0o640, os.geteuid(), os.getegid()))
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_draft_left_by_a_killed_process_is_replaced_and_not_written_to(tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "races.json", tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    (tmp_path / ".races.json.new").symlink_to(elsewhere)
    replace_file(file, b"one")
    assert file.read_bytes() == b"one"
    assert elsewhere.read_bytes() == b""


def test_file_is_written_where_chown_is_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's unit forbids the system call, whatever its arguments are."""

    def forbidden(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "fchown", forbidden)
    file = tmp_path / "races.json"
    replace_file(file, b"one")
    replace_file(file, b"two", Permissions.of(file.stat()))
    assert file.read_bytes() == b"two"
