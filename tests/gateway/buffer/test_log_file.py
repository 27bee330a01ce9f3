"""One log: laid out ahead, torn, taken back, deleted under way, and obstacles in its place."""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.buffer import log_file
from gateway.buffer.log_file import LOG_MESSAGES, STEP_BYTES, LogFile
from gateway.buffer.log_format import (
    HEADER,
    HEADER_BYTES,
    OVERHEAD_BYTES,
    VERSION,
    LogKind,
    Message,
    NewerLogError,
    encode_header,
)
from tests.bench.processes import written_bytes
from tests.support.telemetry import message

TICKS = [[(n, message(n).to_json()), (n + 100, b"x")] for n in range(1, 6)]
EVERY = {id_: payload for tick in TICKS for id_, payload in tick}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogFile]:
    log = LogFile.create(tmp_path / "buffer", LogKind.RACE, 7, first_id=1)
    yield log
    log.delete()


def write(log: LogFile, tick: list[Message]) -> None:
    log.append(tick)
    log.sync()
    log.keep()


def left(log: LogFile) -> LogFile:
    """Return the log as the next process finds it."""
    return LogFile.left(log.path.parent, log.name)


class Calls:
    """The system calls of a log that were counted, and the one that fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[str, int]] = []
        self.failing: dict[str, OSError] = {}
        #: Bytes that the disk takes before it is full.
        self.room: int | None = None
        for name in ("pwrite", "fdatasync", "ftruncate", "fsync"):
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(descriptor: int, *args: Any) -> Any:
            if name in self.failing:
                raise self.failing[name]
            if name == "pwrite" and self.room is not None:
                data, at = args
                args = data[: self.room], at
                self.room -= len(args[0])
                if not args[0] and data:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.made.append((name, len(args[0]) if name == "pwrite" else 0))
            return call(descriptor, *args)

        return watched


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


# Space.


def test_log_has_its_directory_and_file_for_the_owner_alone(log: LogFile) -> None:
    assert log.path.parent.stat().st_mode & 0o777 == 0o700
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_tick_is_one_write_and_one_sync_in_space_that_was_laid_out(
    log: LogFile, calls: Calls
) -> None:
    write(log, TICKS[0])
    assert log.path.stat().st_size < 400, "it may stay the only one"
    write(log, TICKS[1])
    size, blocks = log.path.stat().st_size, log.allocated_bytes
    assert size == STEP_BYTES
    assert STEP_BYTES <= blocks == log.path.stat().st_blocks * 512
    for tick in TICKS[2:]:
        calls.made.clear()
        write(log, tick)
        assert [name for name, _ in calls.made] == ["pwrite", "fdatasync"]
        assert calls.made[0][1] < 400, "the record alone"
    assert (log.path.stat().st_size, log.allocated_bytes) == (size, blocks)


def test_tick_has_no_more_written_than_the_pages_of_its_record(log: LogFile) -> None:
    """By the kernel's own count, which is 0 on a tmpfs."""
    write(log, TICKS[0])
    write(log, TICKS[1])
    write(log, [(1000, os.urandom(STEP_BYTES // 2))])
    for tick in TICKS[2:]:
        before = written_bytes()
        write(log, tick)
        assert written_bytes() - before <= 2 * os.sysconf("SC_PAGESIZE")


def test_space_is_at_least_doubled_when_it_is_used_up(log: LogFile) -> None:
    sizes = set()
    write(log, [(0, b"")])
    for id_ in range(1, 300):
        write(log, [(id_, os.urandom(1000))])
        sizes.add(log.path.stat().st_size)
        assert log.allocated_bytes >= log.path.stat().st_size
    assert sorted(sizes) == [STEP_BYTES << n for n in range(4)]
    assert left(log).read().keys() == set(range(300))


def test_log_takes_messages_up_to_its_limit(log: LogFile) -> None:
    assert log.has_room(LOG_MESSAGES)
    write(log, [(n, b"") for n in range(1, LOG_MESSAGES)])
    assert (log.has_room(1), log.has_room(2)) == (True, False)
    write(log, [(LOG_MESSAGES, b"")])
    assert not log.has_room(1)


def test_closed_log_is_cut_off_and_its_totals_are_known_without_reading_it(
    log: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tick in TICKS:
        write(log, tick)
    log.finish([1, 102])
    log.close()
    assert log.path.stat().st_size < 2000
    monkeypatch.setattr(log_file, "decode_log", pytest.fail)
    found = left(log)
    assert (found.total, found.done, found.pending, found.highest_id) == (10, 2, 8, 105)
    assert not found.has_room(1)


# What the next process finds.


def test_log_of_a_killed_process_is_found_whole_and_closed(log: LogFile) -> None:
    for tick in TICKS:
        write(log, tick)
    log.finish([3])
    log.record_done()
    found = left(log)
    assert (found.total, found.done, found.lost, found.highest_id) == (10, 1, 0, 105)
    assert log.path.stat().st_size < 2000, "it is cut off"
    assert found.read() == {id_: payload for id_, payload in EVERY.items() if id_ != 3}


def test_log_torn_at_any_byte_keeps_all_records_before(log: LogFile) -> None:
    ends = [HEADER_BYTES]
    for tick in TICKS:
        write(log, tick)
        ends.append(log._end)
    whole = log.path.read_bytes()
    for size in range(ends[-1]):
        # Behind the tear: nothing, zeros, or what the block held before.
        for rest in (b"", bytes(len(whole) - size), b"\xa1\x1e" * 500):
            if size < HEADER_BYTES and rest.strip(b"\0"):
                continue  # a sector is written whole or not at all
            torn = whole[:size] + rest
            log.path.write_bytes(torn)
            found = left(log)
            count = sum(torn[:end] == whole[:end] for end in ends[1:])
            assert found.read() == {id_: one for tick in TICKS[:count] for id_, one in tick}
            assert found.lost in (0, 2), "of one tick at most, which was not synced"
            assert (found.total, found.pending) == (2 * count + found.lost, 2 * count)


@given(
    flips=st.sets(st.tuples(st.integers(0, 1500), st.integers(0, 7)), max_size=4),
    is_closed=st.booleans(),
)
def test_flipped_bits_cost_their_records_which_are_counted(
    tmp_path_factory: pytest.TempPathFactory, flips: set[tuple[int, int]], *, is_closed: bool
) -> None:
    log = LogFile.create(tmp_path_factory.mktemp("log"), LogKind.RACE, 7, first_id=1)
    spans = []
    for tick in TICKS:
        begin = log._end
        write(log, tick)
        spans.append(range(begin, log._end))
    if is_closed:
        log.close()
    data = bytearray(log.path.read_bytes())
    in_head = range(spans[-1].start, spans[-1].start + OVERHEAD_BYTES)
    # What the numbers of the last record are is lost if they are damaged and no other vouches.
    flips = {(at, bit) for at, bit in flips if at < len(data) and at not in in_head}
    for at, bit in flips:
        data[at] ^= 1 << bit
    log.path.write_bytes(data)
    sound = [
        tick
        for tick, span in zip(TICKS, spans, strict=True)
        if not any(at in span for at, _ in flips)
    ]
    found = left(log)
    assert found.read() == {id_: payload for tick in sound for id_, payload in tick}
    assert found.total == 10
    assert (found.lost, found.pending) == (10 - 2 * len(sound), 2 * len(sound))


def test_log_that_may_be_of_another_version_is_left_alone(log: LogFile) -> None:
    """Its header is damaged, and so is all else, or of another version."""
    for at in range(HEADER_BYTES):
        data = bytearray(encode_header(VERSION + 1) + b"unknown records" * 100)
        data[at] ^= 1
        log.path.write_bytes(data)
        if data.startswith(HEADER):
            continue
        with pytest.raises(OSError, match="neither its header nor any record is sound"):
            left(log)
        assert log.path.read_bytes() == data


def test_damaged_header_costs_no_message(log: LogFile) -> None:
    write(log, TICKS[0])
    for at in range(HEADER_BYTES):
        data = bytearray(log.path.read_bytes())
        data[at] ^= 0xFF
        log.path.write_bytes(data)
        assert left(log).read() == dict(TICKS[0])


def test_log_of_a_newer_version_is_not_read(log: LogFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "HEADER", encode_header(VERSION + 1))
    newer = LogFile.create(log.path.parent, LogKind.RACE, 7, first_id=1)
    monkeypatch.undo()
    before = newer.path.read_bytes()
    with pytest.raises(NewerLogError, match=str(VERSION + 1)):
        left(newer)
    assert newer.path.read_bytes() == before


def test_log_begun_by_a_killed_process_is_empty(log: LogFile) -> None:
    for size in range(HEADER_BYTES + 1):
        log.path.write_bytes(log.path.read_bytes()[:size])
        assert (left(log).pending, left(log).read()) == (0, {})


def test_records_of_an_earlier_file_are_not_read_from_its_blocks(
    tmp_path: Path, log: LogFile
) -> None:
    """Recycled: the blocks of a deleted log, with a new one written over their beginning."""
    other = LogFile.create(tmp_path, LogKind.RACE, 7, first_id=1)
    for tick in TICKS:
        write(other, [(id_ + 1000, payload) for id_, payload in tick])
    stale = other.path.read_bytes()
    write(log, TICKS[0])
    begun = log.path.read_bytes()[: log._end]
    log.path.write_bytes(begun + stale[len(begun) :])
    assert left(log).read() == dict(TICKS[0])
    log.path.write_bytes(begun + stale)
    assert left(log).read() == dict(TICKS[0])


# Done with.


def test_done_messages_are_recorded_with_the_next_write(log: LogFile, calls: Calls) -> None:
    write(log, TICKS[0])
    write(log, TICKS[1])
    log.finish([1])
    calls.made.clear()
    write(log, TICKS[2])
    assert [name for name, _ in calls.made] == ["pwrite", "fdatasync"]
    assert left(log).read().keys() == {101, 2, 102, 3, 103}


def test_done_messages_that_cannot_be_recorded_are_recorded_later(
    log: LogFile, calls: Calls
) -> None:
    write(log, TICKS[0])
    write(log, TICKS[1])
    for place in ("open", "closed"):
        log.finish([1] if place == "open" else [2])
        calls.room = 3
        with pytest.raises(OSError, match="No space"):
            log.record_done()
        calls.room = None
        assert 1 not in log.read()
        log.record_done()
        assert 1 not in left(log).read()
        log.close()
    assert left(log).read().keys() == {101, 102}


def test_log_that_is_over_needs_no_memory_until_it_can_be_deleted(log: LogFile) -> None:
    write(log, TICKS[0])
    log.close()
    found = left(log)
    found.finish([1, 101])
    assert (found.pending, found.read(), found._done_ids, found._gone) == (0, {}, [], set())


# Writes that fail.


def test_failed_sync_leaves_the_log_as_it_was(log: LogFile, calls: Calls) -> None:
    write(log, TICKS[0])
    log.append(TICKS[1])
    calls.failing["fdatasync"] = OSError(errno.EIO, "Input/output error")
    with pytest.raises(OSError, match="Input/output"):
        log.sync()
    log.take_back()
    assert (log.total, log.pending, log.has_room(1)) == (2, 2, False)
    assert log.read() == dict(TICKS[0])
    assert left(log).read() == dict(TICKS[0])


def test_failed_sync_brings_back_nothing_that_was_done_with(log: LogFile, calls: Calls) -> None:
    write(log, TICKS[0])
    log.finish([1])
    log.record_done()
    log.append(TICKS[1])
    calls.failing["fdatasync"] = OSError(errno.EIO, "Input/output error")
    with pytest.raises(OSError, match="Input/output"):
        log.sync()
    log.take_back()
    assert (log.pending, set(log.read())) == (1, {101})
    assert left(log).read().keys() == {101}


def test_log_on_a_dead_disk_does_not_show_what_was_taken_back(log: LogFile, calls: Calls) -> None:
    """The kernel still has it in its memory."""
    write(log, TICKS[0])
    log.append(TICKS[1])
    dead = OSError(errno.EROFS, "Read-only file system")
    calls.failing = dict.fromkeys(("fdatasync", "pwrite", "ftruncate"), dead)
    with pytest.raises(OSError, match="Read-only"):
        log.sync()
    log.take_back()
    assert (log.pending, log.read()) == (2, dict(TICKS[0]))


def test_log_that_was_never_synced_is_deleted_when_it_is_taken_back(log: LogFile) -> None:
    log.append(TICKS[0])
    log.take_back()
    assert not log.path.exists()


@pytest.mark.parametrize("step", [0, 1, 100])
def test_full_disk_costs_only_what_does_not_fit(log: LogFile, calls: Calls, step: int) -> None:
    """Whether none of the record is written, some, or all of it but not the space behind it."""
    write(log, TICKS[0])
    calls.room = step
    with pytest.raises(OSError, match="No space"):
        log.append([(2, os.urandom(STEP_BYTES))])
    log.take_back()
    calls.room = None
    assert log.read() == dict(TICKS[0])
    found = left(log)
    assert (found.read(), found.lost) == (dict(TICKS[0]), 0)


def test_log_that_cannot_have_its_header_is_not_left_behind(tmp_path: Path, calls: Calls) -> None:
    calls.room = HEADER_BYTES - 1
    with pytest.raises(OSError, match="No space"):
        LogFile.create(tmp_path, LogKind.RACE, 7, first_id=1)
    assert list(tmp_path.iterdir()) == []


def test_log_of_a_killed_process_on_a_read_only_disk_is_read(log: LogFile, calls: Calls) -> None:
    write(log, TICKS[0])
    log.finish([1])
    log.record_done()
    before = log.path.read_bytes()
    calls.failing["pwrite"] = OSError(errno.EROFS, "Read-only file system")
    found = left(log)
    assert (found.pending, set(found.read())) == (1, {101})
    assert log.path.read_bytes() == before


# Files that others touch.


@pytest.mark.parametrize(
    "take_away",
    [
        Path.unlink,
        lambda path: path.rename(path.with_name("elsewhere")),
        lambda path: path.parent.rename(path.parents[1] / "elsewhere"),
    ],
    ids=["deleted", "moved", "moved with its directory"],
)
def test_log_that_disappears_is_noticed_by_the_next_write(
    log: LogFile, take_away: Callable[[Path], object]
) -> None:
    write(log, TICKS[0])
    take_away(log.path)
    with pytest.raises(FileNotFoundError, match=str(log.path)):
        write(log, TICKS[1])


def test_block_that_the_disk_does_not_give_costs_only_its_messages_and_only_now(
    log: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = [[(n, message(n).to_json() + os.urandom(2000))] for n in range(1, 10)]
    for tick in ticks:
        write(log, tick)
    pread = os.pread

    def fail_in_second_block(descriptor: int, size: int, at: int) -> bytes:
        if at // 4096 == 1:
            raise OSError(errno.EIO, "Input/output error")
        return pread(descriptor, min(size, 4096 - at) if at < 4096 else size, at)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", fail_in_second_block)
        found = left(log)
        messages = found.read()
    assert 0 < len(messages) < len(ticks)
    assert found.lost == len(ticks) - len(messages)
    assert left(log).read() == {id_: payload for tick in ticks for id_, payload in tick}


def test_log_whose_end_the_disk_does_not_give_is_left_alone(
    log: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(1, 10):
        write(log, [(n, message(n).to_json() + os.urandom(2000))])
    pread, end = os.pread, log._end

    def fail_in_last_block(descriptor: int, size: int, at: int) -> bytes:
        if at >= end // 4096 * 4096:
            raise OSError(errno.EIO, "Input/output error")
        return pread(descriptor, end // 4096 * 4096 - at, at)

    content = log.path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", fail_in_last_block)
        with pytest.raises(OSError, match="Input/output error"):
            left(log)
    assert log.path.read_bytes() == content
    assert left(log).read().keys() == set(range(1, 10))


def occupied(path: Path, kind: str) -> socket.socket | None:
    match kind:
        case "FIFO":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "link to itself":
            path.symlink_to(path)
        case "link to a file":
            path.symlink_to("/etc/hostname")
        case "device":
            os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))
        case "socket":
            server = socket.socket(socket.AF_UNIX)
            with chdir(path.parent):  # the path of a socket may have 107 bytes
                server.bind(path.name)
            return server
    return None


@pytest.mark.parametrize(
    "kind", ["FIFO", "directory", "link to itself", "link to a file", "device", "socket", "nothing"]
)
def test_something_else_in_the_place_of_a_log_is_an_error_at_once(log: LogFile, kind: str) -> None:
    log.delete()
    if kind == "device" and os.geteuid() != 0:
        pytest.skip("only root makes devices")
    descriptors = os.listdir("/proc/self/fd")
    server = occupied(log.path, kind)
    for read in (log.read, lambda: left(log)):
        with pytest.raises(OSError, match=r".+"):
            read()
    if server is not None:
        server.close()
    assert os.listdir("/proc/self/fd") == descriptors
    if log.path.is_dir() and not log.path.is_symlink():
        log.path.rmdir()
