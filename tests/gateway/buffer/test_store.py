"""The directory of logs: damage, obstacles and full disks; its contract: tests/contracts."""

import errno
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from typing import Any, NoReturn

import pytest

from gateway.buffer import log_format
from gateway.buffer import store as store_module
from gateway.buffer.log_file import LOG_MAX_BYTES, LOG_MESSAGES, STEP_BYTES, LogFile
from gateway.buffer.log_format import (
    HEADER_BYTES,
    OVERHEAD_BYTES,
    UNDATED,
    LogKind,
    LogName,
    decode_record,
)
from gateway.buffer.store import (
    FILES_MAX,
    OPEN_MAX,
    RIDDEN_WRITES,
    Batch,
    Record,
    Store,
    StoreError,
    Written,
)
from tests.contracts.test_store import SMALL, id_of, payload, records, waiting
from tests.support.telemetry import message

ROOMY = 1 << 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "buffer"


@pytest.fixture
def opened(path: Path) -> Iterator[Store]:
    opened = Store(path, ROOMY)
    yield opened
    opened.close()


def logs(path: Path) -> list[Path]:
    return sorted(path.glob("*.log"))


# Files.


def test_names_of_logs_show_their_first_id_kind_and_race(path: Path, opened: Store) -> None:
    batch = [*records([2, 1]), *records([3], UNDATED)]
    opened.write(Batch(batch, quarantined=[(Record(4, 7, b""), "refused")]))
    assert [file.name[:-13] for file in logs(path)] == [
        "0000000000000001-R7",
        "0000000000000003-U-1",
        "0000000000000004-Q0",
    ]
    assert all(LogName.parse(file.name) for file in logs(path))


def test_name_of_a_log_has_its_lowest_id(path: Path, opened: Store) -> None:
    for id_ in (5, 2, 9, 3):
        opened.write(Batch(records([id_])))
    content = {name.first_id: [one.id for one in opened.read(name)] for name in opened.waiting()}
    assert content == {5: [5], 2: [2, 3, 9]}


def test_race_whose_messages_are_all_done_with_has_no_file(path: Path, opened: Store) -> None:
    placed = opened.write(Batch([*records([1, 2]), *records([3], race_id=8)])).placed
    opened.write(Batch(done=[(placed[1], 1), (placed[2], 2)]))
    assert logs(path) == [path / str(placed[3])]


