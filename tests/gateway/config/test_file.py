"""The config's file: whole or not at all, with its owner, its mode, and the one before it."""

import grp
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import file as config_file
from gateway.config.editor import Change, edited
from gateway.config.file import MAX_BYTES, NESTED_MAX, config_text, parsed_toml, write_config
from tests.support.files import UNREADABLE


class Refused(Exception):
    pass


def accept(_: Path) -> None:
    pass


def refuse(_: Path) -> None:
    raise Refused


def files(directory: Path) -> dict[str, str]:
    return {one.name: one.read_text() for one in directory.iterdir()}


def test_config_text_has_one_kind_of_line_ends_and_no_mark(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_bytes("\ufeffa = 'é'\r\nb = 1\rc = 2\n".encode())
    assert config_text(file) == "a = 'é'\nb = 1\nc = 2\n"


@pytest.mark.parametrize(
    ("before", "after"), [("a = " + "[" * NESTED_MAX, "]" * NESTED_MAX), ("[a" + ".a" * 31, "]")]
)
def test_config_of_the_greatest_depth_can_be_read_and_edited(before: str, after: str) -> None:
    content = parsed_toml(before + after)
    for _ in range(NESTED_MAX):
        (content,) = content.values() if isinstance(content, dict) else content or [content]
    assert not content
    edited(before + after, Change(cloud={"endpoint": "x.example"}))


@pytest.mark.parametrize(
    "text", ["a = [" + "[" * NESTED_MAX + "]" * NESTED_MAX + "]", "[a" + ".a" * 32 + "]"]
)
def test_config_that_is_nested_deeper_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        parsed_toml(text)


@pytest.mark.parametrize("text", ["a = " + "[" * 9999, "a = " + "{a=" * 9999])
def test_config_that_no_parser_can_read_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        parsed_toml(text)


def test_config_of_the_greatest_size_is_read(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_bytes(b"#" * MAX_BYTES)
    assert len(config_text(file)) == MAX_BYTES


@pytest.mark.parametrize("make", UNREADABLE.values(), ids=UNREADABLE)
def test_config_that_is_no_file_is_neither_waited_for_nor_read(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    file = tmp_path / "gateway.toml"
    make(file)
    with pytest.raises(ValueError, match="it is "):
        config_text(file)


def test_new_config_is_written_and_the_old_one_kept_as_a_backup(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text("old")
    assert write_config(file, "new", accept) == tmp_path / "gateway.toml.bak"
    assert files(tmp_path) == {"gateway.toml": "new", "gateway.toml.bak": "old"}


def test_refused_config_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text("old")
    with pytest.raises(Refused):
        write_config(file, "new", refuse)
    assert files(tmp_path) == {"gateway.toml": "old"}


def test_new_config_is_checked_in_the_folder_where_it_will_lie(tmp_path: Path) -> None:
    checked: list[tuple[Path, str]] = []
    write_config(
        tmp_path / "gateway.toml",
        "new",
        lambda draft: checked.append((draft.parent, draft.read_text())),
    )
    assert checked == [(tmp_path, "new")]


def test_config_keeps_its_mode_and_owner(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text("old")
    file.chmod(0o604)
    if os.geteuid() == 0:
        os.chown(file, 12, 34)
    before = file.stat()
    write_config(file, "new", accept)
    for one in (file, tmp_path / "gateway.toml.bak"):
        after = one.stat()
        assert (after.st_mode, after.st_uid, after.st_gid) == (
            before.st_mode,
            before.st_uid,
            before.st_gid,
        )


def test_first_config_is_for_its_owner_and_group(tmp_path: Path) -> None:
    assert write_config(tmp_path / "gateway.toml", "new", accept) is None
    assert (tmp_path / "gateway.toml").stat().st_mode & 0o7777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file away")
def test_first_config_of_root_is_readable_by_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_file, "GROUP", "nogroup")
    write_config(tmp_path / "gateway.toml", "new", accept)
    stat = (tmp_path / "gateway.toml").stat()
    assert (stat.st_uid, stat.st_gid) == (0, grp.getgrnam("nogroup").gr_gid)


def test_config_that_is_a_symlink_stays_one(tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_text("old")
    (tmp_path / "gateway.toml").symlink_to(real)
    write_config(tmp_path / "gateway.toml", "new", accept)
    assert (tmp_path / "gateway.toml").is_symlink()
    assert real.read_text() == "new"


def test_new_config_is_on_disk_before_it_replaces_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        done.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name[:13]}")
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        done.append(f"replace {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    (tmp_path / "gateway.toml").write_text("old")
    write_config(tmp_path / "gateway.toml", "new", accept)
    assert done == [
        "fsync .gateway.toml",
        "fsync .gateway.toml",
        "replace gateway.toml.bak",
        "replace gateway.toml",
        f"fsync {tmp_path.name[:13]}",
    ]
