"""The gateway's own buffer, opened from its config."""

import asyncio
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.buffer import opening
from gateway.buffer.opening import open_configured_buffer
from tests.support.gateways import config
from tests.support.virtual_clock import VirtualClock


@pytest.mark.parametrize("kind", [None, "tmpfs"])
async def test_volatile_state_dir_is_noted_in_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str | None
) -> None:
    monkeypatch.setattr(opening, "volatile_file_system", lambda directory: kind)
    buffer = await open_configured_buffer(config(tmp_path, [{}]), VirtualClock(0))
    notes = buffer.status.notes
    await buffer.close()
    assert len(notes) == (0 if kind is None else 1)
    assert all(f"{tmp_path} is on tmpfs" in note for note in notes)


async def test_buffer_lies_in_the_state_dir(tmp_path: Path) -> None:
    buffer = await open_configured_buffer(config(tmp_path, [{}]), VirtualClock(0))
    buffer.append_undated(b"{}")
    await buffer.close()
    assert os.listdir(tmp_path) == ["buffer"]
    assert len(os.listdir(tmp_path / "buffer")) == 1


def file(path: Path) -> None:
    path.write_text("in the way")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def link_to_nothing(path: Path) -> None:
    path.symlink_to("/nonexistent/directory")


def link_to_a_file(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def link_beyond_a_file(path: Path) -> None:
    path.symlink_to("/etc/hostname/directory")


@pytest.mark.parametrize(
    ("occupy", "kind"),
    [
        (file, "a file"),
        (fifo, "a FIFO"),
        (link_to_itself, "a link that leads nowhere"),
        (link_to_nothing, "a link that leads nowhere"),
        (link_to_a_file, "a file"),
        (link_beyond_a_file, "a link that leads nowhere"),
    ],
)
async def test_place_of_the_buffer_that_is_taken_is_cleared_and_noted(
    tmp_path: Path, occupy: Callable[[Path], None], kind: str
) -> None:
    place = tmp_path / "buffer"
    occupy(place)
    async with asyncio.timeout(30):
        buffer = await open_configured_buffer(config(tmp_path, [{}]), VirtualClock(7000))
        status = buffer.status
        await buffer.close()
    assert status.problem is None
    [note] = status.notes
    assert (
        note == f"{place} was {kind} instead of a directory, and was moved to {place}.damaged-7000"
    )
    assert sorted(os.listdir(tmp_path)) == ["buffer", "buffer.damaged-7000"]


async def test_link_to_a_directory_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "buffer").symlink_to(tmp_path / "elsewhere")
    buffer = await open_configured_buffer(config(tmp_path, [{}]), VirtualClock(0))
    buffer.append_undated(b"{}")
    await buffer.close()
    assert buffer.status.notes == ()
    assert len(os.listdir(tmp_path / "elsewhere")) == 1


def owners_in(directory: Path) -> list[int]:
    return [path.stat().st_uid for path in directory.rglob("*")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of another user")
async def test_buffer_that_root_opens_belongs_to_the_owner_of_the_directory() -> None:
    with TemporaryDirectory(prefix="alleycat-") as name:
        state_dir, nobody = Path(name), pwd.getpwnam("nobody")
        os.chown(state_dir, nobody.pw_uid, nobody.pw_gid)
        buffer = await open_configured_buffer(config(state_dir, [{}]), VirtualClock(0))
        buffer.append_undated(b"{}")
        await buffer.commit(everything=True)
        owners = owners_in(state_dir)
        await buffer.close()
    assert owners == [nobody.pw_uid] * 2, "the directory and a log"
