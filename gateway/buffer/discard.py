"""Discarding messages from a buffer that no gateway uses. Blocking."""

from collections.abc import Callable
from pathlib import Path

import structlog

from gateway.buffer.opening import open_in_its_place
from gateway.buffer.store import Batch, Store

#: Messages looked at in one transaction: some 0.5 MB.
PAGE = 2000

log = structlog.get_logger()


def discard_messages(
    path: Path, max_bytes: int, now_ms: int, is_unwanted: Callable[[bytes], bool]
) -> int:
    """Delete the unwanted messages and undated seconds of a buffer; return their number.

    Raises StoreError. A file that does not exist is not created.
    """
    if not path.exists():
        return 0
    opened = open_in_its_place(path, max_bytes, now_ms)
    if opened.note is not None:
        log.error(opened.note)
    store = opened.store
    try:
        races = store.pending_by_race()
        return sum(_discard_from_race(store, race_id, is_unwanted) for race_id in races)
    finally:
        store.close()


def _discard_from_race(store: Store, race_id: int, is_unwanted: Callable[[bytes], bool]) -> int:
    discarded, from_id = 0, 0
    while page := store.page(race_id, from_id, PAGE):
        ids = [record.id for record in page if is_unwanted(record.payload)]
        if ids:
            store.write(Batch(deleted_ids=ids))
        discarded += len(ids)
        from_id = page[-1].id + 1
    return discarded
