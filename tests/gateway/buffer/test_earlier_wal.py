"""Damage in a write-ahead log of SQLite, which SQLite itself does not report."""

import sqlite3
from io import BytesIO
from pathlib import Path
from random import Random

import pytest

from gateway.buffer import earlier_wal

HEADER_BYTES = 32
PAGE_BYTES = 512
FRAME_BYTES = 24 + PAGE_BYTES


def write_ahead_log(path: Path, *, rounds: int) -> bytes:
    """Return the log of a database; that of a second round overwrites the beginning of the first's.

    The second round has one transaction, the first has twenty.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (x)")
    for _ in range(20):
        connection.execute("INSERT INTO t VALUES (randomblob(300))")
    if rounds > 1:
        connection.execute("PRAGMA wal_checkpoint")
        connection.execute("INSERT INTO t VALUES (randomblob(300))")
    wal = path.with_name(f"{path.name}-wal").read_bytes()
    connection.close()
    return wal


def has_damage(wal: bytes | bytearray) -> bool:
    return earlier_wal.has_damage(BytesIO(wal))


def frames_of_last_round(wal: bytes) -> int:
    """Return how many frames have the salts of the header."""
    frames = range(HEADER_BYTES, len(wal), FRAME_BYTES)
    return sum(wal[at + 8 : at + 16] == wal[16:24] for at in frames)


@pytest.mark.parametrize("rounds", [1, 2])
def test_any_flipped_bit_of_a_write_ahead_log_is_damage(tmp_path: Path, rounds: int) -> None:
    wal = write_ahead_log(tmp_path / "db", rounds=rounds)
    assert not has_damage(wal)
    end, random = HEADER_BYTES + frames_of_last_round(wal) * FRAME_BYTES, Random(1)
    assert (end < len(wal)) == (rounds == 2), "what the first round has left"
    for bit in {*range(8 * (HEADER_BYTES + 24)), *random.sample(range(8 * end), 300)}:
        damaged = bytearray(wal)
        damaged[bit // 8] ^= 1 << bit % 8
        assert has_damage(damaged), f"bit {bit}"
    for bit in random.sample(range(8 * end, 8 * len(wal)), 100 if rounds == 2 else 0):
        damaged = bytearray(wal)
        damaged[bit // 8] ^= 1 << bit % 8
        assert not has_damage(damaged), "an earlier round is of no use"


def test_write_ahead_log_that_a_power_cut_has_left_is_not_damaged(tmp_path: Path) -> None:
    wal = write_ahead_log(tmp_path / "db", rounds=1)
    assert not has_damage(b"")
    assert not has_damage(bytes(len(wal)))
    for end in range(0, len(wal), 101):
        assert not has_damage(wal[:end])
    for end in range(HEADER_BYTES, len(wal), FRAME_BYTES):
        assert not has_damage(wal[:end] + bytes(len(wal) - end))


def test_damage_far_into_a_log_is_found(tmp_path: Path) -> None:
    """After one large eviction, a log had hundreds of MiB."""
    connection = sqlite3.connect(tmp_path / "db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (x)")
    connection.execute("INSERT INTO t VALUES (zeroblob(20000000))")
    wal = bytearray((tmp_path / "db-wal").read_bytes())
    connection.close()
    assert not has_damage(wal)
    wal[-1000] ^= 1
    assert has_damage(wal)
