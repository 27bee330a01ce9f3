"""The memory of a gateway does not grow with an outage, however long, nor with what it finds."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.buffer.log_file import LOG_MESSAGES
from gateway.buffer.store import Batch, Record, Store
from tests.durability.memory import directory_in_memory
from tests.durability.outage import BIKES
from tests.support.telemetry import message

#: Logs of an earlier outage, and seconds of another one; in memory they would take some 80 MB.
LOGS, SECONDS = 60, 2500
#: Too little for either.
MAX_BYTES = 1 << 20

#: Several times what it takes on a busy machine.
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def path() -> Iterator[Path]:
    with directory_in_memory() as directory:
        yield directory / "buffer"


def test_long_outage_is_opened_evicted_and_sent_with_little_memory(path: Path) -> None:
    store = Store(path, 1 << 30)
    for first in range(1, LOGS * LOG_MESSAGES, LOG_MESSAGES):
        ids = range(first, first + LOG_MESSAGES)
        one = [Record(id_, first, message(id_, first, length_s=1 << 30).to_json()) for id_ in ids]
        found = store.write(Batch(one))
    assert found.used_bytes > 2 * MAX_BYTES
    store.close()
    outage = [
        sys.executable,
        "-m",
        "tests.durability.outage",
        *map(str, (path, MAX_BYTES, SECONDS)),
    ]
    ended = subprocess.run(outage, check=False, capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0, ended.stderr[-2000:]
    sent, lost = map(int, ended.stdout.split())
    assert sent + lost == LOGS * LOG_MESSAGES + SECONDS * BIKES
    assert min(sent, lost) > 5 * LOG_MESSAGES
