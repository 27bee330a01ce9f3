"""A power cut loses any part of what was not synced, and the promise holds.

The writer's every write and sync is recorded; recorded_disk.py says what a cut at any of them may
leave. No root, no loop device: gcc is enough.
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.buffer.log_format import DIRECTORY_NAME
from gateway.buffer.store import Store
from gateway.timing.units import NS_PER_S
from tests.durability.cuts import Cut, Writer
from tests.durability.memory import directory_in_memory
from tests.durability.recorded_disk import Change, RecordedDisk, What, read_changes
from tests.durability.writer import INTERVAL_S, MAX_BYTES
from tests.support.bad_disk import BadDisk

CUTS = 300
CUTS_OF_A_MEND = 40
WRITING_S = 7.0
#: Good and bad seconds in turn: one try that fails, and several.
FAILING_S = ((2.5, 0.3), (3.0, 2.2), (3.0, 0.05), (3.0, 0.0))
#: A disk that is well again is believed after so long: it is tried anew every second.
BELIEVED_AFTER_S = 2.2


@dataclass(frozen=True, slots=True)
class Recorded:
    """A writer, and what it did to its disk."""

    writer: Writer
    directory: Path
    changes: list[Change]

    def cuts(self) -> Iterator[Cut]:
        """At random: each just before a change is over."""
        chance = random.Random(len(self.changes))
        places = Counter(chance.choices(range(len(self.changes)), k=CUTS))
        disk = RecordedDisk(self.directory)
        for index, change in enumerate(self.changes):
            for _ in range(places[index]):
                with _written(disk.after_a_cut(chance)) as buffer:
                    cut = self.writer.judge(change.done_ns, buffer)
                yield cut
            disk.apply(change)


@contextmanager
def _written(files: dict[Path, bytes]) -> Iterator[Path]:
    """Write the files of a buffer; yield its directory."""
    with directory_in_memory() as directory:
        for path, content in files.items():
            (directory / path.name).write_bytes(content)
        yield directory


class Workshop:
    """A disk that is recorded, and a writer on it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "state" / DIRECTORY_NAME
        self.disk = BadDisk(directory, self.path.parent)
        self._writer = Writer(self.path, directory / "told")

    @contextmanager
    def writing(self, *options: str) -> Iterator[None]:
        environment = self.disk.environment | self.disk.recording
        with self._writer.writing(*options, environment=environment):
            yield

    def changes(self) -> list[Change]:
        return list(read_changes(self.disk.record))

    def recorded(self) -> Recorded:
        return Recorded(self._writer, self.disk.directory, self.changes())


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    with directory_in_memory() as directory:
        yield Workshop(directory)


@dataclass(frozen=True, slots=True)
class Doubt:
    """From when to when no sync is sure to succeed, or to be tried again: the promise waits.

    If the process was killed then, what it had not synced is gone for good.
    """

    began_ns: int
    ended_ns: int
    ends_in_a_kill: bool = False

    def excuses(self, cut: Cut, appended_ns: int) -> bool:
        """A message of that time may be lost in that cut."""
        if appended_ns < self.began_ns - round(INTERVAL_S * NS_PER_S):
            return False
        if self.ends_in_a_kill:
            return appended_ns <= self.ended_ns
        return self.began_ns <= cut.at_ns <= self.ended_ns


def assert_promise_holds(recorded: Recorded, doubts: Sequence[Doubt] = ()) -> None:
    appended_ns = recorded.writer.appended_ns()
    for number, cut in enumerate(recorded.cuts()):
        broken = {
            key: age_s
            for key, age_s in cut.broken_promises.items()
            if not any(doubt.excuses(cut, appended_ns[key]) for doubt in doubts)
        }
        assert broken == {}, f"cut {number}: age of each in seconds"
        assert cut.all_as_produced


def test_promise_holds_for_any_loss_of_unsynced_writes(workshop: Workshop) -> None:
    with workshop.writing():
        time.sleep(WRITING_S)
    recorded = workshop.recorded()
    assert_promise_holds(recorded)
    assert any(one.what is What.TRUNCATE for one in recorded.changes), "logs were closed"


