"""Requests to release quarantined messages, and the writes that fulfil them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.buffer.log_file import LOG_MESSAGES, LogFile
from gateway.buffer.quarantine import IDS_MAX, ReleaseRequest, requests
from gateway.buffer.store import Batch, Record, Store

ROOMY = 2**30


@pytest.mark.parametrize(
    ("request_", "batch"),
    [
        (ReleaseRequest("requeue", (1, 2)), Batch(requeued_ids=(1, 2))),
        (ReleaseRequest("drop", (3,)), Batch(dropped_ids=(3,))),
    ],
)
def test_request_becomes_a_batch(request_: ReleaseRequest, batch: Batch) -> None:
    assert request_.batch == batch


def test_requests_have_all_ids_in_order_and_no_more_than_allowed() -> None:
    first, second = requests("drop", reversed(range(IDS_MAX + 7)))
    assert (first.ids, second.ids) == (
        tuple(range(IDS_MAX)),
        tuple(range(IDS_MAX, IDS_MAX + 7)),
    )
    assert list(requests("drop", [])) == []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with five logs of quarantined messages."""
    with closing(Store(tmp_path / "buffer", ROOMY)) as store:
        for first in range(0, 5 * LOG_MESSAGES, LOG_MESSAGES):
            records = [Record(first + n, 7, b"{}") for n in range(1, LOG_MESSAGES + 1)]
            store.write(Batch(quarantined=[(record, "refused") for record in records]))
        assert len(list((tmp_path / "buffer").iterdir())) == 5
        yield store


def test_request_reads_only_the_logs_that_can_have_its_messages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the time for all of a long quarantine does not grow with its square."""
    reads: list[LogFile] = []
    read = LogFile.read

    def counted(log: LogFile) -> dict[int, bytes]:
        reads.append(log)
        return read(log)

    monkeypatch.setattr(LogFile, "read", counted)
    for request in requests("drop", range(1, 5 * LOG_MESSAGES + 1)):
        reads.clear()
        assert store.write(request.batch).released == len(request.ids)
        assert len(reads) <= 2
    assert store.quarantined == 0
