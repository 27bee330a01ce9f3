"""A small file of state: whole or as before, and never a reason to stop."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.host.state_file import MAX_BYTES, REASON_MAX, RETRY_S, StateFile, StateFiles
from tests.support.files import full_disk
from tests.support.virtual_clock import VirtualClock


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
    assert path.with_name("races.json.damaged-1").read_bytes() == b"{"
    assert not path.exists()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def full_directory(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


def endless_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def huge_file(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)


PLACES = [fifo, full_directory, unix_socket, endless_device, link_to_itself, huge_file]


@pytest.mark.parametrize("occupy", PLACES)
async def test_file_whose_place_is_taken_is_set_aside_named_and_saved(
    path: Path, occupy: Callable[[Path], None]
) -> None:
    occupy(path)
    files, loaded = StateFiles(path.parent), list[bytes]()
    file = files.load(path.name, "races", loaded.append)
    assert loaded == []
    aside = path.with_name("races.json.damaged-1")
    assert aside.name in names_in(aside.parent)
    [problem] = files.problems
    assert problem.startswith(f"races not restored: {path}: ")
    assert problem.endswith(f"it was set aside as {aside}")
    assert files.set_aside == 1
    await file.save(lambda: b"{}")
    assert (file.unsaved, content_of(path)) == (None, b"{}")


def test_link_to_a_file_elsewhere_is_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"{}")
    path.symlink_to(tmp_path / "elsewhere")
    loaded: list[bytes] = []
    StateFile(path, "races").load(loaded.append)
    assert loaded == [b"{}"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read_is_set_aside(path: Path) -> None:
    path.write_bytes(b"{}")
    path.chmod(0)
    StateFile(path, "races").load(lambda content: None)
    assert path.with_name("races.json.damaged-1").exists()


def test_reason_why_a_file_is_set_aside_is_short(path: Path) -> None:
    def refuse(content: bytes) -> None:
        raise ValueError("no\n" * 10_000)

    path.write_bytes(b"{")
    file = StateFile(path, "races")
    file.load(refuse)
    assert len(file.problems[0]) < REASON_MAX + 2 * len(str(path)) + 100
    assert "\n" not in file.problems[0]


async def test_content_that_could_not_be_saved_is_saved_later_by_itself(path: Path) -> None:
    files, clock = StateFiles(path.parent), VirtualClock()
    file = files.load(path.name, "races", lambda content: None)
    running = asyncio.create_task(files.run(clock))
    with capture_logs() as logs:
        with full_disk():
            for _ in range(5):
                await file.save(lambda: b"{}")
        assert files.problems == [
            f"races not saved, so a restart would lose them: {path}: No space left on device"
        ]
        await clock.run_for(RETRY_S + 1)
        while file.unsaved is not None:  # noqa: ASYNC110 a thread writes it
            await asyncio.sleep(0.01)
    assert (content_of(path), files.problems) == (b"{}", [])
    assert [log["event"] for log in logs] == ["races not saved", "races saved again"]
    running.cancel()


async def test_same_content_is_saved_once_the_disk_accepts_it(path: Path) -> None:
    file = StateFile(path, "races")
    with full_disk():
        await file.save(lambda: b"{}")
    assert len(file.problems) == 1
    await file.save(lambda: b"{}")
    assert (file.problems, content_of(path)) == ([], b"{}")


async def test_calls_made_during_a_write_serialize_once(path: Path) -> None:
    file, serialized = StateFile(path, "races"), list[int]()

    def serialize() -> bytes:
        serialized.append(1)
        return b"{}"

    await asyncio.gather(*(file.save(serialize) for _ in range(100)))
    assert len(serialized) <= 2


async def test_file_stays_whole_when_a_save_fails(path: Path) -> None:
    file = StateFile(path, "races")
    await file.save(lambda: b"{}")
    with capture_logs() as logs, full_disk():
        await file.save(lambda: b'{"bike-1": []}')
    assert content_of(path) == b"{}"
    assert [log["event"] for log in logs] == ["races not saved"]


async def test_reason_why_a_file_is_not_saved_names_the_place_if_it_is_another(path: Path) -> None:
    file = StateFile(path, "races")
    missing = StateFile(path.parent / "aside" / path.name, "races")
    full_directory(path)
    for one in (file, missing):
        await one.save(lambda: b"{}")
    assert file.unsaved == "Is a directory"
    assert missing.unsaved == f"{path.parent}/aside/.races.json.new: No such file or directory"


async def test_file_is_not_written_if_it_has_the_content_already(path: Path) -> None:
    await StateFile(path, "races").save(lambda: b"{}")
    before = inode_of(path)
    file = StateFile(path, "races")
    file.load(lambda content: None)
    await file.save(lambda: b"{}")
    assert inode_of(path) == before
    await file.save(lambda: b"[]")
    assert inode_of(path) != before


def names_in(directory: Path) -> list[str]:
    return os.listdir(directory)


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

    def _write(self, content: bytes) -> str | None:
        self.is_saving.set()
        assert self.may_go_on.wait(10)
        self.written.append(content)
        return super()._write(content)
