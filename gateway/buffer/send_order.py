"""Which message is sent next: newest race first, within a race as produced. Pure.

The newest race is the one that was last produced for: race ids need not ascend. Memory holds what
is not written yet, and the logs that are sent from: all messages of such a log are in memory. What
is in other logs is not, until they are read again.
"""

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from gateway.buffer.log_format import LogName
from gateway.telemetry.message import bike_in


class EntryState(Enum):
    """What has become of a message, as far as memory knows.

    WAITING ⇄ TAKEN          given to a sender, and given back
    WAITING → ON_DISK        memory forgets it: it is read again, as another Entry
    TAKEN   → ON_DISK        given back when memory has forgotten its log
    TAKEN   → DONE           acknowledged, or set aside
    WAITING → DONE           an undated second without a race, a leftover
    WAITING, TAKEN → LOST    there was no room for it
    """

    WAITING = auto()
    TAKEN = auto()
    ON_DISK = auto()
    DONE = auto()
    LOST = auto()


@dataclass(slots=True, eq=False)
class Segment:
    """A log, and the number of its messages that are not done with.

    `is_loaded`: all of them are in memory.
    """

    name: LogName
    pending: int = 0
    is_loaded: bool = True
    #: How many were missing when it was read.
    lost: int = 0


@dataclass(slots=True, eq=False)
class Entry:
    """One message on its way. Ordered by `id`, the order of production."""

    id: int
    race_id: int
    payload: bytes
    commit_due_ns: int = 0
    #: When this process produced it; None if an earlier process did.
    produced_ns: int | None = None
    sent_ns: int = 0
    #: It was refused, or in flight when the broker hung up: it is sent alone.
    is_suspect: bool = False
    #: How often it was refused, or the broker hung up on it alone.
    failures: int = 0
    state: EntryState = EntryState.WAITING
    #: The log that it is in; None if it is not on disk.
    segment: Segment | None = None

    @property
    def bike(self) -> bytes:
        """The id of its bike; order is promised within a race and bike."""
        return bike_in(self.payload)

    @property
    def done(self) -> bool:
        """Whether nothing more happens to it; its message may be sent as another Entry."""
        return self.state not in (EntryState.WAITING, EntryState.TAKEN)

    def __lt__(self, other: "Entry") -> bool:
        return self.id < other.id


@dataclass(slots=True)
class RaceQueue:
    """One race: its messages that are not done with, which wait or are with a sender."""

    race_id: int
    #: How many of them are not on disk.
    unwritten: int = 0
    #: Those that wait in memory, in order.
    entries: list[Entry] = field(default_factory=list)
    #: Its logs, the one with the lowest id first.
    segments: list[Segment] = field(default_factory=list)
    #: When something was last produced for it.
    produced_ns: int = 0
    #: A log that the disk has failed to return is read again from then on.
    read_again_ns: int = 0

    @property
    def pending(self) -> int:
        """The number of messages in all."""
        return self.unwritten + sum(segment.pending for segment in self.segments)

    @property
    def is_over(self) -> bool:
        """Whether there are none."""
        return not (self.unwritten or self.segments)

    @property
    def first(self) -> Entry | None:
        """The first message in memory."""
        return self.entries[0] if self.entries else None

    @property
    def unread(self) -> Segment | None:
        """The log that must be read before `first` may be sent."""
        unloaded = self._first_unloaded
        is_behind = unloaded and self.entries and self.entries[0].id < unloaded.name.first_id
        return None if is_behind else unloaded

    @property
    def _first_unloaded(self) -> Segment | None:
        return next((one for one in self.segments if not one.is_loaded), None)

    def heads(self) -> Iterator[Entry]:
        """Yield the first message of each bike, the oldest first, up to the first unread log."""
        unloaded, bikes = self._first_unloaded, set()
        for entry in self.entries:
            if unloaded is not None and entry.id >= unloaded.name.first_id:
                return
            if entry.bike not in bikes:
                bikes.add(entry.bike)
                yield entry

    def add_segment(self, segment: Segment) -> None:
        insort(self.segments, segment, key=lambda one: one.name.first_id)


class SendOrder:
    """All races that have something pending."""

    def __init__(self) -> None:
        #: Newest race last.
        self._races: OrderedDict[int, RaceQueue] = OrderedDict()
        #: Messages that wait in memory.
        self.in_memory = 0

    def queue(self, race_id: int) -> RaceQueue:
        """Return the race's queue, made if there is none."""
        return self._races.setdefault(race_id, RaceQueue(race_id))

    def newest(self, race_id: int) -> RaceQueue:
        """Return the race's queue, which is the newest from now on."""
        queue = self.queue(race_id)
        self._races.move_to_end(race_id)
        return queue

    def sort(self) -> None:
        """Sort by when they were last produced for; what an earlier process left stays as it is."""
        races = sorted(self._races.items(), key=lambda item: item[1].produced_ns)
        self._races = OrderedDict(races)

    def __contains__(self, race_id: int) -> bool:
        return race_id in self._races

    def newest_first(self, without: Collection[int] = ()) -> Iterator[RaceQueue]:
        """Return the queues of all races but those `without`."""
        return (queue for queue in reversed(self._races.values()) if queue.race_id not in without)

    def oldest_first(self) -> Iterator[RaceQueue]:
        return iter(self._races.values())

    def put(self, entry: Entry) -> None:
        """Give a message its place among those in memory."""
        insort(self.queue(entry.race_id).entries, entry)
        self.in_memory += 1

    def withdraw(self, entry: Entry) -> None:
        """Take a message from those that wait in memory."""
        entries = self._races[entry.race_id].entries
        at = bisect_left(entries, entry)
        while entries[at] is not entry:  # another one has the same id, after a crash
            at += 1
        del entries[at]
        self.in_memory -= 1

    def drop_if_over(self, race_id: int) -> None:
        """Forget a race without messages."""
        if race_id in self._races and self._races[race_id].is_over:
            del self._races[race_id]
