"""A run of `redrive`: nothing lost, in order, resumable. The queue and the stream are models.

test_aws.py and tests/gateway/cli/test_redrive.py run it against moto.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.redrive.plan import FailedRecord, QueuedMessage
from gateway.redrive.session import (
    LOOK_EVERY_S,
    MAX_REFUSALS,
    Redrive,
    RedriveError,
    RedriveReport,
)
from gateway.telemetry.message import Telemetry, telemetry_from_json
from tests.support.failed_telemetry import error_action, telemetry


class Killed(BaseException):
    """The process ends here."""


def ids(messages: Sequence[QueuedMessage]) -> set[str]:
    return {message.message_id for message in messages}


class ModelQueue:
    """A standard queue: hands out its messages in any order, ten at a time."""

    def __init__(self, bodies: Sequence[str], random: Random) -> None:
        self.messages = {str(index): body for index, body in enumerate(bodies)}
        self.held: set[str] = set()
        #: Receives until the process ends during one, after which its messages are hidden.
        self.kill_in: int | None = None
        #: Called each time that the counts are read.
        self.on_counts: Callable[[], None] = lambda: None
        self._random = random

    def counts(self) -> tuple[int, int]:
        self.on_counts()
        return len(self.messages) - len(self.held), len(self.held)

    def receive(self) -> list[QueuedMessage]:
        visible = sorted(self.messages.keys() - self.held)
        chosen = self._random.sample(visible, min(10, len(visible)))
        self.held |= set(chosen)
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in < 0:
                self.kill_in = None
                raise Killed
        return [QueuedMessage(one, f"receipt of {one}", self.messages[one]) for one in chosen]

    def delete(self, messages: Sequence[QueuedMessage]) -> None:
        for message in messages:
            self.messages.pop(message.message_id, None)
            self.held.discard(message.message_id)

    def release(self, messages: Sequence[QueuedMessage]) -> None:
        if not isinstance(sys.exception(), Killed):  # a killed process releases nothing
            self.held -= ids(messages)

    def time_out(self) -> None:
        """Make everything visible, as SQS does some time after a reader was killed."""
        self.held.clear()


class ModelStream:
    """A stream; `refuses` decides by the number of the put which of its records are throttled."""

    def __init__(self, refuses: Callable[[int, int], bool] = lambda put, index: False) -> None:
        self.stored: list[Telemetry] = []
        self.puts: list[int] = []
        #: The number of the put during which the process ends, and whether its records are stored.
        self.kill_at: tuple[int, bool] | None = None
        self._refuses = refuses

    def put(self, records: Sequence[FailedRecord]) -> dict[int, str]:
        number = len(self.puts)
        self.puts.append(len(records))
        if self.kill_at == (number, False):
            raise Killed
        refused = {i: "throttled" for i in range(len(records)) if self._refuses(number, i)}
        self.stored += [
            telemetry_from_json(record.data)
            for index, record in enumerate(records)
            if index not in refused
        ]
        if self.kill_at == (number, True):
            raise Killed
        return refused

    @property
    def uuids(self) -> list[str]:
        return [one.uuid for one in self.stored]


class NoWait:
    """A stop that is requested after `puts` pauses; nothing waits."""

    def __init__(self, pauses: int | None = None) -> None:
        self.pauses_s: list[float] = []
        self._pauses = pauses

    def is_set(self) -> bool:
        return self._pauses is not None and len(self.pauses_s) >= self._pauses

    def wait(self, timeout: float) -> bool:
        self.pauses_s.append(timeout)
        return self.is_set()


def ride(race_id: int, racer_id: int = 7, first: int = 291) -> list[Telemetry]:
    """Return a racer's last seconds of a race, with the final."""
    return [telemetry(race_id, second, racer_id) for second in range(first, 301)]


def bodies(sent: Sequence[Telemetry]) -> list[str]:
    return [error_action(one.to_json()) for one in sent]


def redrive(
    queue: ModelQueue,
    stream: ModelStream,
    stop: NoWait | None = None,
    rate_per_s: int = 250,
    max_held: int = 1000,
) -> RedriveReport:
    run = Redrive(queue, stream, stop or NoWait(), lambda *_: None, rate_per_s, max_held)
    run.run()
    return run.report


def assert_in_order(stored: Sequence[Telemetry]) -> None:
    """Assert that each ride is in order where its seconds arrive for the first time."""
    arrived: dict[str, Telemetry] = {}
    by_ride = defaultdict(list)
    for one in stored:
        if one.uuid not in arrived:
            arrived[one.uuid] = one
            by_ride[one.race_id, one.racer_id].append(one.second)
    assert all(a < b for seconds in by_ride.values() for a, b in pairwise(seconds))


