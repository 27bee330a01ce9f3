"""The arrivals of records in the stream: how many in which shard, and how late. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

#: The end of a record's second, in ms since the epoch; parsing the whole record would take longer.
_END = re.compile(rb'"deviceTimestamp": ?(\d+)')


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The records of the stream so far, by shard id.

    `delay_ms`: from the end of a second to the moment when the backend has it; the median of the
    last poll that returned a record, None before.
    """

    by_shard: dict[str, int]
    delay_ms: float | None = None

    @property
    def records(self) -> int:
        return sum(self.by_shard.values())


class ArrivalMeter:
    """Counts the records that a consumer reads from these shards, and measures their delays."""

    def __init__(self, shard_ids: Iterable[str]) -> None:
        self._by_shard = Counter(dict.fromkeys(shard_ids, 0))
        self._delay_ms: float | None = None

    @property
    def arrivals(self) -> Arrivals:
        return Arrivals(dict(self._by_shard), self._delay_ms)

    def add_poll(self, records: Sequence[tuple[str, bytes]], now_ms: int) -> None:
        """Count the records of one poll of all shards, each with its shard id."""
        self._by_shard.update(shard_id for shard_id, _ in records)
        ends = [int(end[1]) for _, data in records if (end := _END.search(data))]
        if ends:
            self._delay_ms = now_ms - median(ends)