def test_promise_holds_again_after_failed_syncs(workshop: Workshop) -> None:
    """And what was promised before holds all the while, also while the log is mended."""
    doubts = []
    with workshop.writing():
        for good_s, bad_s in FAILING_S:
            time.sleep(good_s)
            began_ns = time.monotonic_ns()
            workshop.disk.set("fsync-fails")
            time.sleep(bad_s)
            workshop.disk.set("ok")
            believed_ns = time.monotonic_ns() + round(BELIEVED_AFTER_S * NS_PER_S)
            doubts.append(Doubt(began_ns, believed_ns))
    assert_promise_holds(workshop.recorded(), doubts)


def test_promise_holds_for_a_restart_after_failed_syncs(workshop: Workshop) -> None:
    """The kernel shows the next process what it has not written and never will."""
    with workshop.writing():
        time.sleep(2)
        failing_ns = time.monotonic_ns()
        workshop.disk.set("fsync-fails")
        time.sleep(2.2)
    killed_ns = time.monotonic_ns()
    workshop.disk.set("ok")
    with workshop.writing("--first-race", "1000"):
        time.sleep(4)
    assert_promise_holds(workshop.recorded(), [Doubt(failing_ns, killed_ns, ends_in_a_kill=True)])


#: Writes to a log, and then more, of which the sync fails. It succeeds when the disk is well: in
#: the same process, or in the next; or that only looks at it.
BROKEN_AND_MENDED = """
import os, sys
from pathlib import Path
from gateway.buffer.store import Batch, Record, Store, StoreError

def write(ids):
    store.write(Batch([Record(id_, 1, bytes(300)) for id_ in ids]))

def fail(times):
    for _ in range(times):
        try:
            write(range(301, 341))
        except StoreError:
            continue
        raise AssertionError("the sync has failed")

control = Path(os.environ["BAD_DISK_CONTROL"])
store = Store(Path(sys.argv[1]), 1 << 30)
if "broken" in sys.argv:
    write(range(300))
    store.close()
    store = Store(Path(sys.argv[1]), 1 << 30)
    write([300])
    control.write_text("fsync-fails")
    fail(times=2)
if "mended" in sys.argv:
    control.write_text("ok")
    write(range(301, 341))
if "closed" in sys.argv:
    control.write_text("ok")
    store.close()
os._exit(0)
"""


@pytest.mark.parametrize("lives", ["broken mended", "broken, mended", "broken, closed"])
def test_power_cut_while_a_log_with_a_hole_is_mended_costs_no_synced_message(
    workshop: Workshop, lives: str
) -> None:
    environment = {**os.environ, **workshop.disk.environment, **workshop.disk.recording}
    for life in lives.split(", "):
        command = [sys.executable, "-c", BROKEN_AND_MENDED, str(workshop.path), *life.split()]
        subprocess.run(command, env=environment, check=True)
    changes = workshop.changes()
    failed_last = max(i for i, one in enumerate(changes) if one.what is What.FAILED_SYNC)
    disk, chance = RecordedDisk(workshop.disk.directory), random.Random(1)
    for index, change in enumerate(changes):
        for _ in range(CUTS_OF_A_MEND if index > failed_last else 0):
            with (
                _written(disk.after_a_cut(chance)) as directory,
                closing(Store(directory, MAX_BYTES)) as store,
            ):
                ids = {record.id for name in store.waiting() for record in store.read(name)}
            assert ids >= set(range(301)), f"before {change.what.name}"
        disk.apply(change)


@pytest.mark.parametrize("unsynced", ["data", "directory"])
def test_torn_writes_expose_a_writer_that_does_not_sync(workshop: Workshop, unsynced: str) -> None:
    with workshop.writing("--unsynced", unsynced):
        time.sleep(2 * INTERVAL_S)
    assert any(cut.broken_promises for cut in workshop.recorded().cuts())


def test_torn_writes_expose_a_sync_that_lies(workshop: Workshop) -> None:
    workshop.disk.set("fsync-lies")
    with workshop.writing():
        time.sleep(2 * INTERVAL_S)
    assert any(cut.broken_promises for cut in workshop.recorded().cuts())
