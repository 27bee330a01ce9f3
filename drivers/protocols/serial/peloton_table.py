"""The resistance table of a Peloton Bike: it converts the bike's raw resistance to percent."""

from bisect import bisect_right
from collections.abc import Sequence

#: Requests for the table and for percent end after this many without an answer, because some
#: firmware may not know them.
MAX_UNANSWERED = 20

#: The raw resistance at 0, 1/30, 2/30 … 30/30 of the range from 0 to 100 percent, read from a
#: real bike (ihaque/pelomon, RESISTANCE_LUT). Every bike has its own, and sends it on request.
DEFAULT_RESISTANCE_TABLE: Sequence[int] = (
    *(164, 169, 186, 222, 297, 369, 440, 497, 558, 609),
    *(653, 687, 726, 757, 783, 803, 827, 845, 861, 874),
    *(889, 901, 911, 921, 930, 938, 944, 952, 958, 963, 967),
)
RESISTANCE_TABLE_SIZE = len(DEFAULT_RESISTANCE_TABLE)
#: The entries that are compared with a known table. They are in its middle, where the entries of
#: two bikes are least likely to be equal.
CHECKED_ENTRIES: Sequence[int] = (5, 15, 25)


def resistance_percent(raw: float, table: Sequence[int] = DEFAULT_RESISTANCE_TABLE) -> float:
    """Convert a raw resistance to percent (0 to 100), linearly between the entries of `table`.

    Bikes do send raw values slightly outside their table; those become 0 or 100.
    """
    if raw <= table[0]:
        return 0.0
    if raw >= table[-1]:
        return 100.0
    above = bisect_right(table, raw)
    low, high = table[above - 1], table[above]
    return (above - 1 + (raw - low) / (high - low)) * 100 / (len(table) - 1)


def resistance_raw(percent: float, table: Sequence[int] = DEFAULT_RESISTANCE_TABLE) -> float:
    """Return the raw resistance at `percent`: the inverse of `resistance_percent`, also clamped."""
    position = min(max(percent, 0.0), 100.0) / 100 * (len(table) - 1)
    below = min(int(position), len(table) - 2)
    low, high = table[below], table[below + 1]
    return low + (position - below) * (high - low)


def can_be_table(entries: Sequence[int]) -> bool:
    """Return whether these can be all entries of a bike's table: they rise, or stay for a while."""
    is_whole = len(entries) == RESISTANCE_TABLE_SIZE
    return is_whole and list(entries) == sorted(entries) and entries[0] < entries[-1]


def resistance_points(table: Sequence[int]) -> tuple[tuple[float, float], ...]:
    """Return the entries of `table` as points (raw, percent)."""
    return tuple((raw, index * 100 / (len(table) - 1)) for index, raw in enumerate(table))


class TableReader:
    """The bike's own resistance table, entry by entry: the answers do not contain their index.

    A `known` table is the bike's until an answer differs from it. One that cannot be a table is not
    used.
    """

    def __init__(self, known: Sequence[int] | None) -> None:
        #: The index in the last request on the line.
        self.asked_index: int | None = None
        self._known = known if known is not None and can_be_table(known) else None
        self._read: Sequence[int] | None = None
        self._entries: dict[int, int] = {}
        self._tries = 0

    @property
    def table(self) -> Sequence[int] | None:
        return self._read or self._known

    @property
    def is_whole(self) -> bool:
        return all(index in self._entries for index in self._wanted)

    @property
    def _wanted(self) -> Sequence[int]:
        return range(RESISTANCE_TABLE_SIZE) if self._known is None else CHECKED_ENTRIES

    def next_index(self) -> int | None:
        """Return the next entry to request; None if all are known or the bike does not answer."""
        if self.is_whole or self._tries - len(self._entries) >= MAX_UNANSWERED:
            return None
        self._tries += 1
        return next(index for index in self._wanted if index not in self._entries)

    def learn(self, raw: int) -> None:
        """Keep an entry; all entries become the table, unless they cannot be one."""
        index, self.asked_index = self.asked_index, None
        if index is None:
            return
        self._entries[index] = raw
        if self._known is not None and self._known[index] != raw:
            self._known = None
        entries = [self._entries[one] for one in sorted(self._entries)]
        if self._known is None and can_be_table(entries):
            self._read = entries
