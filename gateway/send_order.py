"""Which message is sent next: newest race first, within a race as produced. Pure.

Memory holds the next few hundred messages of each race's head; from its `gap_from_id` on, a
race lies on disk alone and is read back page by page.
"""

from bisect import insort
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

#: Messages in memory that wait to be sent, over all races; some 0.5 MB.
RESIDENT_MAX = 512


@dataclass(slots=True, eq=False)
class Entry:
    """One message on its way. Ordered by `id`, the order of production."""

    id: int
    race_id: int
    payload: bytes
    commit_due_ns: int = 0
    on_disk: bool = False
    #: It has its place in the order, or had it: it is not to be offered again.
    offered: bool = False
    #: Acknowledged, set aside or given up: nothing more may happen to it.
    done: bool = False

    def __lt__(self, other: "Entry") -> bool:
        return self.id < other.id


@dataclass(slots=True)
class RaceQueue:
    """One race: `pending` messages in all, of which the `resident` heap can be sent at once."""

    race_id: int
    pending: int = 0
    resident: list[Entry] = field(default_factory=list)
    gap_from_id: int | None = None


class SendOrder:
    """All races that have something pending."""

    def __init__(self) -> None:
        self._races: dict[int, RaceQueue] = {}
        self._race_ids: list[int] = []
        self._resident_count = 0

    def queue(self, race_id: int) -> RaceQueue:
        """The race's queue, made if there is none."""
        queue = self._races.get(race_id)
        if queue is None:
            queue = self._races[race_id] = RaceQueue(race_id)
            insort(self._race_ids, race_id)
        return queue

    def get(self, race_id: int) -> RaceQueue | None:
        return self._races.get(race_id)

    def add_stored(self, race_id: int, count: int) -> None:
        """An earlier process left `count` messages of this race on disk."""
        queue = self.queue(race_id)
        queue.pending, queue.gap_from_id = count, 0

    def offer(self, entry: Entry) -> None:
        """A new message may be sent: from memory if there is room, else later from the disk."""
        queue = self.queue(entry.race_id)
        if queue.gap_from_id is None and self._resident_count < RESIDENT_MAX:
            self.put(entry)
        elif queue.gap_from_id is None:
            queue.gap_from_id = entry.id

    def put(self, entry: Entry) -> None:
        """A message takes its place among those in memory."""
        entry.offered = True
        heappush(self.queue(entry.race_id).resident, entry)
        self._resident_count += 1

    def next_queue(self, unreadable: Collection[int] = ()) -> RaceQueue | None:
        """The newest race that has something to send, in memory or on a disk that can be read."""
        for race_id in reversed(self._race_ids):
            queue = self._races[race_id]
            on_disk = queue.gap_from_id is not None and race_id not in unreadable
            if queue.resident or on_disk:
                return queue
        return None

    def pop(self, queue: RaceQueue) -> Entry:
        self._resident_count -= 1
        return heappop(queue.resident)

    def withdraw(self, entry: Entry) -> None:
        """A message that waits in memory is not to be sent."""
        queue = self._races[entry.race_id]
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
            self._race_ids.remove(queue.race_id)
