"""Looks into a buffer's file: true while others write, harmless, and plain about what is wrong."""

import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.buffer import inspect as buffer_inspect
from gateway.buffer.inspect import BUSY_S, BufferView, BufferViewError
from gateway.buffer.store import SCHEMA_VERSION, UNDATED, Batch, Record, Store
from tests.support.children import killed_at_end
from tests.support.telemetry import message

ROOMY = 2**30
ROOT = Path(__file__).parents[3]
#: Writes one message of race 7 a transaction, for ever, and says the id of each that is on disk.
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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "buffer.db"


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
    unnamed = Record(22, UNDATED, b'{"bike_id":"bike-1"}')
    store.write(Batch([*of_seven, *of_eight, unnamed]))
    set_aside = [(of_seven[2], "topic not valid"), (of_seven[5], "three strikes")]
    store.write(Batch(quarantined=set_aside))
    store.close()


def left_in(directory: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in directory.iterdir()}


def changed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def problems(path: Path) -> list[str]:
    with BufferView(path) as view:
        return [*view.damaged_pages(), *view.wrong_messages()]


# What it tells.


def test_buffer_view_has_an_overview_of_each_race_and_the_totals(path: Path) -> None:
    write_some(path)
    with BufferView(path) as view:
        overview = view.overview()
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
    assert overview.file_bytes == path.stat().st_size


def test_buffer_view_gives_quarantined_messages_with_reasons(path: Path) -> None:
    write_some(path)
    with BufferView(path) as view:
        third, sixth = view.quarantine()
    assert (third.id, third.race_id, third.reason) == (3, 7, "topic not valid")
    assert third.telemetry == message(3, 7)
    assert sixth.reason == "three strikes"


def test_buffer_view_gives_the_messages_of_a_race_byte_for_byte(path: Path) -> None:
    write_some(path)
    with BufferView(path) as view:
        assert list(view.messages(8)) == [message(n, 8).to_json() for n in range(290, 301)]
        assert list(view.messages(9)) == []


def test_buffer_view_counts_unreadable_messages_of_a_race(path: Path) -> None:
    write_some(path)
    changed(path, "UPDATE telemetry SET payload = '{}' WHERE id = 12")
    with BufferView(path) as view:
        eight = view.overview().races[1]
    assert (eight.messages, eight.unreadable) == (11, 1)


def test_quarantined_undated_second_has_no_race_and_no_telemetry(path: Path, store: Store) -> None:
    store.write(Batch(quarantined=[(Record(1, UNDATED, b"{}"), "another boot")]))
    with BufferView(path) as view:
        (message_,) = view.quarantine()
    assert (message_.race_id, message_.telemetry) == (None, None)


@pytest.mark.slow
def test_buffer_view_reports_progress_every_2000_messages(path: Path, store: Store) -> None:
    store.write(Batch([record(n) for n in range(1, 6001)]))
    told: list[tuple[int, int]] = []
    with BufferView(path) as view:
        view.overview(lambda done, total: told.append((done, total)))
        assert told == [(0, 6000), (2000, 6000), (4000, 6000)]
        told.clear()
        assert list(view.wrong_messages(lambda done, total: told.append((done, total)))) == []
        assert told == [(2000, 6000), (4000, 6000), (6000, 6000)]


# Harmless, while others write.


def test_buffer_view_leaves_the_state_dir_as_it_was(path: Path) -> None:
    write_some(path)
    before = left_in(path.parent)
    with BufferView(path) as view:
        view.overview()
    assert problems(path) == []
    assert left_in(path.parent) == before


def test_buffer_view_is_consistent_while_a_thread_writes(path: Path, store: Store) -> None:
    ids = iter(range(1, 10**6))
    is_over = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not is_over.is_set():
            batch = [record(next(ids)) for _ in range(50)]
            store.write(Batch(batch, deleted_ids=[one.id - 500 for one in batch]))
            written += len(batch)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while written < 1500:
            with BufferView(path) as view:
                assert [race.race_id for race in view.overview().races] in ([], [7])
                assert all(one.startswith(b'{"uuid"') for one in view.messages(7))
                assert view.damaged_pages() == []
                assert list(view.wrong_messages()) == []
    finally:
        is_over.set()
        writer.join()
    assert store.pending_by_race() == {7: 500}


