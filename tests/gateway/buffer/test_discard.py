"""Messages discarded from a buffer that no gateway uses."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from gateway.buffer.discard import discard_messages
from gateway.buffer.log_file import LOG_MESSAGES
from gateway.buffer.log_format import UNDATED
from gateway.buffer.store import Batch, Record, Store, StoreError
from tests.support.earlier_buffer import earlier_buffer
from tests.support.telemetry import message

ROOMY = 1 << 30


def discard(path: Path, unwanted: bytes) -> int:
    return discard_messages(path, ROOMY, 0, lambda payload: unwanted in payload)


def test_unwanted_messages_of_all_races_are_deleted_and_others_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "buffer"
    bikes = ["bike-1", "bike-2"] * LOG_MESSAGES
    records = [
        Record(n, n % 3, message(n % 300 + 1, n % 3, bike).to_json())
        for n, bike in enumerate(bikes, start=1)
    ]
    records.append(Record(len(records) + 1, UNDATED, b'{"bike_id":"bike-2"}'))
    with closing(Store(path, ROOMY)) as store:
        store.write(Batch(records, quarantined=[(records[1], "refused")]))
    assert discard(path, b'"bike-2"') == LOG_MESSAGES + 1
    with closing(Store(path, ROOMY)) as store:
        kept = [one for name in store.waiting() for one in store.read(name)]
        assert sorted(one.id for one in kept) == [*range(1, 2 * LOG_MESSAGES, 2)]
        assert all(b'"bike-1"' in one.payload for one in kept)
        assert store.quarantined == 1
    assert discard(path, b'"bike-2"') == 0


def test_buffer_that_does_not_exist_is_not_created(tmp_path: Path) -> None:
    assert discard(tmp_path / "buffer", b"bike") == 0
    assert list(tmp_path.iterdir()) == []


def test_messages_of_an_earlier_version_are_discarded_too(tmp_path: Path) -> None:
    """The gateway that is not set up yet may be the first of a new version."""
    of_bikes = [Record(n, 7, message(n, 7, f"bike-{n}").to_json()) for n in (1, 2, 3)]
    earlier_buffer(tmp_path / "buffer.db", of_bikes)
    assert discard(tmp_path / "buffer", b'"bike-2"') == 1
    with closing(Store(tmp_path / "buffer", ROOMY)) as store:
        assert [one for name in store.waiting() for one in store.read(name)] == of_bikes[::2]


def test_buffer_that_cannot_be_used_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "buffer"
    Store(path, ROOMY).close()

    def fail(directory: Path) -> list[str]:
        raise PermissionError(13, "Permission denied", str(directory))

    monkeypatch.setattr(os, "listdir", fail)
    with pytest.raises(StoreError, match=f"{path}: Permission denied"):
        discard(path, b"bike")
