"""One run of `redrive`: read the queue, put the records in order, delete what is stored.

A message is deleted only after its record is in the stream. A run that is killed in between loses
nothing: the messages that it holds become visible again, and the next run may put a record twice,
with the same `uuid`. Until they are visible, the next run puts nothing: they may contain seconds
that come before those that it has read.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from gateway.host.errors import GatewayError
from gateway.redrive.plan import (
    MAX_BATCH_RECORDS,
    FailedRecord,
    NotTelemetry,
    QueuedMessage,
    batches,
    failed_record,
    in_order,
)
from gateway.terminal.units import counted, duration
from gateway.timing.backoff import Backoff

#: Messages that one run holds at a time. SQS hands out at most 120,000 messages of a standard queue
#: that are not deleted yet.
MAX_HELD = 100_000

#: Seconds for which a message is hidden from other readers after it was received. Reading and
#: putting as many messages as a run may hold takes less.
HIDDEN_S = 1800

#: Seconds to wait for messages that another reader holds. The numbers that SQS gives may be a
#: minute old, so that the messages of an ended run still count as held.
WAIT_FOR_OTHERS_S = 60
#: Seconds between two looks at their number.
LOOK_EVERY_S = 10

#: Messages that are released between two reports of the progress.
RELEASED_AT_ONCE = 100

#: Puts in a row of which the stream stores nothing, before the run ends.
MAX_REFUSALS = 10
FIRST_PAUSE_S = 0.2
MAX_PAUSE_S = 10.0

#: Receives the name of a step, how much of it is done, and of how many; None if that is unknown.
OnProgress = Callable[[str, int, int | None], None]


class RedriveError(GatewayError):
    """A redrive cannot go on. The text contains what failed, the reason, and what to do."""


class Queue(Protocol):
    """The queue of failed telemetry. Each method raises RedriveError."""

    def counts(self) -> tuple[int, int]:
        """Return about how many messages are visible, and how many some reader holds."""
        ...

    def receive(self) -> Sequence[QueuedMessage]:
        """Return some messages and hide them from other readers; none if the queue is empty."""
        ...

    def delete(self, messages: Sequence[QueuedMessage]) -> None: ...

    def release(self, messages: Sequence[QueuedMessage]) -> None:
        """Make the messages visible again."""
        ...


class Shards(Protocol):
    """The stream that the rule puts its records into."""

    def put(self, records: Sequence[FailedRecord]) -> dict[int, str]:
        """Put the records; return the reason for each that was refused, by its index.

        Raises RedriveError if trying again is of no use.
        """
        ...


class Stop(Protocol):
    """A request to stop, such as a threading.Event."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float) -> bool:
        """Wait that many seconds, or until the stop is requested; return whether it is."""
        ...


@dataclass(slots=True)
class FailedRace:
    """The records of one race that were read from the queue."""

    race_id: int
    messages: int = 0
    finals: int = 0
    first_second: int = 0
    last_second: int = 0
    racers: set[int] = field(default_factory=set)

    def add(self, record: FailedRecord) -> None:
        telemetry = record.telemetry
        self.first_second = min(self.first_second or telemetry.second, telemetry.second)
        self.last_second = max(self.last_second, telemetry.second)
        self.messages += 1
        self.finals += telemetry.is_final
        self.racers.add(telemetry.racer_id)


@dataclass(slots=True)
class RedriveReport:
    """The result of a run, up to now."""

    races: dict[int, FailedRace] = field(default_factory=dict)
    put: int = 0
    #: The reason why a message stays in the queue, by message id.
    left: dict[str, str] = field(default_factory=dict)
    #: The number of messages that another reader holds.
    held_elsewhere: int = 0
    #: Whether the queue was read to its end.
    is_complete: bool = False

    @property
    def records(self) -> int:
        return sum(race.messages for race in self.races.values())


