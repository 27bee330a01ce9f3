"""Discarding messages from a buffer that no gateway uses. Blocking."""

from collections.abc import Callable
from pathlib import Path

import structlog

from gateway.buffer.log_format import LogName
from gateway.buffer.migration import is_needed
from gateway.buffer.opening import open_store
from gateway.buffer.store import Batch, Store

log = structlog.get_logger()


def discard_messages(
    path: Path, max_bytes: int, now_ms: int, is_unwanted: Callable[[bytes], bool]
) -> int:
    """Delete the unwanted messages and undated seconds of a buffer; return their number.

    Raises StoreError. A directory that does not exist is not created.
    """
    if not (path.exists() or is_needed(path)):
        return 0
    store = open_store(path, max_bytes, now_ms)
    for note in store.notes:
        log.error(note)
    try:
        return sum(_discard_from(store, name, is_unwanted) for name in store.waiting())
    finally:
        store.close()


def _discard_from(store: Store, name: LogName, is_unwanted: Callable[[bytes], bool]) -> int:
    ids = [record.id for record in store.read(name) if is_unwanted(record.payload)]
    if ids:
        store.write(Batch(done=[(name, id_) for id_ in ids]))
    return len(ids)
