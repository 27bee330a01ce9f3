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


async def test_buffer_file_lies_in_the_state_dir(tmp_path: Path) -> None:
    buffer = await open_configured_buffer(config(tmp_path, [{}]), VirtualClock(0))
    await buffer.close()
    assert (tmp_path / "buffer.db").is_file()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def link_to_nothing(path: Path) -> None:
    path.symlink_to("/nonexistent/file")


@pytest.mark.parametrize(
    "suffix", ["", "-wal", "-shm", "-journal", ".new", ".new-wal", ".new-journal"]
)
@pytest.mark.parametrize("occupy", [fifo, directory, link_to_itself, link_to_nothing])
async def test_place_of_a_buffer_file_that_is_taken_is_cleared_and_noted(
    tmp_path: Path, occupy: Callable[[Path], None], suffix: str
) -> None:
    place = tmp_path / f"buffer.db{suffix}"
    occupy(place)
    async with asyncio.timeout(30):
        buffer = await open_configured_buffer(config(tmp_path, [{}]), VirtualClock(7000))
        status = buffer.status
        await buffer.close()
    assert status.problem is None
    [note] = status.notes
    assert note.startswith(f"{place} was a")
    assert note.endswith(f"was moved to {place}.damaged-7000")
    assert f"{place.name}.damaged-7000" in os.listdir(tmp_path)
    assert (tmp_path / "buffer.db").is_file()


def owners_in(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_uid for path in directory.iterdir()}


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
    assert owners == dict.fromkeys(("buffer.db", "buffer.db-wal", "buffer.db-shm"), nobody.pw_uid)