def test_open_buffer_view_does_not_block_a_wal_checkpoint(path: Path) -> None:
    write_some(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("DELETE FROM telemetry WHERE race_id = 7")
        with BufferView(path) as view:
            assert len(view.overview().races) == 1
            messages = view.messages(8)
            next(messages)
            (is_busy, _, _) = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert not is_busy
            assert len(list(messages)) == 10


def killed_writer(path: Path, at_least: int) -> int:
    """The last id that it said was on disk."""
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
def test_buffer_view_reads_the_wal_of_a_killed_gateway_unchanged(path: Path) -> None:
    last = killed_writer(path, 60)
    log = path.with_name("buffer.db-wal")
    before = path.read_bytes(), log.read_bytes()
    assert len(before[1]) > 0
    with BufferView(path) as view:
        (race,) = view.overview().races
        assert view.file_bytes == len(before[0]) + len(before[1])
    assert race.messages in (last, last + 1)
    assert problems(path) == []
    assert (path.read_bytes(), log.read_bytes()) == before
    store = Store(path, ROOMY)
    assert store.pending_by_race() == {7: race.messages}
    store.close()


@pytest.mark.slow
def test_buffer_view_is_consistent_while_a_process_writes(path: Path) -> None:
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
            with BufferView(path) as view:
                seen.append(view.overview().messages)
                assert seen[-1] >= last
                assert list(view.wrong_messages()) == []
    assert seen == sorted(seen)
    assert problems(path) == []


def test_open_buffer_view_notices_a_gateway_that_starts_and_ends(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at a file that nobody has open takes no lock: so it must see when that ends."""
    monkeypatch.setattr(buffer_inspect, "PAGE_ROWS", 10)
    first = Store(path, ROOMY)
    first.write(Batch([record(n) for n in range(1, 101)]))
    first.close()
    with BufferView(path) as view:
        messages = view.messages(7)
        taken = [next(messages) for _ in range(10)]
        second = Store(path, ROOMY)
        second.write(Batch(deleted_ids=list(range(1, 91))))
        second.close()  # and its pages are in the file, the -wal gone again
        taken += messages
        assert len(taken) == 20
        assert view.overview().messages == 10


# Who may look.

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that everybody may read, and only its owner may write."""
    with tempfile.TemporaryDirectory(prefix="buffer-view-") as name:
        place = Path(name)
        place.chmod(0o755)
        yield place / "buffer.db"


def looked_as_nobody(path: Path) -> int | str:
    """How many messages, or what is said instead."""
    nobody = pwd.getpwnam("nobody").pw_uid
    os.setresuid(nobody, nobody, 0)
    try:
        with BufferView(path) as view:
            return view.overview().messages
    except BufferViewError as error:
        return str(error)
    finally:
        os.setresuid(0, 0, 0)


@is_root
def test_read_only_user_can_view_a_closed_buffer(open_place: Path) -> None:
    write_some(open_place)
    assert looked_as_nobody(open_place) == 19


@is_root
def test_read_only_user_needs_the_shm_to_view_what_a_kill_left(open_place: Path) -> None:
    last = killed_writer(open_place, 30)
    assert looked_as_nobody(open_place) in (last, last + 1)
    open_place.with_name("buffer.db-shm").unlink()
    assert "SQLite must create a -shm file" in str(looked_as_nobody(open_place))


@is_root
def test_read_only_user_can_view_the_buffer_of_a_running_gateway(open_place: Path) -> None:
    store = Store(open_place, ROOMY)
    store.write(Batch([record(1)]))
    assert looked_as_nobody(open_place) == 1
    store.write(Batch([record(2)]))
    assert looked_as_nobody(open_place) == 2
    store.close()


@is_root
def test_user_without_read_permission_is_told_to_run_as_root(open_place: Path) -> None:
    write_some(open_place)
    refusal = f"permission denied: {open_place}; run this command as user root or with sudo"
    open_place.chmod(0o600)
    assert looked_as_nobody(open_place) == refusal
    open_place.parent.chmod(0o700)
    assert looked_as_nobody(open_place) == refusal


@pytest.mark.slow
@is_root
def test_buffer_view_by_root_leaves_files_with_their_owner(open_place: Path) -> None:
    killed_writer(open_place, 30)
    shm = open_place.with_name("buffer.db-shm")
    shm.unlink()
    shutil.chown(open_place, "nobody")
    with BufferView(open_place) as view:
        view.overview()
    assert shm.stat().st_uid == pwd.getpwnam("nobody").pw_uid


# What is wrong, in words.


def refusal(path: Path, busy_s: float = BUSY_S) -> str:
    with pytest.raises(BufferViewError) as refused, BufferView(path, busy_s) as view:
        view.overview()
    assert str(path.parent) in str(refused.value)
    return str(refused.value)


def test_buffer_view_refuses_a_missing_state_dir(path: Path) -> None:
    assert "does not exist; expected the state_dir of a gateway" in refusal(path)


def test_buffer_view_refuses_a_state_dir_without_a_buffer_file(path: Path) -> None:
    path.parent.mkdir()
    assert "no gateway with this state_dir has run yet" in refusal(path)


def test_buffer_view_refuses_a_directory_as_the_buffer_file(path: Path) -> None:
    path.mkdir(parents=True)
    assert "is a directory" in refusal(path)


def test_buffer_view_refuses_an_empty_file(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert "the gateway has not written to it yet" in refusal(path)


def test_buffer_view_refuses_a_file_that_is_not_a_database(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database " * 1000)
    assert "file is not a database. The file is damaged or is not a buffer" in refusal(path)


@pytest.mark.parametrize("byte", [b"x", b"\xfb"])
def test_buffer_view_refuses_a_damaged_schema(path: Path, byte: bytes) -> None:
    """Some of it SQLite says in words that are not UTF-8."""
    write_some(path)
    content = path.read_bytes()
    path.write_bytes(
        content.replace(b"quarantine (", b"quarantine " + byte).replace(b"payload", b"paxload")
    )
    assert "The file is damaged or is not a buffer" in refusal(path)


def test_buffer_view_refuses_the_database_of_another_program(path: Path) -> None:
    path.parent.mkdir()
    changed(path, "CREATE TABLE cats (name)")
    assert "not a gateway's buffer" in refusal(path)


def test_buffer_view_refuses_a_file_of_a_newer_version(path: Path) -> None:
    write_some(path)
    changed(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    assert "written by a newer alleycat-gateway" in refusal(path)


def test_buffer_view_refuses_a_file_locked_by_another_program(path: Path) -> None:
    write_some(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        assert "Another program has locked the file" in refusal(path, busy_s=0.1)


def test_buffer_view_raises_when_its_file_is_removed(path: Path) -> None:
    write_some(path)
    with BufferView(path) as view:
        path.unlink()
        with pytest.raises(BufferViewError, match="No such file"):
            view.overview()


# Verified.


def test_wrong_messages_name_a_message_stored_with_another_race(path: Path) -> None:
    write_some(path)
    changed(path, "UPDATE telemetry SET race_id = 9 WHERE id = 12")
    assert problems(path) == [
        "telemetry, message 12: it is stored under race 9, but belongs to race 8"
    ]


def test_wrong_messages_name_invalid_payloads(path: Path) -> None:
    write_some(path)
    changed(
        path,
        "UPDATE telemetry SET payload = CAST('{' AS BLOB) WHERE id = 12",
        "UPDATE telemetry SET payload = CAST(replace(payload, '290', '0') AS BLOB) WHERE id = 11",
        "UPDATE telemetry SET payload = x'ff' WHERE id = 22",
    )
    eleven, twelve, unnamed = problems(path)
    assert eleven.startswith("telemetry, message 11: second: ")
    assert twelve.startswith("telemetry, message 12: payload: Invalid JSON")
    assert unnamed == "telemetry, message 22: the payload is not a JSON object"


def test_wrong_messages_name_a_pending_message_also_in_quarantine(path: Path) -> None:
    write_some(path)
    changed(path, "UPDATE quarantine SET id = 12 WHERE id = 3")
    assert problems(path) == ["message 12 is both waiting to be sent and in quarantine"]


def test_damaged_pages_are_named_by_number(path: Path) -> None:
    store = Store(path, ROOMY)
    store.write(Batch([record(n) for n in range(1, 2000)]))
    store.close()
    content = bytearray(path.read_bytes())
    content[40 * 4096 : 41 * 4096] = bytes(4096)
    path.write_bytes(content)
    found = problems(path)
    assert any("page 41" in problem.lower() for problem in found)
    assert "database disk image is malformed" in found[-1]


@given(
    changes=st.dictionaries(st.integers(0, 2**30), st.integers(0, 255), min_size=1, max_size=200)
)
def test_buffer_view_raises_only_its_own_error_for_any_damage(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[int, int]
) -> None:
    path = tmp_path_factory.mktemp("scribbled") / "buffer.db"
    write_some(path)
    content = bytearray(path.read_bytes())
    for offset, byte in changes.items():
        content[offset % len(content)] = byte
    path.write_bytes(content)
    with suppress(BufferViewError), BufferView(path) as view:
        view.damaged_pages()
        list(view.wrong_messages())
        list(view.quarantine())
        view.overview()
