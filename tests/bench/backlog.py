"""A buffer with the messages of a long outage."""

import os
import shutil
from itertools import islice
from pathlib import Path
from unittest.mock import patch

from gateway.buffer.log_format import DIRECTORY_NAME
from gateway.buffer.store import Batch, Record, Store
from tests.bench.messages import FIRST_RACE_ID, RACE_S, race_of
from tests.bench.row import Bench

BIKES = 10
PER_RACE = BIKES * RACE_S


def backlog_size(bench: Bench) -> int:
    return bench.scaled(1_000_000, 100_000)


def lay_backlog(bench: Bench, state_dir: Path) -> None:
    """Put the logs of a gateway that was offline for `backlog_size` messages into `state_dir`.

    Nothing of them is in the page cache, as after a boot.
    """
    original = bench.shared / f"backlog-{backlog_size(bench)}"
    if not original.exists():
        bench.progress(f"writing {backlog_size(bench):,} messages into a buffer …")
        _write(original.with_suffix(".tmp"), backlog_size(bench))
        original.with_suffix(".tmp").rename(original)
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copytree(original, state_dir / DIRECTORY_NAME, dirs_exist_ok=True)
    forget_pages(state_dir)


def forget_pages(state_dir: Path) -> None:
    """Have the kernel drop the logs from its page cache."""
    for path in (state_dir / DIRECTORY_NAME).iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _write(path: Path, count: int) -> None:
    """Write as a gateway does: the messages of a second together."""
    store = Store(path, max_bytes=1 << 40)
    messages = (
        telemetry
        for race_id in range(FIRST_RACE_ID, FIRST_RACE_ID + count // PER_RACE + 1)
        for telemetry in race_of(BIKES, RACE_S, race_id)
    )
    numbered = (
        Record(id_, telemetry.race_id, telemetry.to_json())
        for id_, telemetry in enumerate(islice(messages, count), start=1)
    )
    with patch("os.fdatasync"):  # forget_pages syncs
        while batch := list(islice(numbered, BIKES)):
            store.write(Batch(batch))
    store.close()
