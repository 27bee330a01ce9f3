"""Which bytes of an unknown bike's frames follow its pedals. Pure.

The rider counts the turns at two cadences. A number in the frames that is half as large again at
90 rpm as at 60 rpm is a cadence, in some unit; a counter that advances by the same number with each
turn counts turns. All single bytes are tried, and all pairs of neighbours in both orders.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import median, quantiles
from typing import Literal

from drivers.captures.format import CountedTurns
from drivers.reading import Frame

_NS_PER_S = 1_000_000_000

#: The least factor between two cadences that cannot be an error of counting.
LEAST_FACTOR = 1.15
#: The least number of frames while turns were counted.
MIN_FRAMES = 3
#: The largest relative width of the middle half of the values of a steady number.
_STEADY = 0.15
#: Two rates are the same if they differ by less than this, relatively.
_SAME_RATE = 0.05
#: The least number that a counter must advance while turns are counted.
_MIN_COUNTS = 5
#: Frames of one length are of several kinds if they begin with at most this number of different
#: pairs of bytes, apart from rare ones; a pair that begins less than this share of them is rare.
_MOST_KINDS = 8
_RARE = 0.05


class FieldMovement(StrEnum):
    """The ways in which a number moves, the most informative first."""

    CADENCE = "proportional to the cadence"
    PERIOD = "the time of a turn"
    TURNS = "counts turns"
    FOLLOWS = "changes with the cadence"
    TIME = "counts time"


@dataclass(frozen=True, slots=True)
class ByteField:
    """An unsigned number of one or two bytes in a frame, which begins at `offset`."""

    offset: int
    size_bytes: int = 1
    order: Literal["little", "big"] = "big"

    def value(self, data: bytes) -> int:
        return int.from_bytes(data[self.offset : self.offset + self.size_bytes], self.order)

    @property
    def numbers(self) -> int:
        """How many different numbers it can hold."""
        return int(256**self.size_bytes)


@dataclass(frozen=True, slots=True)
class MovingField:
    """A field that moves, and how.

    `scale` is the number for each rpm, turn or second; for a PERIOD the units of a second.
    `slow` and `fast` are its medians at the two cadences.
    """

    field: ByteField
    movement: FieldMovement
    scale: float
    slow: float
    fast: float


@dataclass(frozen=True, slots=True)
class ChangingByte:
    """A byte that is not always the same, with the range of its values."""

    offset: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class FrameKind:
    """The frames of one length that begin alike. `begins` is empty if they do not."""

    size_bytes: int
    begins: bytes
    frames: tuple[Frame, ...]

    def changing_bytes(self) -> list[ChangingByte]:
        columns = enumerate(zip(*(frame.data for frame in self.frames), strict=True))
        return [ChangingByte(at, min(some), max(some)) for at, some in columns if len({*some}) > 1]


def two_cadences(counted: Sequence[CountedTurns]) -> tuple[CountedTurns, CountedTurns] | None:
    """Return the slowest and the fastest of the counted turns; None if they are about the same."""
    ridden = sorted((one for one in counted if one.turns > 0), key=lambda one: one.rpm)
    if len(ridden) < 2 or ridden[-1].rpm < LEAST_FACTOR * ridden[0].rpm:
        return None
    return ridden[0], ridden[-1]


def kinds_of(frames: Iterable[Frame], counted: Sequence[CountedTurns]) -> list[FrameKind]:
    """Return the frames by kind, the most frequent first."""
    by_size: dict[int, list[Frame]] = {}
    for frame in frames:
        by_size.setdefault(len(frame.data), []).append(frame)
    kinds = [kind for same in by_size.values() for kind in _split(same, counted)]
    return sorted(kinds, key=lambda kind: -len(kind.frames))


def moving_fields(kind: FrameKind, slow: CountedTurns, fast: CountedTurns) -> list[MovingField]:
    """Return the fields that follow the pedals or the time, the most informative first."""
    spans = _Span(kind, slow), _Span(kind, fast)
    if any(len(span.frames) < MIN_FRAMES for span in spans):
        return []
    tolerance = 1 / slow.turns + 1 / fast.turns
    found = (_moving(field, *spans, tolerance) for field in _fields(kind))
    order = list(FieldMovement)
    return sorted(
        (one for one in found if one is not None),
        key=lambda one: (order.index(one.movement), not _is_round(one.scale), one.field.offset),
    )


class _Span:
    """The frames of a kind that arrived while turns were counted."""

    def __init__(self, kind: FrameKind, turns: CountedTurns) -> None:
        self.rpm = turns.rpm
        self.frames = [one for one in kind.frames if _is_within(one, turns)]

    def values(self, field: ByteField) -> list[int]:
        return [field.value(frame.data) for frame in self.frames]

    def advance_per_s(self, field: ByteField) -> float | None:
        """Return how much a counter advances each second; None if the field is not one."""
        values = self.values(field)
        steps = [(after - before) % field.numbers for before, after in pairwise(values)]
        seconds = (self.frames[-1].at_ns - self.frames[0].at_ns) / _NS_PER_S
        if max(steps) >= field.numbers // 2 or sum(steps) < _MIN_COUNTS or seconds <= 0:
            return None
        return sum(steps) / seconds


def _is_within(frame: Frame, turns: CountedTurns) -> bool:
    return turns.from_s <= frame.at_ns / _NS_PER_S <= turns.until_s


def _split(same: list[Frame], counted: Sequence[CountedTurns]) -> Iterator[FrameKind]:
    """Yield the kinds among frames of the same length.

    A pair of bytes that is a number, not the name of a kind, differs between the cadences.
    """
    size = len(same[0].data)
    counts = Counter(frame.data[:2] for frame in same)
    names = [name for name, count in counts.items() if count >= _RARE * len(same)]
    kinds = [
        FrameKind(size, name, tuple(frame for frame in same if frame.data[:2] == name))
        for name in names
    ]
    are_everywhere = all(
        any(_is_within(frame, turns) for frame in kind.frames)
        for kind in kinds
        for turns in counted
    )
    rare = tuple(frame for frame in same if frame.data[:2] not in names)
    if len(kinds) > _MOST_KINDS or len(rare) > len(same) / 2 or not are_everywhere:
        yield FrameKind(size, b"", tuple(same))
        return
    yield from kinds
    if rare:
        yield FrameKind(size, b"", rare)


def _fields(kind: FrameKind) -> Iterator[ByteField]:
    """Yield the fields that change. A pair with a byte that never changes is only a single byte."""
    changing = {one.offset for one in kind.changing_bytes()}
    for offset in sorted(changing):
        yield ByteField(offset)
        if offset + 1 in changing:
            yield ByteField(offset, 2, "little")
            yield ByteField(offset, 2, "big")


def _moving(field: ByteField, slow: _Span, fast: _Span, tolerance: float) -> MovingField | None:
    low, high = median(slow.values(field)), median(fast.values(field))
    advances = slow.advance_per_s(field), fast.advance_per_s(field)
    movement = scale = None
    if advances[0] is not None and advances[1] is not None:
        movement, scale = _of_counter(advances[0], advances[1], slow.rpm, fast.rpm, tolerance)
    elif _is_steady(slow.values(field)) and _is_steady(fast.values(field)):
        movement, scale = _of_number(low, high, slow.rpm, fast.rpm, tolerance)
    if movement is None or scale is None:
        return None
    return MovingField(field, movement, scale, low, high)


def _of_counter(
    slow: float, fast: float, slow_rpm: float, fast_rpm: float, tolerance: float
) -> tuple[FieldMovement | None, float]:
    """Return what a counter counts, from how much it advances each second."""
    if _is_about(fast / slow, fast_rpm / slow_rpm, tolerance):
        return FieldMovement.TURNS, 30 * (slow / slow_rpm + fast / fast_rpm)
    if _is_about(fast, slow, _SAME_RATE):
        return FieldMovement.TIME, (slow + fast) / 2
    return None, 0


def _of_number(
    slow: float, fast: float, slow_rpm: float, fast_rpm: float, tolerance: float
) -> tuple[FieldMovement | None, float]:
    """Return what a number is that is steady at both cadences."""
    if slow > 0 and _is_about(fast / slow, fast_rpm / slow_rpm, tolerance):
        return FieldMovement.CADENCE, (slow / slow_rpm + fast / fast_rpm) / 2
    if fast > 0 and _is_about(slow / fast, fast_rpm / slow_rpm, tolerance):
        return FieldMovement.PERIOD, (slow * slow_rpm + fast * fast_rpm) / 120
    if not _is_about(fast, slow, _STEADY):
        return FieldMovement.FOLLOWS, (fast - slow) / (fast_rpm - slow_rpm)
    return None, 0


def _is_steady(values: Sequence[int]) -> bool:
    first, middle, third = quantiles(values, n=4)
    return third - first <= max(_STEADY * middle, 1)


def _is_about(value: float, expected: float, tolerance: float) -> bool:
    return abs(value - expected) <= tolerance * abs(expected)


def _is_round(scale: float) -> bool:
    """Return whether a scale is 1, 2 or 5, or that times a power of ten, to within some percent."""
    while scale >= 9.5:
        scale /= 10
    while 0 < scale < 0.95:
        scale *= 10
    return any(_is_about(scale, one, _SAME_RATE) for one in (1, 2, 5))
