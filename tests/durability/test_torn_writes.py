"""A power cut loses any part of what was not synced, and the promise holds.

The writer's every write and sync is recorded; recorded_disk.py says what a cut at any of them may
leave. No root, no loop device: gcc is enough.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.clock import NS_PER_S
from tests.durability.cuts import Cut, Writer
from tests.durability.memory import directory_in_memory
from tests.durability.recorded_disk import Change, RecordedDisk, What, read_changes
from tests.durability.writer import CHECKPOINT_OFTEN, INTERVAL_S
from tests.support.bad_disk import BadDisk

CUTS = 300
WRITING_S = 7.0
#: Good and bad seconds in turn.
FAILING_S = ((2.5, 0.3), (3.0, 1.0), (3.0, 0.05), (3.0, 0.0))
#: A disk that is well again is believed after so long: it is tried anew every second.
BELIEVED_AFTER_S = 2.2

DATABASE = "buffer.db"
FILES = (DATABASE, f"{DATABASE}-wal")  # the index of the log is made anew at every start


@dataclass(frozen=True, slots=True)
class Recorded:
    """A writer, and what it did to its disk."""

    writer: Writer
    changes: list[Change]

    def cuts(self, is_judged: Callable[[int], bool] = lambda _: True) -> Iterator[Cut]:
        """At random: each just before a change is over; `is_judged` is asked for its time."""
        chance = random.Random(len(self.changes))
        places = [i for i, change in enumerate(self.changes) if is_judged(change.done_ns)]
        cut_at = set(chance.sample(places, min(CUTS, len(places))))
        disk = RecordedDisk()
        for index, change in enumerate(self.changes):
            if index in cut_at:
                with _written(disk.after_a_cut(chance)) as directory:
                    cut = self.writer.judge(change.done_ns, directory / DATABASE)
                yield cut
            disk.apply(change)


@contextmanager
def _written(files: dict[Path, bytes]) -> Iterator[Path]:
    with directory_in_memory() as directory:
        for path, content in files.items():
            (directory / path.name).write_bytes(content)
        yield directory


class Workshop:
    """A disk that is recorded, and a writer on it."""

    def __init__(self, directory: Path) -> None:
        state = directory / "state"
        self.disk = BadDisk(directory, state)
        self._writer = Writer(state / DATABASE, directory / "told")

    @contextmanager
    def writing(self, *options: str) -> Iterator[None]:
        environment = self.disk.environment | self.disk.recording
        with self._writer.writing(*options, environment=environment):
            yield

    def recorded(self) -> Recorded:
        changes = [one for one in read_changes(self.disk.record) if one.path.name in FILES]
        return Recorded(self._writer, changes)


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    with directory_in_memory() as directory:
        yield Workshop(directory)


def assert_promise_holds(cuts: Iterator[Cut]) -> None:
    for number, cut in enumerate(cuts):
        assert cut.broken_promises == {}, f"cut {number}: age of each in seconds"
        assert cut.all_as_produced


def test_whatever_is_lost_of_what_was_not_synced_the_promise_holds(workshop: Workshop) -> None:
    with workshop.writing(*CHECKPOINT_OFTEN):
        time.sleep(WRITING_S)
    recorded = workshop.recorded()
    assert_promise_holds(recorded.cuts())
    copied = [
        one for one in recorded.changes if one.what is What.SYNC and one.path.name == DATABASE
    ]
    assert len(copied) > 1, "SQLite's log was copied into the database, with cuts at that time"


def test_after_syncs_that_failed_the_promise_holds_again(workshop: Workshop) -> None:
    bad_ns: list[tuple[int, int]] = []
    with workshop.writing():
        for good_s, bad_s in FAILING_S:
            time.sleep(good_s)
            began_ns = time.monotonic_ns()
            workshop.disk.set("fsync-fails")
            time.sleep(bad_s)
            workshop.disk.set("ok")
            bad_ns.append((began_ns, time.monotonic_ns() + round(BELIEVED_AFTER_S * NS_PER_S)))
    assert_promise_holds(workshop.recorded().cuts(lambda at_ns: _is_good(at_ns, bad_ns)))


def _is_good(at_ns: int, bad_ns: Sequence[tuple[int, int]]) -> bool:
    return not any(began_ns <= at_ns <= ended_ns for began_ns, ended_ns in bad_ns)


def test_a_restart_after_syncs_that_failed_keeps_the_promise(workshop: Workshop) -> None:
    """The kernel shows the next process what it has not written and never will."""
    with workshop.writing():
        time.sleep(2)
        failing_ns = time.monotonic_ns()
        workshop.disk.set("fsync-fails")
        time.sleep(INTERVAL_S)
    workshop.disk.set("ok")
    restarted_ns = time.monotonic_ns()
    with workshop.writing("--first-race", "1000"):
        time.sleep(4)
    recorded = workshop.recorded()
    young_ns = range(failing_ns - round(INTERVAL_S * NS_PER_S), restarted_ns)
    appended_ns = recorded.writer.appended_ns()
    for cut in recorded.cuts(lambda at_ns: at_ns > restarted_ns):
        assert {key for key in cut.broken_promises if appended_ns[key] not in young_ns} == set()
        assert cut.all_as_produced


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_a_writer_that_does_not_sync_is_found_out(workshop: Workshop, synchronous: str) -> None:
    with workshop.writing("--synchronous", synchronous):
        time.sleep(2 * INTERVAL_S)
    assert any(cut.broken_promises for cut in workshop.recorded().cuts())


def test_a_sync_that_lies_is_found_out(workshop: Workshop) -> None:
    workshop.disk.set("fsync-lies")
    with workshop.writing():
        time.sleep(2 * INTERVAL_S)
    assert any(cut.broken_promises for cut in workshop.recorded().cuts())
