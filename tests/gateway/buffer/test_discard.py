"""Messages discarded from a buffer that no gateway uses."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.buffer.discard import PAGE, discard_messages
from gateway.buffer.store import UNDATED, Batch, Record, Store, StoreError
from tests.support.telemetry import message

ROOMY = 1 << 30


def discard(path: Path, unwanted: bytes) -> int:
    return discard_messages(path, ROOMY, 0, lambda payload: unwanted in payload)


def test_unwanted_messages_of_all_races_are_deleted_and_others_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    bikes = ["bike-1", "bike-2"] * PAGE
    records = [
        Record(n, n % 3, message(n % 300 + 1, n % 3, bike).to_json())
        for n, bike in enumerate(bikes, start=1)
    ]
    records.append(Record(len(records) + 1, UNDATED, b'{"bike_id":"bike-2"}'))
    with closing(Store(path, ROOMY)) as store:
        store.write(Batch(records))
    assert discard(path, b'"bike-2"') == PAGE + 1
    with closing(Store(path, ROOMY)) as store:
        kept = [one for race in (0, 1, 2) for one in store.page(race, 0, len(records))]
        assert len(kept) == PAGE
        assert all(b'"bike-1"' in one.payload for one in kept)
        assert store.page(UNDATED, 0, 1) == []
    assert discard(path, b'"bike-2"') == 0


def test_buffer_that_does_not_exist_is_not_created(tmp_path: Path) -> None:
    assert discard(tmp_path / "buffer.db", b"bike") == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_buffer_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    with closing(Store(path, ROOMY)) as store:
        store.write(Batch([Record(1, 7, b"bike")]))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with closing(other), pytest.raises(StoreError, match="locked"):
            discard(path, b"bike")
