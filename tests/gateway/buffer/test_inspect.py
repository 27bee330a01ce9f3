"""Looks into a buffer's logs: true while others write, harmless, and plain about what is wrong."""

import errno
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.buffer import inspect as buffer_inspect
from gateway.buffer import log_format
from gateway.buffer.inspect import BufferView, BufferViewError, QuarantinedMessage
from gateway.buffer.log_file import LOG_MESSAGES
from gateway.buffer.log_format import (
    HEADER_BYTES,
    OVERHEAD_BYTES,
    UNDATED,
    Contents,
    LogName,
)
from gateway.buffer.store import Batch, Record, Store
from gateway.sampling.sampler import Sample
from gateway.telemetry.message import telemetry_from_json
from gateway.telemetry.undated import UndatedSample
from tests.support.children import killed_at_end
from tests.support.telemetry import message

ROOMY = 2**30
ROOT = Path(__file__).parents[3]
SAMPLE = Sample(present=True, cadence_rpm=80.0, resistance_percent=40.0, power_w=None)
SECOND = UndatedSample("boot-1", 10**9, "bike-1", SAMPLE).to_json()
#: Writes one message of race 7 at a time, forever, and prints the id of each that is on disk.
WRITER = """
import sys
from itertools import count
from pathlib import Path
from gateway.buffer.store import Batch, Record, Store
from tests.support.telemetry import message

store = Store(Path(sys.argv[1]), 2**30)
for id_ in count(1):
    store.write(Batch([Record(id_, 7, message(id_ % 300 + 1, 7).to_json())]))
    print(id_, flush=True)
"""


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at a damaged log again at once."""
    monkeypatch.setattr(buffer_inspect, "sleep", lambda _: None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "buffer"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path, ROOMY)
    yield store
    store.close()


def record(id_: int, race_id: int = 7, second: int = 1, bike: str = "bike-1") -> Record:
    return Record(id_, race_id, message(second, race_id, bike).to_json())


def write_some(path: Path) -> None:
    """Two races, a second before the clock was set, two messages in quarantine; closed."""
    store = Store(path, ROOMY)
    of_seven = [record(n, 7, n, f"bike-{n % 2}") for n in range(1, 11)]
    of_eight = [record(n, 8, n + 279) for n in range(11, 22)]
    placed = store.write(Batch([*of_seven, *of_eight, Record(22, UNDATED, SECOND)])).placed
    set_aside = [(of_seven[2], "topic not valid"), (of_seven[5], "three strikes")]
    store.write(
        Batch(done=[(placed[one.id], one.id) for one, _ in set_aside], quarantined=set_aside)
    )
    store.close()


def log_of(path: Path, kind: str) -> Path:
    [log] = path.glob(f"*-{kind}-*.log")
    return log


def flip(log: Path, at: int = HEADER_BYTES + OVERHEAD_BYTES) -> None:
    data = bytearray(log.read_bytes())
    data[at] ^= 1
    log.write_bytes(data)


def left_in(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return what could show that somebody was there."""
    return {
        str(one): (
            one.stat().st_mtime_ns,
            one.stat().st_ctime_ns,
            b"" if one.is_dir() else one.read_bytes(),
        )
        for one in (directory, *directory.rglob("*"))
    }


# What it shows.


def test_buffer_view_has_an_overview_of_each_race_and_the_totals(path: Path) -> None:
    write_some(path)
    overview = BufferView(path).overview()
    seven, eight = overview.races
    assert (seven.race_id, seven.messages, seven.finals) == (7, 8, 0)
    assert (seven.first_second, seven.last_second) == (1, 10)
    assert seven.bikes == ["bike-0", "bike-1"]
    assert seven.oldest_ms == message(1, 7).device_timestamp
    assert (eight.race_id, eight.messages, eight.finals) == (8, 11, 1)
    assert (eight.first_second, eight.last_second) == (290, 300)
    assert (overview.messages, overview.unnamed, overview.quarantined) == (19, 1, 2)
    assert eight.payload_bytes == sum(len(message(n, 8).to_json()) for n in range(290, 301))
    assert overview.payload_bytes == seven.payload_bytes + eight.payload_bytes
    assert overview.file_bytes == sum(one.stat().st_blocks * 512 for one in path.iterdir())


