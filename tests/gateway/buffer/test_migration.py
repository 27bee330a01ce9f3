"""Messages of an earlier development checkout move into logs, whatever is damaged or killed."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from gateway.buffer import migration
from gateway.buffer.earlier import has_earlier_messages
from gateway.buffer.log_format import UNDATED
from gateway.buffer.migration import migrate
from gateway.buffer.opening import open_store
from gateway.buffer.store import Batch, Record, Store, StoreError
from gateway.host.atomic_file import sync_directory
from gateway.sampling.sampler import Sample
from gateway.telemetry.undated import UndatedSample
from tests.support.bad_disk import BadDisk
from tests.support.earlier_buffer import SCHEMA, earlier_buffer
from tests.support.telemetry import message

ROOMY = 1 << 30
PAGE = 4096
SAMPLE = Sample(present=True, cadence_rpm=80.0, resistance_percent=40.0, power_w=None)
SECOND = UndatedSample("boot-1", 10**9, "bike-1", SAMPLE).to_json()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    state = tmp_path / "state"
    state.mkdir()
    return state


def telemetry(count: int, first_id: int = 1) -> list[Record]:
    return [
        Record(id_, 5 + id_ // 300, message(id_ % 300 + 1, 5 + id_ // 300).to_json())
        for id_ in range(first_id, first_id + count)
    ]


def opened(state: Path) -> Store:
    return open_store(state / "buffer", ROOMY, now_ms=7)


def waiting(store: Store) -> list[Record]:
    found = [one for name in store.waiting() for one in store.read(name)]
    return sorted(found, key=lambda record: record.id)


def names(state: Path) -> list[str]:
    return sorted(path.name for path in state.iterdir())


# A sound file.


def test_messages_seconds_and_quarantine_of_an_earlier_version_are_moved(state: Path) -> None:
    records = [*telemetry(20), Record(21, UNDATED, SECOND)]
    refused = [(Record(22, 7, b"\xffpoison"), "not  authorised\nto publish"), (records[0], "x")]
    earlier_buffer(state / "buffer.db", records, refused)
    store = opened(state)
    assert (store.notes, waiting(store), store.quarantined) == ([], records, 2)
    assert (store.last_id, store.lost) == (22, 0)
    assert {name.race_id for name in store.waiting()} == {5, UNDATED}
    assert store.write(Batch(requeued_ids=[22])).released == 1
    assert Record(22, 7, b"\xffpoison") in waiting(store)
    store.close()
    assert names(state) == ["buffer", "buffer.db.migrated"]


def test_earlier_file_is_read_once(state: Path) -> None:
    earlier_buffer(state / "buffer.db", telemetry(3))
    assert has_earlier_messages(state / "buffer")
    opened(state).close()
    assert not has_earlier_messages(state / "buffer")
    store = opened(state)
    assert (waiting(store), store.notes) == (telemetry(3), [])
    store.close()


def test_empty_buffer_of_an_earlier_version_leaves_no_log(state: Path) -> None:
    earlier_buffer(state / "buffer.db", [])
    store = opened(state)
    assert (store.waiting(), store.notes) == ({}, [])
    store.close()
    assert list((state / "buffer").iterdir()) == []


def test_state_dir_without_an_earlier_file_is_left_alone(state: Path) -> None:
    assert migrate(state / "buffer", 7) is None
    assert names(state) == []


def test_messages_join_those_that_are_in_logs(state: Path) -> None:
    """A gateway that went back to an earlier development checkout for a while."""
    store = Store(state / "buffer", ROOMY)
    store.write(Batch(telemetry(3, first_id=100)))
    store.close()
    earlier_buffer(state / "buffer.db", telemetry(3))
    store = opened(state)
    assert waiting(store) == [*telemetry(3), *telemetry(3, first_id=100)]
    store.close()


#: Writes messages 1 to 500 into the database, each in a transaction, and ends by SIGKILL.
KILLED = """
import os, signal, sqlite3, sys
from tests.support.telemetry import message

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA synchronous = FULL")
connection.execute("PRAGMA wal_autocheckpoint = 300")
for id_ in range(1, 501):
    payload = message(id_ % 300 + 1, 5 + id_ // 300).to_json()
    connection.execute("INSERT INTO telemetry VALUES (?, ?, ?)", (id_, 5 + id_ // 300, payload))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_messages_in_the_wal_of_a_killed_gateway_are_moved(state: Path) -> None:
    database = state / "buffer.db"
    earlier_buffer(database, [])
    subprocess.run([sys.executable, "-c", KILLED, str(database)], check=False)
    assert (state / "buffer.db-wal").stat().st_size > 0
    store = opened(state)
    assert (waiting(store), store.notes) == (telemetry(500), [])
    store.close()
    assert not [name for name in names(state) if name.startswith("buffer.db-")]


@pytest.mark.parametrize("is_killed", [False, True])
def test_flipped_bit_in_the_wal_is_noted_and_the_wal_kept(state: Path, *, is_killed: bool) -> None:
    """SQLite ignores what is behind it, in silence."""
    database, wal = earlier_buffer(state / "buffer.db", []), state / "buffer.db-wal"
    subprocess.run([sys.executable, "-c", KILLED, str(database)], check=False)
    damaged = bytearray(wal.read_bytes())
    damaged[100] ^= 1
    wal.write_bytes(damaged)
    if is_killed:  # when SQLite has deleted the -wal
        with pytest.MonkeyPatch.context() as patch, suppress(Killed):
            killed_at(patch, migration, "sync_directory", 2)
            opened(state)
        assert not wal.exists()
    store = opened(state)
    aside, found = f"{database}.damaged-7", waiting(store)
    assert store.notes == [
        f"{database} was damaged: {len(found)} messages could be recovered, and an unknown number "
        f"could not; the file is kept as {aside}"
    ]
    assert 0 < len(found) < 500
    assert Path(f"{aside}-wal.damaged").read_bytes() == damaged
    store.close()


@pytest.mark.slow
def test_hundred_thousand_messages_are_moved(state: Path) -> None:
    records = telemetry(100_000)
    earlier_buffer(state / "buffer.db", records)
    store = opened(state)
    assert sum(store.waiting().values()) == 100_000
    assert waiting(store) == records
    store.close()


# A damaged file.


def test_rows_that_are_no_messages_are_counted_and_kept_in_the_old_file(state: Path) -> None:
    strangers: list[tuple[object, object, object]] = [
        (11, 5, b"{}"),
        (12, 5, message(1, 6).to_json()),
        (13, "x", message(1, 5).to_json()),
        (14, 5, "text"),
        (15, None, None),
        (16, UNDATED, b"{}"),
        (17, 2.5, b""),
    ]
    database = earlier_buffer(state / "buffer.db", telemetry(10))
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE other (id INTEGER PRIMARY KEY, race_id, payload)")
        connection.execute("DROP INDEX telemetry_by_race")
        connection.execute("INSERT INTO other SELECT * FROM telemetry")
        connection.execute("DROP TABLE telemetry")
        connection.execute("ALTER TABLE other RENAME TO telemetry")
        connection.executemany("INSERT INTO telemetry VALUES (?, ?, ?)", strangers)
    store = opened(state)
    assert waiting(store) == telemetry(10)
    assert store.notes == [
        f"{database} was damaged: 10 messages could be recovered, and 7 could not; the file is "
        f"kept as {database}.migrated"
    ]
    store.close()


def test_state_dir_whose_name_is_not_unicode_gets_its_note(tmp_path: Path) -> None:
    state = tmp_path / os.fsdecode(b"st\xe4te")
    state.mkdir()
    database = earlier_buffer(state / "buffer.db", [Record(1, 5, b"{}")])
    store = opened(state)
    assert store.notes == [
        f"{database} was damaged: 0 messages could be recovered, and 1 could not; the file is "
        f"kept as {database}.migrated"
    ]
    store.close()


def overwritten(database: Path, pages: list[int], junk: bytes) -> None:
    with database.open("r+b") as file:
        for page in pages:
            file.seek(page * PAGE)
            file.write((junk * PAGE)[:PAGE])


@pytest.mark.parametrize("junk", [b"\0", b"\xff", b"junk"])
@pytest.mark.parametrize("seed", range(3))
def test_damaged_pages_cost_only_their_messages(state: Path, seed: int, junk: bytes) -> None:
    records = telemetry(600)
    database = earlier_buffer(state / "buffer.db", records)
    tree = leaves(database)
    in_order, chance = sorted(tree, key=tree.__getitem__), Random(seed)
    first = chance.randrange(len(in_order) - 3)
    damaged = [*in_order[first : first + 3], *chance.sample(in_order, 2)]
    overwritten(database, damaged, junk)
    gone = {id_ for page in damaged for id_ in tree[page]}
    store = opened(state)
    assert waiting(store) == [one for one in records if one.id not in gone]
    assert store.notes == [
        f"{database} was damaged: {600 - len(gone)} messages could be recovered, and "
        f"{len(gone)} could not; the file is kept as {database}.damaged-7"
    ]
    store.close()
    assert names(state) == ["buffer", "buffer.db.damaged-7"]


def test_rows_that_the_table_has_lost_silently_are_missed(state: Path) -> None:
    """A leaf that names fewer rows than it has: SQLite passes over the rest without an error."""
    database = earlier_buffer(state / "buffer.db", telemetry(600))
    page, ids = next(iter(leaves(database).items()))
    with database.open("r+b") as file:
        file.seek(page * PAGE + 3)
        file.write((len(ids) - 2).to_bytes(2, "big"))
    store = opened(state)
    assert waiting(store) == [one for one in telemetry(600) if one.id not in ids[-2:]]
    assert store.notes == [
        f"{database} was damaged: 598 messages could be recovered, and 2 could not; the file is "
        f"kept as {database}.damaged-7"
    ]
    store.close()


#: Moves the messages of a state directory, and prints the notes and how many messages there are.
MOVER = """
import sys
from pathlib import Path
from gateway.buffer.opening import open_store

store = open_store(Path(sys.argv[1], "buffer"), 1 << 30, 7)
print(sum(store.waiting().values()), *store.notes)
store.close()
"""


def moved_by_bad_disk(state: Path, workshop: Path, page: int) -> str:
    """Return what the mover prints if the disk does not give a page of the file."""
    workshop.mkdir()
    disk = BadDisk(workshop, state)
    disk.spoil_sector(state / "buffer.db", page * PAGE)
    command = [sys.executable, "-c", MOVER, str(state)]
    environment = {**os.environ, **disk.environment}
    moved = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return moved.stdout.splitlines()[-1]


@pytest.mark.slow
def test_page_that_the_disk_does_not_give_costs_only_its_messages(
    state: Path, tmp_path: Path
) -> None:
    database = earlier_buffer(state / "buffer.db", telemetry(600))
    page, ids = list(leaves(database).items())[5]
    left = 600 - len(ids)
    assert moved_by_bad_disk(state, tmp_path / "workshop", page) == (
        f"{left} {database} was damaged: {left} messages could be recovered, and "
        f"{len(ids)} could not; the file is kept as {database}.damaged-7"
    )


@pytest.mark.slow
def test_file_whose_first_page_the_disk_does_not_give_is_set_aside(
    state: Path, tmp_path: Path
) -> None:
    """The gateway goes on with a buffer, and the file can be tried again."""
    database = earlier_buffer(state / "buffer.db", telemetry(600))
    assert moved_by_bad_disk(state, tmp_path / "workshop", 0) == (
        f"0 {database} was damaged: 0 messages could be recovered, and an unknown number "
        f"could not; the file is kept as {database}.damaged-7"
    )


def leaves(database: Path) -> dict[int, list[int]]:
    """Return the ids in each page of the table of messages, by the page's number from 0."""
    found: dict[int, list[int]] = {}
    data = database.read_bytes()
    for page in range(1, len(data) // PAGE):
        content = data[page * PAGE : (page + 1) * PAGE]
        if content[0] == 0x0D and b'"uuid"' in content:  # a leaf of a table
            cells = int.from_bytes(content[3:5], "big")
            found[page] = [
                rowid(content, int.from_bytes(content[8 + 2 * n : 10 + 2 * n], "big"))
                for n in range(cells)
            ]
    return found


def rowid(page: bytes, at: int) -> int:
    """Return the id in a cell: the second of two numbers of seven bits a byte."""
    for _ in range(2):
        number = 0
        while True:
            number = number << 7 | page[at] & 0x7F
            at += 1
            if page[at - 1] < 0x80:
                break
    return number


@pytest.mark.parametrize("size", [0, 1, 100, PAGE, 3 * PAGE + 17])
def test_file_cut_off_anywhere_is_set_aside(state: Path, size: int) -> None:
    database = earlier_buffer(state / "buffer.db", telemetry(300))
    os.truncate(database, size)
    store = opened(state)
    assert set(waiting(store)) <= set(telemetry(300))
    [note] = store.notes
    assert note.startswith(f"{database} was damaged: ")
    store.write(Batch(telemetry(1, first_id=1000)))
    store.close()
    assert names(state) == ["buffer", "buffer.db.damaged-7"]


@pytest.mark.parametrize("content", [b"no database " * 1000, b"SQLite format 3\0" + b"\xff" * 9000])
def test_file_that_is_no_database_is_set_aside_whole(state: Path, content: bytes) -> None:
    (state / "buffer.db").write_bytes(content)
    store = opened(state)
    assert (store.waiting(), len(store.notes)) == ({}, 1)
    store.close()
    assert (state / "buffer.db.damaged-7").read_bytes() == content


@pytest.mark.slow
def test_any_damage_gives_what_is_left_and_invents_nothing(tmp_path: Path) -> None:
    records = telemetry(200)
    database = earlier_buffer(tmp_path / "buffer.db", records, [(records[0], "refused")])
    whole, chance = database.read_bytes(), Random(1)
    for trial in range(150):
        state = tmp_path / f"{trial}"
        state.mkdir()
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 30)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (state / "buffer.db").write_bytes(data)
        store = opened(state)
        strangers = set(waiting(store)) - set(records)
        # SQLite has no checksums: of what was flipped, a message may be left that is another one.
        assert all(b'"uuid"' in one.payload for one in strangers)
        assert len(strangers) < 30
        store.close()
        shutil.rmtree(state)


# A file that cannot be read now.


def test_locked_file_is_an_error_and_moved_later(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = earlier_buffer(state / "buffer.db", telemetry(3))
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path: connect(path, timeout=0.1))
    with closing(connect(database, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=f"{database}: database is locked"):
            opened(state)
        assert database.exists()
    store = opened(state)
    assert (waiting(store), store.notes) == (telemetry(3), [])
    store.close()


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_IOERR_LOCK, sqlite3.SQLITE_IOERR_FSTAT, sqlite3.SQLITE_BUSY_RECOVERY]
)
def test_disk_that_fails_otherwise_than_in_reading_is_an_error_and_asked_later(
    state: Path, code: int
) -> None:
    database = earlier_buffer(state / "buffer.db", telemetry(3))

    class Failing(sqlite3.Connection):
        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
            if sql.startswith("SELECT"):
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = code
                raise error
            return super().execute(sql, *parameters)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        connect = sqlite3.connect
        patch.setattr(sqlite3, "connect", lambda path: connect(path, factory=Failing))
        with pytest.raises(StoreError, match=f"{database}: disk I/O error"):
            opened(state)
    store = opened(state)
    assert (waiting(store), store.notes) == (telemetry(3), [])
    store.close()


def test_file_that_cannot_be_opened_is_an_error_and_moved_later(state: Path) -> None:
    """Another user's, for example."""
    database = earlier_buffer(state / "buffer.db", telemetry(3))
    with pytest.MonkeyPatch.context() as patch:
        connect, elsewhere = sqlite3.connect, state / "missing" / "buffer.db"
        patch.setattr(sqlite3, "connect", lambda _: connect(elsewhere))
        with pytest.raises(StoreError, match=f"{database}: unable to open database file"):
            opened(state)
    store = opened(state)
    assert (waiting(store), store.notes) == (telemetry(3), [])
    store.close()


def test_file_without_room_for_its_messages_is_left_alone(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = earlier_buffer(state / "buffer.db", telemetry(300))
    content = database.read_bytes()
    full = os.statvfs_result((4096, 4096, 100, 9, 9, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    few = f"only {9 * 4096} bytes of the disk are free; free some space"
    with pytest.raises(StoreError, match=few):
        opened(state)
    assert (names(state), database.read_bytes()) == (["buffer.db"], content)


def test_room_is_needed_for_the_messages_in_the_wal_too(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = earlier_buffer(state / "buffer.db", [])
    subprocess.run([sys.executable, "-c", KILLED, str(database)], check=False)
    size = database.stat().st_size
    free = os.statvfs_result((4096, 4096, 100, 9, size // 4096 + 1, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: free)
    with pytest.raises(StoreError, match="free some space"):
        opened(state)
    monkeypatch.undo()
    store = opened(state)
    assert waiting(store) == telemetry(500)
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root mounts file systems")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def test_disk_that_is_full_loses_nothing_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    records = telemetry(1500)
    earlier_buffer(small_disk / "buffer.db", records)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    with pytest.raises(StoreError, match="free some space"):
        opened(small_disk)
    ballast.unlink()
    store = opened(small_disk)
    assert (waiting(store), store.notes) == (records, [])
    store.close()


# A process that is killed.


class Killed(BaseException):
    pass


def killed_at(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, number: int
) -> Callable[[], bool]:
    """Kill at the `number`-th call of a function, before it does anything; return if it was."""
    call, calls = getattr(owner, name), 0

    def or_killed(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls == number:
            raise Killed
        return call(*args, **kwargs)

    monkeypatch.setattr(owner, name, or_killed)
    return lambda: calls >= number


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Path, "rename"),
        (Path, "mkdir"),
        (shutil, "rmtree"),
        (Store, "write"),
        (migration, "sync_directory"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_migration_that_is_killed_is_ended_by_the_next_start(
    tmp_path: Path, owner: object, name: str
) -> None:
    records = [*telemetry(700), Record(701, UNDATED, SECOND)]
    refused = [(Record(702, 7, b"{}"), "refused")]
    for number in range(1, 100):
        state = tmp_path / f"{number}"
        state.mkdir()
        database = earlier_buffer(state / "buffer.db", records, refused)
        (state / "buffer.db-wal").touch()
        with pytest.MonkeyPatch.context() as patch, suppress(Killed):
            patch.setattr(migration, "ROWS", 200)
            was_killed = killed_at(patch, owner, name, number)
            opened(state).close()
        store = opened(state)
        assert (waiting(store), store.quarantined, store.notes) == (records, 1, [])
        store.close()
        assert not database.exists()
        assert not (state / "buffer.new").exists()
        if not was_killed():
            assert number > 1
            return


@pytest.mark.parametrize(
    ("owner", "name"), [(Path, "rename"), (shutil, "rmtree"), (migration, "sync_directory")]
)
def test_note_of_a_damaged_file_outlives_a_kill(tmp_path: Path, owner: object, name: str) -> None:
    for number in range(1, 100):
        state = tmp_path / f"{number}"
        state.mkdir()
        database = earlier_buffer(state / "buffer.db", [*telemetry(5), Record(6, 5, b"{}")])
        with pytest.MonkeyPatch.context() as patch, suppress(Killed):
            was_killed = killed_at(patch, owner, name, number)
            opened(state).close()
        if not was_killed():
            assert number > 1
            return
        store = opened(state)
        assert store.notes == [
            f"{database} was damaged: 5 messages could be recovered, and 1 could not; the file is "
            f"kept as {database}.migrated"
        ]
        store.close()
        assert names(state) == ["buffer", "buffer.db.migrated"]


def test_new_logs_are_on_disk_before_the_earlier_file_is_renamed(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier_buffer(state / "buffer.db", telemetry(3))
    events: list[tuple[str, Path]] = []
    rename = Path.rename

    def noted_sync(directory: Path) -> None:
        events.append(("sync", directory))
        sync_directory(directory)

    def noted_rename(path: Path, target: Path) -> Path:
        events.append(("rename", path))
        return rename(path, target)

    monkeypatch.setattr(migration, "sync_directory", noted_sync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    opened(state).close()
    assert events[:3] == [("sync", state), ("rename", state / "buffer.db"), ("sync", state)]
    assert events[-2:] == [("sync", state / "buffer"), ("sync", state)]


@pytest.mark.parametrize("kind", ["file", "FIFO", "link to nothing", "link to a directory"])
def test_what_is_in_the_place_of_the_new_logs_is_removed(state: Path, kind: str) -> None:
    place = state / "buffer.new"
    mine = state / "mine"
    mine.mkdir()
    (mine / "file").touch()
    match kind:
        case "file":
            place.touch()
        case "FIFO":
            os.mkfifo(place)
        case "link to nothing":
            place.symlink_to("/nonexistent/place")
        case _:
            place.symlink_to(mine)
    earlier_buffer(state / "buffer.db", telemetry(3))
    store = opened(state)
    assert waiting(store) == telemetry(3)
    store.close()
    assert names(state) == ["buffer", "buffer.db.migrated", "mine"]
    assert names(mine) == ["file"]


def test_schema_is_that_of_version_0_1(state: Path) -> None:
    database = earlier_buffer(state / "buffer.db", [])
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert "telemetry_by_race" in SCHEMA