def test_tick_of_a_race_costs_one_write_and_one_sync(
    opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = opened.write(Batch(records([1, 2]))).placed
    opened.write(Batch(records([3])))  # lays out space
    calls: list[str] = []

    def counted(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def count(*args: object) -> object:
            calls.append(name)
            return call(*args)

        return count

    for name in ("pwrite", "fdatasync", "fsync"):
        monkeypatch.setattr(os, name, counted(name, getattr(os, name)))
    opened.write(Batch(records([4, 5]), done=[(placed[1], 1)]))
    assert calls == ["pwrite", "fdatasync", "pwrite"], "what is done with reaches it lazily"


def test_long_race_is_continued_in_another_log(path: Path, opened: Store) -> None:
    batch = records(range(1, 2 * LOG_MESSAGES + 2))
    opened.write(Batch(batch))
    assert list(opened.waiting().values()) == [LOG_MESSAGES, LOG_MESSAGES, 1]
    opened.close()
    again = Store(path, ROOMY)
    assert waiting(again) == {7: batch}
    again.close()


def test_races_that_are_over_are_closed(path: Path, opened: Store) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for id_ in range(1, 4 * OPEN_MAX):
        opened.write(Batch(records([id_], race_id=id_)))
    assert len(os.listdir("/proc/self/fd")) == before + OPEN_MAX + 1
    assert len(logs(path)) == 4 * OPEN_MAX - 1
    opened.write(Batch(records([1000], race_id=1)))
    assert waiting(opened)[1] == [*records([1], race_id=1), *records([1000], race_id=1)]


def test_races_ridden_at_the_same_time_have_one_log_each(path: Path, opened: Store) -> None:
    before = len(os.listdir("/proc/self/fd"))
    bikes, id_ = 10 * OPEN_MAX, 0
    for _ in range(20):
        for race_ids in (range(bikes), [3]):  # all, and one with a final
            tick = [Record(id_ + n, race_id, b"") for n, race_id in enumerate(race_ids, start=1)]
            opened.write(Batch(tick))
            id_ += len(tick)
    assert len(logs(path)) == bikes
    for _ in range(RIDDEN_WRITES):
        id_ += 1
        opened.write(Batch(records([id_], race_id=3)))
    assert len(os.listdir("/proc/self/fd")) == before + OPEN_MAX + 1


@pytest.fixture
def open_files_max(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of open files after each write to one."""
    counts = list[int]()
    pwrite = os.pwrite

    def counted(*args: Any) -> int:
        counts.append(len(os.listdir("/proc/self/fd")))
        return pwrite(*args)

    monkeypatch.setattr(os, "pwrite", counted)
    return counts


def test_write_for_many_races_opens_few_files_and_lays_out_no_space(
    path: Path, open_files_max: list[int]
) -> None:
    store, before = Store(path, ROOMY), len(os.listdir("/proc/self/fd"))
    races = 4 * FILES_MAX
    for first in (0, races, 2 * races):
        batch = [Record(first + race_id + 1, race_id, b"ridden") for race_id in range(races)]
        used_bytes = store.write(Batch(batch)).used_bytes
    id_ = 3 * races
    for first in range(races, 2 * races, FILES_MAX):
        batch = [Record(id_ := id_ + 1, first + n, b"ridden") for n in range(FILES_MAX)]
        used_bytes = store.write(Batch(batch)).used_bytes
    assert max(open_files_max) <= before + 2 * FILES_MAX + 1
    assert len(os.listdir("/proc/self/fd")) <= before + FILES_MAX + 1
    assert used_bytes <= 4 * races * 4096 + FILES_MAX * STEP_BYTES
    assert sum(store.waiting().values()) == 4 * races
    store.close()
    again = Store(path, ROOMY)
    assert (sum(again.waiting().values()), again.lost) == (4 * races, 0)
    again.close()


def test_write_for_many_races_that_fails_leaves_none_of_them(
    path: Path, opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.write(Batch(records([1], race_id=0)))
    batch = [Record(race_id + 2, race_id, b"ridden") for race_id in range(2 * FILES_MAX)]
    failing = Failing(monkeypatch, "fdatasync")
    failing.after = 2 * FILES_MAX - 1
    with pytest.raises(StoreError):
        opened.write(Batch(batch))
    monkeypatch.undo()
    assert waiting(opened) == {0: records([1], race_id=0)}
    assert len(logs(path)) == 1


def test_new_logs_of_a_write_cost_one_sync_of_the_directory(
    opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = list[Path]()
    monkeypatch.setattr(store_module, "sync_directory", synced.append)
    opened.write(Batch([Record(race_id + 1, race_id, b"") for race_id in range(20)]))
    assert synced == [opened.path, opened.path.parent]


def test_messages_of_a_write_that_are_too_many_bytes_for_a_record_are_in_several(
    opened: Store,
) -> None:
    batch = [Record(id_, 7, os.urandom(100_000)) for id_ in range(1, 100)]
    opened.write(Batch(batch))
    assert waiting(opened) == {7: batch}


def test_log_that_a_write_appends_to_twice_is_taken_back_once(
    opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = Batch([Record(id_, 7, bytes(LOG_MAX_BYTES // 2 + 1)) for id_ in (1, 2, 3)])
    failing = Failing(monkeypatch, "fdatasync")
    failing.after = 0
    with pytest.raises(StoreError):
        opened.write(batch)
    monkeypatch.undo()
    opened.write(batch)
    assert waiting(opened) == {7: [*batch.records]}
    assert len(opened.waiting()) == 1


def test_directory_and_logs_are_closed_to_others(path: Path, opened: Store) -> None:
    opened.write(Batch(records([1])))
    assert [one.stat().st_mode & 0o777 for one in (path, *logs(path))] == [0o700, 0o600]


def test_files_that_are_no_logs_are_left_alone(path: Path) -> None:
    path.mkdir(parents=True)
    for name in ("notes.txt", "0000000000000001-R7-0000000g.log", ".log"):
        (path / name).write_text("mine")
    opened = Store(path, SMALL)
    opened.write(Batch(records([1])))
    opened.close()
    assert len(list(path.iterdir())) == 4
    assert opened.notes == []


def log_name(first_id: int = 1) -> str:
    return str(LogName(first_id, LogKind.RACE, 7, 5))


@pytest.mark.parametrize("kind", ["FIFO", "directory", "link", "newer", "newer and damaged"])
def test_what_cannot_be_read_in_the_place_of_a_log_is_noted_and_left_alone(
    path: Path, kind: str
) -> None:
    path.mkdir(parents=True)
    place = path / log_name()
    reason = "not a regular file"
    match kind:
        case "FIFO":
            os.mkfifo(place)
        case "directory":
            place.mkdir()
            reason = "Is a directory"
        case "link":
            place.symlink_to("/etc/hostname")
            reason = "Too many levels of symbolic links"
        case "newer":
            place.write_bytes(log_format.encode_header(log_format.VERSION + 1) + b"unknown")
            reason = "format 2, written by a newer version of the gateway"
        case "newer and damaged":
            header = log_format.encode_header(log_format.VERSION + 1)
            place.write_bytes(header[:-1] + b"?" + b"unknown")
            reason = "neither its header nor any record is sound"
    opened = Store(path, ROOMY)
    assert opened.notes == [
        f"{place} cannot be read: {reason}; the messages there stay on the disk until a gateway "
        "starts that can read them"
    ]
    assert opened.last_id == 1, "its ids are taken"
    opened.write(Batch(records([2])))
    assert waiting(opened) == {7: records([2])}
    opened.close()
    assert os.path.lexists(place)


def test_many_files_that_cannot_be_read_are_one_note(path: Path) -> None:
    path.mkdir(parents=True)
    for id_ in range(1, 2001):
        os.mkfifo(path / log_name(id_))
    opened = Store(path, ROOMY)
    [note] = opened.notes
    assert note.startswith(f"{path / log_name(1)} and 1999 more cannot be read: not a regular file")
    opened.close()


def test_store_whose_place_is_taken_names_it(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("in the way")
    with pytest.raises(StoreError, match=f"{path}: File exists"):
        Store(path, ROOMY)


# Damage.


def test_message_of_a_killed_process_that_is_damaged_is_counted_at_the_start(path: Path) -> None:
    first = Store(path, ROOMY)
    placed = first.write(Batch(records([1, 2]))).placed
    first.write(Batch(done=[(placed[1], 1)]))
    file = path / str(placed[1])
    flip(file, HEADER_BYTES + OVERHEAD_BYTES)
    again = Store(path, ROOMY)
    assert (again.lost, again.waiting()) == (1, {}), "1 was done with"
    assert not file.exists()
    again.close()
    first.close()


def test_messages_that_turn_out_to_be_damaged_are_missing_once(path: Path) -> None:
    first = Store(path, ROOMY)
    name = first.write(Batch(records([1, 2]))).placed[1]
    first.write(Batch(records([3, 4])))
    first.close()
    flip(path / str(name), HEADER_BYTES + OVERHEAD_BYTES)
    again = Store(path, ROOMY)
    assert (again.waiting(), again.lost) == ({name: 4}, 0)
    assert again.read(name) == records([3, 4])
    assert again.waiting() == {name: 2}
    again.write(Batch(done=[(name, 3)]))
    again.close()
    last = Store(path, ROOMY)
    assert (last.waiting(), last.read(name), last.lost) == ({name: 1}, records([4]), 0)
    last.write(Batch(done=[(name, 4)]))
    assert logs(path) == []
    last.close()


def test_log_of_which_nothing_can_be_read_is_deleted_once_it_was(path: Path) -> None:
    first = Store(path, ROOMY)
    name = first.write(Batch(records([1, 2]))).placed[1]
    first.close()
    flip(path / str(name), HEADER_BYTES + OVERHEAD_BYTES)
    again = Store(path, ROOMY)
    assert (again.waiting(), again.read(name), again.waiting()) == ({name: 2}, [], {})
    assert logs(path) == []
    again.close()


def flip(file: Path, at: int, bit: int = 0) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1 << bit
    file.write_bytes(data)


def bytes_of_messages(file: Path) -> list[tuple[range, list[int]]]:
    """Return the bytes of each record of a log that has messages, and their ids."""
    data, name, found = file.read_bytes(), LogName.parse(file.name), []
    assert name is not None
    at = HEADER_BYTES
    while decoded := decode_record(data, at, name.salt):
        record, body, end = decoded
        if record.count:
            ids = [id_ for id_, _ in log_format._decode_messages(record, body)]
            found.append((range(at, end), ids))
        at = end
    return found


def stopped(path: Path, seconds: int) -> dict[int, Record]:
    """Make the logs of a few races; return their messages by id."""
    first, every = Store(path, ROOMY), dict[int, Record]()
    for second in range(1, seconds + 1):
        ids = range(len(every) + 1, len(every) + 6)
        races = (7, 7, 8, 9, 10 + second // 100)
        tick = [
            Record(id_, race_id, message(second, race_id, f"bike-{id_ % 5}").to_json())
            for id_, race_id in zip(ids, races, strict=True)
        ]
        first.write(Batch(tick))
        every.update((one.id, one) for one in tick)
    first.close()
    return every


def found_in(path: Path) -> tuple[list[Record], int]:
    """Return the messages that can be read, and the number of those that are lost."""
    again = Store(path, ROOMY)
    at_first = again.waiting()
    found = [one for name in at_first for one in again.read(name)]
    assert sum(again.waiting().values()) == len(found)
    again.close()
    return found, again.lost + sum(at_first.values()) - len(found)


@pytest.mark.parametrize("seed", range(5))
def test_thousand_flipped_bits_of_a_stopped_store_cost_only_their_messages(
    path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    every = stopped(path, seconds=300)
    spans = {file: bytes_of_messages(file) for file in logs(path)}
    sizes = [file.stat().st_size for file in spans]
    touched: set[tuple[Path, int]] = set()
    while len(touched) < 1000:
        [file] = chance.choices([*spans], sizes)
        touched.add((file, chance.randrange(file.stat().st_size)))
    for file, at in touched:
        flip(file, at, chance.randrange(8))
    damaged = {
        id_
        for file, found in spans.items()
        for span, ids in found
        if any((file, at) in touched for at in span)
        for id_ in ids
    }
    found, lost = found_in(path)
    assert sorted(found, key=id_of) == [one for one in every.values() if one.id not in damaged]
    assert lost == len(damaged)


@pytest.mark.parametrize("is_killed", [False, True])
def test_any_flipped_bit_of_a_store_costs_at_most_its_record(
    path: Path, *, is_killed: bool
) -> None:
    every = stopped(path, seconds=3)
    chance = random.Random(3)
    [file] = path.glob("*-R7-*")
    of_messages = bytes_of_messages(file)
    if is_killed:
        file.write_bytes(file.read_bytes()[:-OVERHEAD_BYTES])
    whole = file.read_bytes()
    for at in range(len(whole)):
        flip(file, at, chance.randrange(8))
        found, lost = found_in(path)
        damaged = {id_ for span, ids in of_messages if at in span for id_ in ids}
        assert sorted(found, key=id_of) == [one for one in every.values() if one.id not in damaged]
        assert lost == len(damaged) or (is_killed and at in of_messages[-1][0])
        file.write_bytes(whole)


def test_damaged_end_with_an_unknown_number_of_messages_is_noted(path: Path) -> None:
    store = Store(path, ROOMY)
    store.write(Batch(records([1])))
    store.write(Batch(records([2])))
    [file] = logs(path)
    sound = file.read_bytes()[: bytes_of_messages(file)[0][0].stop]
    file.write_bytes(sound + bytes(range(1, 256)) * 2)
    again = Store(path, ROOMY)
    assert waiting(again) == {7: records([1])}
    assert again.notes == [
        f"{file}: the end was damaged; it is not known how many messages were lost there"
    ]
    again.close()
    assert Store(path, ROOMY).notes == [], "it is noted once"


# Files that others touch, and writes that fail.


@pytest.mark.parametrize("is_directory", [False, True])
def test_logs_deleted_under_way_are_reported_with_the_next_write(
    path: Path, opened: Store, *, is_directory: bool
) -> None:
    placed = opened.write(Batch([*records([1]), *records([2], race_id=8)])).placed
    for file in logs(path) if is_directory else [path / str(placed[1])]:
        file.unlink()
    if is_directory:
        path.rmdir()
    with pytest.raises(StoreError, match=f"{placed[1]}: the file was deleted"):
        opened.write(Batch(records([3])))
    written = opened.write(Batch(records([3])))
    assert list(written.vanished) == ([placed[1], placed[2]] if is_directory else [placed[1]])
    assert waiting(opened) == {7: records([3])} | ({} if is_directory else {8: records([2], 8)})
    assert opened.write(Batch(records([4]))).vanished == []


def test_log_deleted_before_it_is_read_is_reported_with_the_next_write(
    path: Path, opened: Store
) -> None:
    name = opened.write(Batch(records([1]))).placed[1]
    (path / str(name)).unlink()
    assert opened.read(name) == []
    assert list(opened.write(Batch(records([2], race_id=8))).vanished) == [name]


def test_quarantine_that_was_deleted_is_nobodys_loss(path: Path, opened: Store) -> None:
    opened.write(Batch(quarantined=[(one, "refused") for one in records([1])]))
    logs(path)[0].unlink()
    written = opened.write(Batch(requeued_ids=[1]))
    assert (written.released, list(written.vanished), opened.quarantined) == (0, [], 0)


class Failing:
    """A system call that fails from its `after`-th call on, or writes only some of the bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.after: int | None = None
        self.error = OSError(errno.ENOSPC, "No space left on device")
        call: Callable[..., object] = getattr(os, name)

        def failing(*args: object) -> object:
            if self.after is not None:
                self.after -= 1
                if self.after < 0:
                    raise self.error
            return call(*args)

        monkeypatch.setattr(os, name, failing)


@pytest.mark.parametrize("name", ["pwrite", "fdatasync", "open"])
@pytest.mark.parametrize("after", range(5))
def test_write_that_fails_at_any_call_changes_nothing_and_is_taken_again(
    path: Path, opened: Store, monkeypatch: pytest.MonkeyPatch, name: str, after: int
) -> None:
    placed = opened.write(Batch([*records([1, 2]), *records([3], race_id=8)])).placed
    opened.write(Batch(done=[(placed[1], 1)]))
    before = waiting(opened)
    refused = [(one, "refused") for one in records([7])]
    batch = Batch([*records([4]), *records([5], race_id=8), *records([6], race_id=9)], (), refused)
    failing = Failing(monkeypatch, name)
    failing.after = after
    is_written = False
    with suppress(StoreError):
        opened.write(batch)
        is_written = True
    monkeypatch.undo()
    if not is_written:
        assert (waiting(opened), opened.quarantined) == (before, 0)
        assert opened.write(batch).vanished == [], "only what others delete"
    expected = {7: records([2, 4]), 8: records([3, 5], 8), 9: records([6], 9)}
    assert (waiting(opened), opened.quarantined) == (expected, 1)
    again = Store(path, ROOMY)
    assert (waiting(again), again.quarantined, again.lost) == (expected, 1, 0)
    again.close()


def test_logs_whose_sync_failed_are_not_appended_to(
    path: Path, opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = opened.write(Batch(records([1]))).placed
    failing = Failing(monkeypatch, "fdatasync")
    failing.after, failing.error = 0, OSError(errno.EIO, "Input/output error")
    with pytest.raises(StoreError, match="Input/output error"):
        opened.write(Batch(records([2])))
    failing.after = None
    assert opened.write(Batch(records([2]))).placed[2] != placed[1]
    assert waiting(opened) == {7: records([1, 2])}
    assert len(logs(path)) == 2


@pytest.mark.parametrize("is_open", [True, False])
def test_done_messages_that_the_disk_refuses_once_are_recorded_with_the_next_write(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, is_open: bool
) -> None:
    store = Store(path, ROOMY)
    placed = store.write(Batch([*records([1, 2]), *records([3], race_id=8)])).placed
    if not is_open:
        store.close()
        store = Store(path, ROOMY)
        store.write(Batch())
    for name in ("pwrite", "unlink"):
        failing = Failing(monkeypatch, name)
        failing.after = 0
    store.write(Batch(done=[(placed[1], 1), (placed[3], 3)]))
    monkeypatch.undo()
    assert waiting(store) == {7: records([2])}
    store.write(Batch(records([4], race_id=9)))
    again = Store(path, ROOMY)
    assert waiting(again) == {7: records([2]), 9: records([4], race_id=9)}, "no ghosts"
    again.close()
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts file systems")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    # A test that has failed may have left files open.
    subprocess.run(["umount", "--lazy", place], check=True)


def test_full_disk_refuses_writes_and_keeps_what_it_has(small_disk: Path) -> None:
    full, kept = Store(small_disk / "buffer", ROOMY), dict[int, Record]()
    for id_ in range(1, 10_000):
        one = Record(id_, id_ // 200, payload(id_))
        try:
            full.write(Batch([one]))
        except StoreError as error:
            assert str(error).endswith("No space left on device")  # noqa: PT017
            break
        kept[id_] = one
    assert full.free_bytes() < 64 << 10
    for _ in range(3):
        with pytest.raises(StoreError, match="No space left on device"):
            full.write(Batch([Record(10_000, 10_000, payload(1, 400_000))]))
    assert [one for found in waiting(full).values() for one in found] == [*kept.values()]
    oldest = next(iter(full.waiting()))
    gone = full.read(oldest)
    full.write(Batch(done=[(oldest, one.id) for one in gone]))
    full.write(Batch([Record(10_001, 10_001, b"fits")]))
    again = Store(small_disk / "buffer", ROOMY)
    assert sum(again.waiting().values()) == len(kept) - len(gone) + 1
    assert again.lost == 0
    full.close()
    again.close()


def test_full_disk_gets_room_from_what_is_done_with_while_more_is_to_be_written(
    small_disk: Path,
) -> None:
    full, placed = Store(small_disk / "buffer", ROOMY), dict[int, LogName]()
    for id_ in range(1, 10_000):
        try:
            placed |= full.write(Batch([Record(id_, id_ // 100, payload(id_))])).placed
        except StoreError:
            break
    race = placed[1]
    done = [(name, id_) for id_, name in placed.items() if name == race]
    moved = Record(150, 1, payload(150, 400_000))  # from one log into another
    batch = Batch([moved], done=[*done, (placed[150], 150)])
    with pytest.raises(StoreError, match="No space left on device"):
        full.write(batch)
    assert race not in full.waiting()
    assert 150 in [one.id for one in full.read(placed[150])]
    small = Batch([Record(150, 1, b"fits")], done=batch.done)
    full.write(small)
    assert not (small_disk / "buffer" / str(race)).exists()
    assert [one.payload for one in waiting(full)[1] if one.id == 150] == [b"fits"]
    full.close()


def test_store_that_has_failed_first_tries_the_disk_with_a_small_write(
    path: Path, opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing(monkeypatch, "fdatasync")
    failing.after = 0
    with pytest.raises(StoreError):
        opened.write(Batch(records([1])))
    written = list[int]()
    monkeypatch.setattr(os, "fsync", raising(OSError(errno.EIO, "Input/output error")))
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: written.append(len(data)))
    for batch in (Batch(records(range(1, 20_000))), Batch()):
        with pytest.raises(StoreError, match="Input/output error"):
            opened.write(batch)
    assert written == []
    monkeypatch.undo()
    assert opened.write(Batch()).placed == {}
    opened.write(Batch(records([1])))
    assert [file.name for file in path.iterdir()] == [file.name for file in logs(path)]


def raising(error: OSError) -> Callable[..., NoReturn]:
    def fail(*_: object) -> NoReturn:
        raise error

    return fail


def test_done_messages_that_are_reported_twice_count_once(opened: Store) -> None:
    name = opened.write(Batch(records([1, 2, 3]))).placed[1]
    for _ in range(2):
        opened.write(Batch(done=[(name, 1)]))
    assert opened.waiting() == {name: 2}
    refused = Batch(done=[(name, 2)], quarantined=[(records([2])[0], "refused")])
    opened.write(refused)
    opened.write(Batch(requeued_ids=[2]))
    opened.write(Batch(done=[(name, 2)]))
    assert waiting(opened) == {7: records([3])}


def test_store_in_a_read_only_directory_is_read_and_refuses_writes(
    small_disk: Path,
) -> None:
    first = Store(small_disk / "buffer", ROOMY)
    placed = first.write(Batch([*records([1, 2]), *records([3], race_id=8)])).placed
    first.write(Batch(done=[(placed[1], 1)]))
    first.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    opened = Store(small_disk / "buffer", ROOMY)
    assert (opened.notes, opened.lost) == ([], 0)
    assert waiting(opened) == {7: records([2]), 8: records([3], 8)}
    with pytest.raises(StoreError, match="Read-only file system"):
        opened.write(Batch(records([4])))
    with pytest.raises(StoreError, match="Read-only file system"):
        opened.write(Batch(done=[(placed[3], 3)]))
    assert waiting(opened) == {7: records([2])}, "as far as this process knows"
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    opened.write(Batch(records([4])))
    assert waiting(opened) == {7: records([2, 4])}
    opened.close()


# The bound.


def test_bound_that_was_made_much_smaller_is_kept_by_the_next_write(path: Path) -> None:
    opened = Store(path, ROOMY)
    races = range(1, 601)
    opened.write(Batch([Record(race_id, race_id, payload(race_id)) for race_id in races]))
    opened.close()
    smaller = Store(path, SMALL)
    written = smaller.write(Batch())
    assert written.used_bytes <= SMALL
    left = {name.race_id for name in smaller.waiting()}
    assert left == set(races[-len(left) :]), "the newest"
    assert len(written.evicted) == len(races) - len(left)
    smaller.close()


def test_release_reads_only_the_logs_that_can_have_the_messages(
    opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for first in range(1, 10 * LOG_MESSAGES, LOG_MESSAGES):
        ids = range(first, first + LOG_MESSAGES)
        opened.write(Batch(quarantined=[(one, "refused") for one in records(ids)]))
    read, reads = LogFile.read, list[LogName]()

    def counted(log: LogFile) -> dict[int, bytes]:
        reads.append(log.name)
        return read(log)

    monkeypatch.setattr(LogFile, "read", counted)
    ids = range(LOG_MESSAGES // 2, LOG_MESSAGES // 2 + 1000)
    assert opened.write(Batch(dropped_ids=[*ids])).released == 1000
    assert len(reads) <= 2


def test_bound_counts_the_space_that_is_laid_out(path: Path) -> None:
    opened = Store(path, SMALL)
    for id_ in range(1, 41):
        used = opened.write(Batch(records([id_], race_id=id_))).used_bytes
        on_disk = sum(file.stat().st_blocks * 512 for file in logs(path))
        assert on_disk <= used <= SMALL
    opened.close()


@pytest.mark.parametrize("race_id", [7, UNDATED])
def test_eviction_costs_at_most_an_eighth_of_a_small_buffer(path: Path, race_id: int) -> None:
    opened, kept = Store(path, SMALL), 0
    for first in range(1, 4000, 20):
        tick = [Record(id_, race_id, payload(id_, 1500)) for id_ in range(first, first + 20)]
        used_bytes = opened.write(Batch(tick)).used_bytes
        before, kept = kept + 20, sum(opened.waiting().values())
        assert used_bytes <= SMALL
        assert max(file.stat().st_blocks * 512 for file in logs(path)) <= SMALL / 8
        assert kept >= before * 7 / 8
    assert kept < 4000
    opened.close()


def test_eviction_spares_the_log_that_was_just_written_to(path: Path) -> None:
    opened, ids, slow = Store(path, SMALL), count(1), list[Written]()
    while not (slow and slow[-1].evicted):
        one = Record(next(ids), 1, b"slow")
        others = [Record(id_, 2, payload(id_, 1500)) for id_ in islice(ids, 20)]
        slow.append(opened.write(Batch([one, *others])))
    assert [name.race_id for name in slow[-1].evicted] == [2]
    assert len(waiting(opened)[1]) == len(slow)
    opened.close()
