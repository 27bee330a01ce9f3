"""What a person sees while calibrating, as plain values. Pure; drawn by layout.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.bike.link import LinkState
from gateway.sampling.calibration import Calibration, CalibrationTable
from gateway.sampling.calibration_record import (
    CalibrationRecord,
    CapturedPoint,
    Direction,
    mean_points,
)
from gateway.terminal.finding import Finding
from gateway.terminal.keyboard import ENTER
from gateway.terminal.units import number

#: Old and new are compared at so many raw values.
COMPARED = 5


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """The bike now; None is what it does not say, or has not yet.

    `raw`, `filtered`, `noise` (the standard deviation) are in the bike's own units, `percent` and
    `is_clamped` by the calibration that holds.
    """

    raw: float | None = None
    filtered: float | None = None
    noise: float | None = None
    percent: float | None = None
    is_clamped: bool = False
    rate_hz: float = 0.0
    age_s: float | None = None
    cadence_rpm: float | None = None
    power_w: float | None = None
    link: LinkState = LinkState.CONNECTING
    reason: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done: `number` of `count`, from 1.

    `instruction`: "turn to 50 %, then hold still". `doing`: what is seen of it, "still turning".
    `hold`: how much of the hold is over, 0 … 1; None where nothing is held.
    """

    number: int
    count: int
    instruction: str
    doing: str = ""
    hold: float | None = None


@dataclass(frozen=True, slots=True)
class ShownTarget:
    """A point that is to be captured, and what was."""

    percent: float
    direction: Direction = "up"
    point: CapturedPoint | None = None
    is_skipped: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """One moment of a session. The target of `step.number` is the one that is worked at.

    `last`: what happened last, such as `captured_words`. `keys`: what each key does.
    """

    bike_id: str
    figures: LiveFigures
    step: Step | None = None
    targets: tuple[ShownTarget, ...] = ()
    last: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def points(self) -> list[CapturedPoint]:
        return [target.point for target in self.targets if target.point is not None]

    @property
    def table(self) -> CalibrationTable | None:
        """Of the points until now; None while they make none."""
        return _table_of(self.points)


@dataclass(frozen=True, slots=True)
class Review:
    """A calibration before it is accepted.

    `old`: what holds now, and `old_from` where it comes from, such as "the config's points".
    `here`: the bike's number now.
    """

    record: CalibrationRecord
    old: Calibration
    old_from: str
    findings: tuple[Finding, ...] = ()
    question: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    here: float | None = None

    @property
    def table(self) -> CalibrationTable | None:
        """None if the points make none, which is one of the findings."""
        return _table_of(self.record.points)

    @property
    def old_table(self) -> CalibrationTable | None:
        """None if there is none that can be compared: it went by another of the bike's numbers."""
        return self.old.table if self.old.quantity == self.record.quantity else None


def _table_of(points: Sequence[CapturedPoint]) -> CalibrationTable | None:
    try:
        return CalibrationTable(mean_points(tuple(points)))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Percent at one of the bike's numbers; `was` is None where nothing is known of it."""

    raw: float
    was: float | None
    will_be: float | None


def comparisons(new: CalibrationTable | None, old: CalibrationTable | None) -> list[Comparison]:
    """At points of the new table, else of the old one: its ends, and some between them."""
    at = new or old
    raws = [] if at is None else _some([raw for raw, _ in at.points])
    return [
        Comparison(
            raw,
            None if old is None else old.percent_at(raw),
            None if new is None else new.percent_at(raw),
        )
        for raw in raws
    ]


def _some(raws: Sequence[float]) -> list[float]:
    if len(raws) <= COMPARED:
        return list(raws)
    return [raws[round(n * (len(raws) - 1) / (COMPARED - 1))] for n in range(COMPARED)]


def captured_words(point: CapturedPoint) -> str:
    """ "captured 437 (n = 24, sd 1.1)"."""
    return f"captured {number(point.raw)} (n = {point.samples}, sd {spread(point.noise)})"


def compared_words(one: Comparison) -> str:
    """ "raw 437: was 31.2 %, will be 25.0 %"; what is not known is left out."""
    known = [("was", one.was), ("will be", one.will_be)]
    words = [f"{when} {percent_words(value)}" for when, value in known if value is not None]
    return f"raw {number(one.raw)}: {', '.join(words)}"


def percent_words(value: float) -> str:
    """ "25.0 %"."""
    return f"{value:.1f} %"


def spread(value: float) -> str:
    """A standard deviation, of which two figures say enough: "1.1", "0.013", "12"."""
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def key_name(key: str) -> str:
    return {ENTER: "Enter", " ": "Space"}.get(key, key)


def legend(keys: Mapping[str, str]) -> list[tuple[str, str]]:
    """(keys, what they do), in order: ("Enter", "capture"), ("y/Enter", "accept")."""
    names: dict[str, list[str]] = {}
    for key, what in keys.items():
        names.setdefault(what, []).append(key_name(key))
    return [("/".join(some), what) for what, some in names.items()]