class Redrive:
    """One run. `rate_per_s` limits the records per second, so that live races keep their room."""

    def __init__(
        self,
        queue: Queue,
        shards: Shards,
        stop: Stop,
        on_progress: OnProgress,
        rate_per_s: int,
        max_held: int = MAX_HELD,
    ) -> None:
        self.report = RedriveReport()
        self._queue = queue
        self._shards = shards
        self._stop = stop
        self._on_progress = on_progress
        self._rate_per_s = rate_per_s
        self._max_held = max_held
        #: The messages that this run hides from other readers, and those among them to be put.
        self._held: dict[str, QueuedMessage] = {}
        self._records: dict[str, FailedRecord] = {}

    def look(self) -> None:
        """Read the queue and change nothing, apart from how often its messages were received."""
        try:
            self._read()
            self._count_held_elsewhere()
        finally:
            self._release()

    def run(self) -> None:
        """Put everything in the queue into the stream. Raises RedriveError."""
        try:
            while not self._stop.is_set():
                self._read_alone()
                due = self._due()
                self._put_all(in_order(due))
                if self.report.is_complete or not due:
                    break
        finally:
            self._release()

    def _read(self) -> None:
        """Read until the queue is empty or as many messages are held as this run may hold."""
        self.report.is_complete = False
        while len(self._held) < self._max_held and not self._stop.is_set():
            messages = self._queue.receive()
            if not messages:
                self.report.is_complete = True
                return
            for message in messages:
                self._take(message)
            self._on_progress("read", len(self._held), None)

    def _read_alone(self) -> None:
        """Read while no other reader holds messages. Raises RedriveError if one does for longer.

        Its messages may become visible after the last look into the queue, so that only a read
        that begins and ends without another reader counts.
        """
        for waited_s in range(0, WAIT_FOR_OTHERS_S, LOOK_EVERY_S):
            held_before = self._count_held_elsewhere()
            self._read()
            if held_before == 0 == self._count_held_elsewhere():
                return
            self._on_progress("wait", waited_s, WAIT_FOR_OTHERS_S)
            if self._stop.wait(LOOK_EVERY_S):
                return
        held = counted(self.report.held_elsewhere, "message")
        raise RedriveError(
            f"another reader holds {held} of the queue. Nothing was put, because earlier seconds "
            "of the same races may be among what it holds. Run this command again when that reader "
            "has ended; messages of a redrive that was killed become visible again within "
            f"{duration(HIDDEN_S)}"
        )

    def _count_held_elsewhere(self) -> int:
        _, held = self._queue.counts()
        self.report.held_elsewhere = max(0, held - len(self._held))
        return self.report.held_elsewhere

    def _take(self, message: QueuedMessage) -> None:
        is_new = message.message_id not in self._held
        self._held[message.message_id] = message
        try:
            record = failed_record(message)
        except NotTelemetry as reason:
            self.report.left[message.message_id] = str(reason)
            return
        self._records[message.message_id] = record
        if is_new:
            race_id = record.telemetry.race_id
            self.report.races.setdefault(race_id, FailedRace(race_id)).add(record)

    def _due(self) -> list[FailedRecord]:
        """Return the records to put now: no `final` while the queue may contain earlier seconds."""
        records = list(self._records.values())
        updates = [record for record in records if not record.telemetry.is_final]
        return records if self.report.is_complete or not updates else updates

    def _put_all(self, records: Sequence[FailedRecord]) -> None:
        done = 0
        for batch in batches(records, min(MAX_BATCH_RECORDS, self._rate_per_s)):
            if self._stop.is_set():
                return
            self._put(batch)
            done += len(batch)
            self._on_progress("put", done, len(records))
            self._stop.wait(len(batch) / self._rate_per_s)

    def _put(self, batch: Sequence[FailedRecord]) -> None:
        """Put a batch. Return when all of it is stored, or a stop is requested."""
        backoff = Backoff(Random(), first_s=FIRST_PAUSE_S, max_s=MAX_PAUSE_S)
        refusals = 0
        while True:
            refused = self._shards.put(batch)
            self._stored([one for index, one in enumerate(batch) if index not in refused])
            if not refused:
                return
            refusals = refusals + 1 if len(refused) == len(batch) else 0
            if refusals == MAX_REFUSALS:
                raise RedriveError(
                    f"the stream refused {counted(len(batch), 'record')} {MAX_REFUSALS} times in a "
                    f"row: {next(iter(refused.values()))}; nothing is lost: run this command again "
                    "when the stream accepts records"
                )
            batch = [batch[index] for index in sorted(refused)]
            if self._stop.wait(backoff.next_s()):
                return

    def _stored(self, records: Sequence[FailedRecord]) -> None:
        self.report.put += len(records)
        self._queue.delete([record.message for record in records])
        for record in records:
            del self._held[record.message.message_id]
            del self._records[record.message.message_id]

    def _release(self) -> None:
        """Make what is left visible again. If that fails, SQS does so after a while."""
        left = list(self._held.values())
        with suppress(RedriveError):
            for start in range(0, len(left), RELEASED_AT_ONCE):
                self._queue.release(left[start : start + RELEASED_AT_ONCE])
                self._on_progress("release", min(start + RELEASED_AT_ONCE, len(left)), len(left))