def test_buffer_view_adds_up_the_logs_of_a_race(path: Path, store: Store) -> None:
    records = [record(n, 7, n % 300 + 1) for n in range(1, 3 * LOG_MESSAGES)]
    for first in range(0, len(records), 500):
        store.write(Batch(records[first : first + 500]))
    [seven] = BufferView(path).overview().races
    assert (seven.messages, seven.first_second, seven.last_second) == (len(records), 1, 300)
    payloads = [one.payload for one in records]
    assert list(BufferView(path).messages(7)) == payloads


@pytest.mark.parametrize("is_closed", [False, True])
def test_buffer_view_counts_without_reading_what_is_closed(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, is_closed: bool
) -> None:
    write_some(path)
    store = Store(path, ROOMY)
    store.write(Batch([record(100, 9)]))
    if is_closed:
        store.close()
        monkeypatch.setattr(buffer_inspect, "decode_log", pytest.fail)
    assert BufferView(path).counts() == (21, 2)
    store.close()


def test_buffer_view_gives_quarantined_messages_with_reasons(path: Path) -> None:
    write_some(path)
    third, sixth = BufferView(path).quarantine()
    assert (third.id, third.race_id, third.reason) == (3, 7, "topic not valid")
    assert third.telemetry == message(3, 7)
    assert sixth.reason == "three strikes"


def test_buffer_view_gives_the_messages_of_a_race_byte_for_byte(path: Path) -> None:
    write_some(path)
    view = BufferView(path)
    assert list(view.messages(8)) == [message(n, 8).to_json() for n in range(290, 301)]
    assert list(view.messages(9)) == []


def test_messages_of_logs_that_overlap_are_oldest_first(path: Path) -> None:
    """Some of a log were written elsewhere after a failure, or requeued."""
    first, *rest = (1, 6, 7), (2, 3, 9), (4, 5), (10,)
    for ids in (first, *rest):
        store = Store(path, ROOMY)
        store.write(Batch([record(n, 7, n) for n in ids], quarantined=[(record(ids[0]), "x")]))
        store.close()
    store = Store(path, ROOMY)
    store.write(Batch(quarantined=[(record(n), "x") for n in (6, 3)]))
    store.close()
    seconds = [telemetry_from_json(one).second for one in BufferView(path).messages(7)]
    assert seconds == [1, 2, 3, 4, 5, 6, 7, 9, 10]
    assert [one.id for one in BufferView(path).quarantine()] == [1, 2, 3, 4, 6, 10]


def test_message_that_is_in_two_logs_is_exported_as_often(path: Path) -> None:
    for ids in ((1, 2), (2, 3)):
        store = Store(path, ROOMY)
        store.write(Batch([record(n, 7, n) for n in ids]))
        store.close()
    assert len(list(BufferView(path).messages(7))) == 4