def test_every_record_is_put_once_and_its_message_deleted() -> None:
    sent = ride(1) + ride(1, racer_id=8) + ride(2)
    queue, stream = ModelQueue(bodies(sent), Random(1)), ModelStream()
    report = redrive(queue, stream)
    assert sorted(stream.uuids) == sorted(one.uuid for one in sent)
    assert_in_order(stream.stored)
    assert queue.messages == {}
    assert (report.put, report.is_complete, report.left) == (30, True, {})
    race = report.races[1]
    assert (race.messages, race.finals, len(race.racers)) == (20, 2, 2)
    assert (race.first_second, race.last_second) == (291, 300)


def test_message_that_is_not_telemetry_stays_in_the_queue_and_becomes_visible() -> None:
    queue = ModelQueue(["hello", *bodies(ride(1))], Random(1))
    report = redrive(queue, ModelStream())
    assert report.put == 10
    assert list(queue.messages) == list(report.left) == ["0"]
    assert queue.held == set()


def test_look_puts_nothing_and_makes_every_message_visible() -> None:
    queue, stream = ModelQueue(["hello", *bodies(ride(1))], Random(1)), ModelStream()
    run = Redrive(queue, stream, NoWait(), lambda *_: None, rate_per_s=250)
    run.look()
    assert (stream.puts, len(queue.messages), queue.held) == ([], 11, set())
    assert (run.report.records, run.report.put, len(run.report.left)) == (10, 0, 1)


def test_refused_record_is_put_again_before_a_later_second_of_its_ride() -> None:
    sent = ride(1) + ride(1, racer_id=8)
    stream = ModelStream(refuses=lambda put, index: put in (0, 3) and index == 0)
    redrive(ModelQueue(bodies(sent), Random(1)), stream)
    assert sorted(stream.uuids) == sorted(one.uuid for one in sent)
    assert_in_order(stream.stored)
    assert stream.puts[:3] == [2, 1, 2]


def test_pauses_between_refusals_grow() -> None:
    stop = NoWait()
    stream = ModelStream(refuses=lambda put, index: put < 5)
    redrive(ModelQueue(bodies([telemetry(1, 5)]), Random(1)), stream, stop)
    grown = stop.pauses_s[:5]
    assert all(2**n * 0.1 <= pause_s <= 2**n * 0.2 for n, pause_s in enumerate(grown))


def test_stream_that_stores_nothing_ends_the_run_and_loses_nothing() -> None:
    queue = ModelQueue(bodies(ride(1)), Random(1))
    stream = ModelStream(refuses=lambda put, index: put >= 2)
    with pytest.raises(RedriveError, match=r"refused 1 record 10 times in a row: throttled; noth"):
        redrive(queue, stream)
    assert len(stream.puts) == 2 + MAX_REFUSALS
    assert (len(queue.messages), queue.held) == (8, set())


class Unreleasable(ModelQueue):
    """A queue that fails when a run ends: its messages become visible some time later."""

    def release(self, messages: Sequence[QueuedMessage]) -> None:
        raise RedriveError("cannot release messages of the queue")


def test_failure_to_release_is_no_error_because_messages_become_visible_by_themselves() -> None:
    stream = ModelStream()
    assert redrive(Unreleasable(["hello", *bodies(ride(1))], Random(1)), stream).put == 10


def test_rate_limits_the_records_of_a_put_and_the_time_between_puts() -> None:
    stop, stream = NoWait(), ModelStream()
    sent = [telemetry(1, 5, racer_id) for racer_id in range(50)]
    redrive(ModelQueue(bodies(sent), Random(1)), stream, stop, rate_per_s=20)
    assert stream.puts == [20, 20, 10]
    assert stop.pauses_s == [1.0, 1.0, 0.5]


def test_stop_ends_the_run_after_the_put_that_goes_on() -> None:
    queue, stream = ModelQueue(bodies(ride(1)), Random(1)), ModelStream()
    report = redrive(queue, stream, NoWait(pauses=3))
    assert (report.put, len(stream.stored), len(queue.messages)) == (3, 3, 7)
    assert queue.held == set()


def test_more_messages_than_a_run_may_hold_are_put_in_parts_with_the_finals_last() -> None:
    sent = [one for racer_id in range(4) for one in ride(1, racer_id)]
    queue, stream = ModelQueue(bodies(sent), Random(1)), ModelStream()
    report = redrive(queue, stream, max_held=10)
    assert sorted(stream.uuids) == sorted(one.uuid for one in sent)
    assert [one.is_final for one in stream.stored] == [False] * 36 + [True] * 4
    assert report.is_complete


