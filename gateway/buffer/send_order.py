"""Which message is sent next: newest race first, within a race as produced. Pure.

The newest race is the one that was last produced for: race ids need not ascend. Memory holds the
next few hundred messages of each race's head; from its `gap_from_id` on, a race lies on disk
alone and is read back page by page.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from gateway.telemetry.message import bike_in

#: Messages in memory that wait to be sent, over all races; some 0.5 MB.
RESIDENT_MAX = 512


@dataclass(slots=True, eq=False)
class Entry:
    """One message on its way. Ordered by `id`, the order of production."""

    id: int
    race_id: int
    payload: bytes
    commit_due_ns: int = 0
    #: When this process produced it; None of what an earlier one left.
    produced_ns: int | None = None
    sent_ns: int = 0
    #: It was refused, or in flight when the broker hung up: it is sent alone.
    is_suspect: bool = False
    #: How often it was refused, or the broker hung up on it alone.
    failures: int = 0
    on_disk: bool = False
    #: It has its place in the order, or had it: it is not to be offered again.
    offered: bool = False
    #: Acknowledged, set aside or given up: nothing more may happen to it.
    done: bool = False
    #: There was no room for it: lost, unless it was in flight and arrives all the same.
    given_up: bool = False

    @property
    def bike(self) -> bytes:
        """The id of its bike; order is promised within a race and bike."""
        return bike_in(self.payload)

    def __lt__(self, other: "Entry") -> bool:
        return self.id < other.id


@dataclass(slots=True)
class RaceQueue:
    """One race: `pending` messages in all, of which the `resident` heap can be sent at once."""

    race_id: int
    pending: int = 0
    resident: list[Entry] = field(default_factory=list)
    gap_from_id: int | None = None
    #: When something was last produced for it.
    produced_ns: int = 0
    #: After the disk failed to give a page it is asked again from then on.
    read_again_ns: int = 0

    def heads(self) -> Iterator[Entry]:
        """Yield the first message in memory of each bike, the oldest first."""
        bikes = set()
        for entry in sorted(self.resident):
            if entry.bike not in bikes:
                bikes.add(entry.bike)
                yield entry


class SendOrder:
    """All races that have something pending."""

    def __init__(self) -> None:
        #: Newest race last.
        self._races: OrderedDict[int, RaceQueue] = OrderedDict()
        self._resident_count = 0

    def queue(self, race_id: int) -> RaceQueue:
        """The race's queue, made if there is none."""
        queue = self._races.get(race_id)
        if queue is None:
            queue = self._races[race_id] = RaceQueue(race_id)
        return queue

    def newest(self, race_id: int) -> RaceQueue:
        """The race's queue, which is the newest from now on."""
        queue = self.queue(race_id)
        self._races.move_to_end(race_id)
        return queue

    def sort(self) -> None:
        """By when they were last produced for; what an earlier process left stays as it is."""
        races = sorted(self._races.items(), key=lambda item: item[1].produced_ns)
        self._races = OrderedDict(races)

    def get(self, race_id: int) -> RaceQueue | None:
        return self._races.get(race_id)

    def add_stored(self, race_id: int, count: int, from_id: int = 0) -> None:
        """There are `count` more messages of this race on disk, the first not before `from_id`.

        What is in memory from there on is forgotten: it comes back with the pages.
        """
        queue = self.queue(race_id)
        queue.pending += count
        if queue.gap_from_id is None or from_id < queue.gap_from_id:
            queue.gap_from_id = from_id
        for entry in queue.resident:
            entry.offered = entry.id < from_id
            entry.done = entry.on_disk and not entry.offered
        self.replace(queue, [entry for entry in queue.resident if entry.offered])

    def offer(self, entry: Entry) -> None:
        """A new message may be sent: from memory if there is room, else later from the disk."""
        queue = self.queue(entry.race_id)
        if queue.gap_from_id is None and self.has_room:
            self.put(entry)
        elif queue.gap_from_id is None:
            queue.gap_from_id = entry.id
        elif entry.id < queue.gap_from_id:
            self.put(entry)

    def put(self, entry: Entry) -> None:
        """A message takes its place among those in memory."""
        entry.offered = True
        heappush(self.queue(entry.race_id).resident, entry)
        self._resident_count += 1

    def newest_first(self, without: Collection[int] = ()) -> Iterator[RaceQueue]:
        """The queues of all races but those `without`."""
        return (queue for queue in reversed(self._races.values()) if queue.race_id not in without)

    def residents(self) -> Iterator[Entry]:
        """All that waits in memory."""
        return (entry for queue in self._races.values() for entry in queue.resident)

    def pop(self, race_id: int) -> Entry:
        self._resident_count -= 1
        return heappop(self._races[race_id].resident)

    @property
    def has_room(self) -> bool:
        return self._resident_count < RESIDENT_MAX

    def withdraw(self, entry: Entry) -> None:
        """Take a message from those that wait in memory."""
        queue = self._races[entry.race_id]
        if queue.resident[:1] == [entry]:  # as nearly always
            self.pop(entry.race_id)
        else:
            self.replace(queue, [other for other in queue.resident if other is not entry])

    def finish_one(self, race_id: int) -> None:
        """One message of the race is done with."""
        queue = self._races[race_id]
        queue.pending -= 1
        self._drop_if_empty(queue)

    def replace(self, queue: RaceQueue, entries: Iterable[Entry]) -> None:
        """Other messages in memory than before."""
        self._resident_count -= len(queue.resident)
        queue.resident = list(entries)
        heapify(queue.resident)
        self._resident_count += len(queue.resident)

    def shrink(self, queue: RaceQueue, left: Iterable[Entry], pending: int) -> int:
        """What was on disk of this race is gone; gives how many messages that were."""
        gone = queue.pending - pending
        queue.pending, queue.gap_from_id = pending, None
        self.replace(queue, left)
        self._drop_if_empty(queue)
        return gone

    def _drop_if_empty(self, queue: RaceQueue) -> None:
        if queue.pending == 0:
            del self._races[queue.race_id]