def test_export_has_no_more_in_memory_than_the_logs_that_overlap(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(1, 6):
        store = Store(path, ROOMY)
        store.write(Batch([record(2 * n, 7, n), record(2 * n + 1, 7, n)]))
        store.close()
    view, reads = BufferView(path), list[LogName]()
    read = view._read

    def noted(name: LogName) -> Contents | None:
        reads.append(name)
        return read(name)

    monkeypatch.setattr(view, "_read", noted)
    messages = view.messages(7)
    next(messages)
    assert len(reads) <= 2


def test_buffer_view_counts_unreadable_messages_of_a_race(path: Path, store: Store) -> None:
    store.write(Batch([record(1, 8), Record(2, 8, b"{}"), record(3, 8)]))
    [eight] = BufferView(path).overview().races
    assert (eight.messages, eight.unreadable) == (3, 1)


@pytest.mark.parametrize("reason", ["", "two\nlines", "\udcff"])
def test_quarantined_undated_second_has_no_race_and_no_telemetry(
    path: Path, store: Store, reason: str
) -> None:
    reason = reason.encode("utf-8", "replace").decode()
    store.write(Batch(quarantined=[(Record(1, UNDATED, b"{}\n"), reason)]))
    [found] = BufferView(path).quarantine()
    assert found == QuarantinedMessage(1, None, " ".join(reason.split()), b"{}\n")
    assert found.telemetry is None


def test_buffer_view_reports_progress_log_by_log(path: Path) -> None:
    write_some(path)
    told: list[tuple[int, int]] = []
    BufferView(path).overview(lambda done, total: told.append((done, total)))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert BufferView(path).problems(lambda done, total: told.append((done, total))) == []
    assert len(told) == 8


def test_buffer_view_passes_over_other_files(path: Path) -> None:
    write_some(path)
    (path / "notes.txt").write_text("mine")
    (path / "directory.log").mkdir()
    assert BufferView(path).overview().messages == 19
    assert BufferView(path).problems() == []


# Harmless, while others write.


@pytest.mark.parametrize("is_killed", [False, True])
def test_buffer_view_leaves_the_state_dir_as_it_was(path: Path, *, is_killed: bool) -> None:
    write_some(path)
    if is_killed:
        Store(path, ROOMY).write(Batch([record(100, 9)]))
    before = left_in(path.parent)
    view = BufferView(path)
    assert view.overview().messages == 19 + is_killed
    assert view.counts() == (20 + is_killed, 2)
    assert len(list(view.quarantine())) == 2
    assert len(list(view.messages(8))) == 11
    assert view.problems() == []
    assert left_in(path.parent) == before


def test_buffer_view_is_true_while_a_thread_writes_and_deletes(path: Path, store: Store) -> None:
    ids = iter(range(1, 10**6))
    is_over = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        waiting: list[tuple[int, object]] = []
        while not is_over.is_set():
            batch = [record(next(ids)) for _ in range(50)]
            done, waiting = waiting[:-450], waiting[-450:]
            placed = store.write(Batch(batch, done=[(name, id_) for id_, name in done])).placed  # type: ignore[misc]
            waiting += placed.items()
            written += len(batch)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while written < 1500:
            view = BufferView(path)
            assert [race.race_id for race in view.overview().races] in ([], [7])
            assert all(one.startswith(b'{"uuid"') for one in view.messages(7))
            assert [one for one in view.problems() if "lost" in one or "message" in one] == []
    finally:
        is_over.set()
        writer.join()
    assert BufferView(path).problems() == []
    assert BufferView(path).counts() == (sum(store.waiting().values()), 0)


def test_log_deleted_while_it_is_looked_at_is_passed_over(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_some(path)
    view = BufferView(path)
    messages = view.messages(8)
    names = view._names()
    log_of(path, "R8").unlink()
    assert list(messages) == []
    monkeypatch.setattr(view, "_names", lambda: names)
    assert view.overview().messages == 8
    assert view.counts() == (9, 2)
    assert view.file_bytes == sum(one.stat().st_blocks * 512 for one in path.iterdir())


def killed_writer(path: Path, at_least: int) -> int:
    """Return the last id that was on disk when the writer was killed."""
    with killed_at_end(
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
    ) as writer:
        assert writer.stdout is not None
        last = 0
        for line in writer.stdout:
            last = int(line)
            if last == at_least:
                writer.send_signal(signal.SIGKILL)
        return last


@pytest.mark.slow
def test_buffer_view_reads_what_a_killed_gateway_left_unchanged(path: Path) -> None:
    last = killed_writer(path, 60)
    before = left_in(path.parent)
    view = BufferView(path)
    (race,) = view.overview().races
    assert race.messages in (last, last + 1)
    assert view.counts() == (race.messages, 0)
    assert view.problems() == []
    assert left_in(path.parent) == before
    store = Store(path, ROOMY)
    assert list(store.waiting().values()) == [race.messages]
    store.close()


@pytest.mark.slow
def test_buffer_view_is_true_while_a_process_writes(path: Path) -> None:
    with killed_at_end(
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        seen = []
        for _ in range(20):
            last = int(writer.stdout.readline())
            seen.append(BufferView(path).overview().messages)
            assert seen[-1] >= last
            last = int(writer.stdout.readline())
            assert BufferView(path).counts()[0] >= last
    assert seen == sorted(seen)
    assert BufferView(path).problems() == []


# Who may look.

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A buffer that everybody may read, and only its owner may write."""
    with tempfile.TemporaryDirectory(prefix="buffer-view-") as name:
        Path(name).chmod(0o755)
        yield Path(name, "buffer")


def open_to_all(path: Path) -> None:
    path.chmod(0o755)
    for log in path.iterdir():
        log.chmod(0o644)


def looked_as_nobody(path: Path) -> int | str:
    """Return how many messages there are, or the error."""
    nobody = pwd.getpwnam("nobody").pw_uid
    os.setresuid(nobody, nobody, 0)
    try:
        return BufferView(path).overview().messages
    except BufferViewError as error:
        return str(error)
    finally:
        os.setresuid(0, 0, 0)


@is_root
@pytest.mark.parametrize("is_closed", [False, True])
def test_read_only_user_can_view_a_buffer(open_place: Path, *, is_closed: bool) -> None:
    write_some(open_place)
    store = Store(open_place, ROOMY)
    store.write(Batch([record(100)]))
    if is_closed:
        store.close()
    open_to_all(open_place)
    assert looked_as_nobody(open_place) == 20
    store.close()


@is_root
def test_user_without_read_permission_is_told_to_run_as_root(open_place: Path) -> None:
    write_some(open_place)
    refusal = f"permission denied: {open_place}; run this command as user root or with sudo"
    assert looked_as_nobody(open_place) == refusal
    open_place.parent.chmod(0o700)
    assert looked_as_nobody(open_place) == refusal


@is_root
def test_user_who_may_read_the_directory_but_not_a_log_is_told_which(open_place: Path) -> None:
    write_some(open_place)
    open_place.chmod(0o755)
    assert looked_as_nobody(open_place) == (
        f"permission denied: {log_of(open_place, 'R7')}; run this command as user root or with sudo"
    )


# What is wrong, in words.


def refusal(path: Path) -> str:
    with pytest.raises(BufferViewError) as refused:
        BufferView(path).overview()
    assert str(path.parent) in str(refused.value)
    return str(refused.value)


def test_buffer_view_refuses_a_missing_state_dir(path: Path) -> None:
    assert "does not exist; expected the state_dir of a gateway" in refusal(path)


def test_buffer_view_refuses_a_state_dir_without_a_buffer(path: Path) -> None:
    path.parent.mkdir()
    assert refusal(path) == (
        f"{path} does not exist: no gateway of this version has opened a buffer in this state_dir "
        "yet"
    )


@pytest.mark.parametrize("kind", ["file", "FIFO"])
def test_buffer_view_refuses_what_is_no_directory(path: Path, kind: str) -> None:
    path.parent.mkdir()
    path.touch() if kind == "file" else os.mkfifo(path)
    assert refusal(path) == f"{path} is not a directory; expected a gateway's buffer"


def test_buffer_view_of_an_empty_directory_is_empty(path: Path) -> None:
    path.mkdir(parents=True)
    assert BufferView(path).counts() == (0, 0)
    assert BufferView(path).overview().races == []


def test_buffer_view_refuses_a_log_of_a_newer_version(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = log_format.encode_header(log_format.VERSION + 1)
    monkeypatch.setattr("gateway.buffer.log_file.HEADER", newer)
    write_some(path)
    monkeypatch.undo()
    assert refusal(path) == (
        f"{log_of(path, 'R7')} has format 2, written by a newer alleycat-gateway: use the newer "
        "version"
    )


@pytest.mark.parametrize("kind", ["FIFO", "directory", "link"])
def test_buffer_view_refuses_something_else_in_the_place_of_a_log(path: Path, kind: str) -> None:
    write_some(path)
    log = log_of(path, "R8")
    log.unlink()
    match kind:
        case "FIFO":
            os.mkfifo(log)
        case "directory":
            log.mkdir()
        case _:
            log.symlink_to("/etc/hostname")
    assert refusal(path).startswith(f"{log}: ")
    assert refusal(path).endswith("; expected a log of the buffer")


def test_buffer_view_raises_when_its_directory_is_removed(path: Path) -> None:
    write_some(path)
    view = BufferView(path)
    path.rename(path.with_name("elsewhere"))
    for look in (view.overview, view.counts, view.problems, lambda: view.file_bytes):
        with pytest.raises(BufferViewError, match=f"{path} does not exist"):
            look()


# Verified.


def test_problems_name_a_message_stored_with_another_race(path: Path, store: Store) -> None:
    store.write(Batch([record(1, 8), Record(2, 9, record(2, 8).payload)]))
    assert BufferView(path).problems() == [
        f"{log_of(path, 'R9').name}, message 2: it is stored under race 9, but belongs to race 8"
    ]


def test_problems_name_invalid_payloads(path: Path, store: Store) -> None:
    wrong = record(11, 8).payload.replace(b'"second":1', b'"second":0')
    store.write(Batch([Record(11, 8, wrong), Record(12, 8, b"{"), Record(22, UNDATED, b"\xff")]))
    eleven, twelve, unnamed = BufferView(path).problems()
    assert f"{log_of(path, 'R8').name}, message 11: second: " in eleven
    assert f"{log_of(path, 'R8').name}, message 12: payload: Invalid JSON" in twelve
    assert f"{log_of(path, 'U-1').name}, message 22: not an undated second: " in unnamed


def test_problems_name_damage_with_its_place_and_what_it_cost(path: Path, store: Store) -> None:
    store.write(Batch([record(n) for n in (1, 2, 3)]))
    store.write(Batch([record(4)]))
    store.close()
    log = log_of(path, "R7")
    flip(log)
    damage, lost = BufferView(path).problems()
    size = int(damage.removeprefix(f"{log.name}: ").split()[0])
    assert damage == f"{log.name}: {size} bytes from byte {HEADER_BYTES} on cannot be read"
    assert OVERHEAD_BYTES < size < log.stat().st_size - HEADER_BYTES
    assert lost == f"{log.name}: the damage has cost 3 messages"
    assert list(BufferView(path).messages(7)) == [record(4).payload]


def pread_without_page(page: int) -> Callable[[int, int, int], bytes]:
    """Return an os.pread of a disk that does not give a page of 4,096 bytes."""
    pread, begin = os.pread, page * 4096

    def pread_most(descriptor: int, size: int, at: int) -> bytes:
        if begin <= at < begin + 4096:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pread(descriptor, min(size, begin - at) if at < begin else size, at)

    return pread_most


def test_page_that_the_disk_does_not_give_is_no_damage_of_what_is_before_it(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(1, 200):
        store.write(Batch([record(n)]))
    store.close()
    log = log_of(path, "R7")
    assert log.stat().st_size > 3 * 4096
    monkeypatch.setattr(os, "pread", pread_without_page(2))
    gap, lost, unread = BufferView(path).problems()
    at = int(gap.removesuffix(" on cannot be read").split()[-1])
    assert 4096 < at <= 2 * 4096
    assert gap.endswith(f" bytes from byte {at} on cannot be read")
    assert lost.startswith(f"{log.name}: the damage has cost ")
    assert unread == f"{log.name}: not all of the first 12,288 bytes can be read from the disk"


def test_log_that_the_disk_does_not_give_is_refused_with_where_to_look(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(Batch([record(1)]))
    store.close()
    monkeypatch.setattr(os, "pread", pread_without_page(0))
    assert refusal(path) == (
        f"{log_of(path, 'R7')}: Input/output error; `sudo dmesg` shows whether the disk is failing"
    )


def test_damage_that_is_gone_at_a_second_look_is_none(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one was in the middle of a write."""
    store.write(Batch([record(1)]))
    log = log_of(path, "R7")
    whole = log.read_bytes()
    flip(log)
    monkeypatch.setattr(buffer_inspect, "sleep", lambda _: log.write_bytes(whole))
    assert BufferView(path).problems() == []


@given(
    changes=st.dictionaries(st.integers(0, 2**30), st.integers(0, 255), min_size=1, max_size=200)
)
def test_buffer_view_of_damaged_logs_shows_only_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[int, int]
) -> None:
    path = tmp_path_factory.mktemp("scribbled") / "buffer"
    write_some(path)
    before = [*BufferView(path).messages(7), *BufferView(path).messages(8)]
    for log in path.iterdir():
        content = bytearray(log.read_bytes())
        for offset, byte in changes.items():
            content[offset % len(content)] = byte
        log.write_bytes(content)
    with suppress(BufferViewError):
        view = BufferView(path)
        view.problems()
        assert view.overview().messages <= len(before) + 2, "what was done with may be back"
        assert all(one.telemetry is not None for one in view.quarantine())
        known = {record(n, 7, n, f"bike-{n % 2}").payload for n in range(1, 11)}
        assert set(view.messages(7)) <= known
        assert set(view.messages(8)) <= set(before)
