"""A small file of state: whole or as before, and never a reason to stop."""

import asyncio
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.host.state_file import StateFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "races.json"


async def test_file_gives_back_what_it_saved(path: Path) -> None:
    await StateFile(path, "races").save(lambda: b"{}")
    loaded: list[bytes] = []
    StateFile(path, "races").load(loaded.append)
    assert loaded == [b"{}"]


def test_file_that_is_missing_is_not_logged(path: Path) -> None:
    loaded: list[bytes] = []
    with capture_logs() as logs:
        StateFile(path, "races").load(loaded.append)
    assert (loaded, logs) == ([], [])


def test_file_that_is_refused_is_logged(path: Path) -> None:
    def refuse(content: bytes) -> None:
        raise ValueError(f"{len(content)} bytes are too few")

    path.write_bytes(b"{")
    with capture_logs() as logs:
        StateFile(path, "races").load(refuse)
    [logged] = logs
    assert (logged["event"], logged["path"]) == ("races not restored", str(path))
    assert logged["reason"] == "1 bytes are too few"


async def test_file_stays_whole_when_a_save_fails(path: Path) -> None:
    file = StateFile(path, "races")
    await file.save(lambda: b"{}")
    path.with_name(".races.json.new").mkdir()
    with capture_logs() as logs:
        await file.save(lambda: b'{"bike-1": []}')
    assert content_of(path) == b"{}"
    assert [log["event"] for log in logs] == ["races not saved"]


async def test_file_is_not_written_if_it_has_the_content_already(path: Path) -> None:
    await StateFile(path, "races").save(lambda: b"{}")
    before = inode_of(path)
    file = StateFile(path, "races")
    file.load(lambda content: None)
    await file.save(lambda: b"{}")
    assert inode_of(path) == before
    await file.save(lambda: b"[]")
    assert inode_of(path) != before


def inode_of(path: Path) -> int:
    return path.stat().st_ino


def content_of(path: Path) -> bytes:
    return path.read_bytes()


async def test_calls_made_during_a_write_share_the_next_one(path: Path) -> None:
    file = BusyDisk(path, "races")
    contents = [b"1"]
    saves = [asyncio.create_task(file.save(lambda: contents[-1]))]
    assert await asyncio.to_thread(file.is_saving.wait, 10)
    for content in (b"2", b"3", b"4"):
        contents.append(content)
        saves.append(asyncio.create_task(file.save(lambda: contents[-1])))
    file.may_go_on.set()
    await asyncio.gather(*saves)
    assert file.written == [b"1", b"4"]


async def test_save_that_is_cancelled_ends_after_its_write(path: Path) -> None:
    file = BusyDisk(path, "races")
    saving = asyncio.create_task(file.save(lambda: b"1"))
    assert await asyncio.to_thread(file.is_saving.wait, 10)
    saving.cancel()
    await asyncio.sleep(0)
    assert not saving.done()
    file.may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert content_of(path) == b"1"


class BusyDisk(StateFile):
    """A file whose first write waits until the disk `may_go_on`."""

    def __init__(self, path: Path, content: str) -> None:
        super().__init__(path, content)
        self.is_saving = threading.Event()
        self.may_go_on = threading.Event()
        self.written: list[bytes] = []

    def _write(self, content: bytes) -> None:
        self.is_saving.set()
        assert self.may_go_on.wait(10)
        self.written.append(content)
        super()._write(content)