def test_run_after_one_that_was_killed_while_reading_puts_nothing_before_the_hidden_seconds() -> (
    None
):
    queue, stream = ModelQueue(bodies(ride(1, first=251)), Random(1)), ModelStream()
    queue.kill_in = 2
    with pytest.raises(Killed):
        redrive(queue, stream)
    with pytest.raises(
        RedriveError, match=r"another reader holds 30 messages .* visible again within 30 min"
    ):
        redrive(queue, stream)
    assert (stream.puts, len(queue.held), len(queue.messages)) == ([], 30, 50)
    queue.time_out()
    assert redrive(queue, stream).put == 50
    assert_in_order(stream.stored)


def test_run_waits_for_messages_that_another_reader_releases_soon() -> None:
    queue, stream, stop = ModelQueue(bodies(ride(1)), Random(1)), ModelStream(), NoWait()
    theirs = queue.receive()[:4]
    queue.release([QueuedMessage(one, "", "") for one in queue.held - ids(theirs)])
    looks = iter(range(1, 100))
    queue.on_counts = lambda: queue.release(theirs) if next(looks) == 4 else None
    report = redrive(queue, stream, stop)
    assert (report.put, report.held_elsewhere, report.is_complete) == (10, 0, True)
    assert_in_order(stream.stored)
    assert stop.pauses_s[0] == LOOK_EVERY_S


def test_stop_while_another_reader_holds_messages_puts_nothing() -> None:
    queue, stream = ModelQueue(bodies(ride(1)), Random(1)), ModelStream()
    queue.held = {"3"}
    redrive(queue, stream, NoWait(pauses=2))
    assert (stream.puts, queue.held) == ([], {"3"})


def test_final_waits_for_what_others_release_beyond_the_messages_that_a_run_may_hold() -> None:
    queue, stream = ModelQueue(bodies(ride(1, first=281)), Random(1)), ModelStream()
    theirs = [QueuedMessage(str(index), "", "") for index in range(15)]
    queue.held = ids(theirs)
    queue.on_counts = lambda: queue.release(theirs)
    redrive(queue, stream, max_held=7)
    assert [one.second for one in stream.stored][-1] == 300
    assert len(stream.stored) == 20


def test_look_reports_what_another_reader_holds_and_does_not_wait() -> None:
    queue, stop = ModelQueue(bodies(ride(1)), Random(1)), NoWait()
    queue.held = {"3", "4"}
    run = Redrive(queue, ModelStream(), stop, lambda *_: None, rate_per_s=250)
    run.look()
    assert (run.report.records, run.report.held_elsewhere, stop.pauses_s) == (8, 2, [])
    assert queue.held == {"3", "4"}


def test_queue_full_of_finals_or_of_other_messages_comes_to_an_end() -> None:
    finals = [telemetry(race_id, 300) for race_id in range(30)]
    queue, stream = ModelQueue(bodies(finals), Random(1)), ModelStream()
    assert redrive(queue, stream, max_held=10).put == 30
    report = redrive(ModelQueue(["hello"] * 30, Random(1)), stream, max_held=10)
    assert (report.put, report.is_complete) == (0, False)


@given(
    seed=st.integers(0, 2**32),
    rides=st.dictionaries(
        st.tuples(st.integers(0, 2), st.integers(0, 2)), st.integers(285, 300), min_size=1
    ),
    kills=st.lists(
        st.tuples(st.sampled_from(["reading", "putting", "stored"]), st.integers(0, 8)), max_size=3
    ),
    throttled=st.floats(0, 0.2),  # ten refusals in a row are an error
)
def test_runs_that_are_killed_lose_nothing_and_keep_each_ride_in_order(
    seed: int, rides: dict[tuple[int, int], int], kills: list[tuple[str, int]], throttled: float
) -> None:
    random = Random(seed)
    sent = [one for (race, racer), first in rides.items() for one in ride(race, racer, first)]
    queue = ModelQueue(bodies(sent), random)
    stream = ModelStream(refuses=lambda put, index: random.random() < throttled)
    for step, calls in kills:
        if step == "reading":
            queue.kill_in = calls
        else:
            stream.kill_at = len(stream.puts) + calls, step == "stored"
        with suppress(Killed):
            redrive(queue, stream)
        queue.kill_in = stream.kill_at = None
        if queue.held:
            with pytest.raises(RedriveError, match="another reader holds"):
                redrive(queue, stream)
        queue.time_out()
    redrive(queue, stream)
    assert set(stream.uuids) == {one.uuid for one in sent}
    assert queue.messages == {}
    assert_in_order(stream.stored)
    # A kill repeats at most the put that it interrupted: one second of each ride.
    assert len(stream.stored) - len(sent) <= len(kills) * len(rides)
