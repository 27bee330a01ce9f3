"""The contents of the calibration screens, as plain values. Pure; layout.py draws them."""

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
from gateway.terminal.units import counted, number

#: The old and the new table are compared at no more than this number of raw values.
COMPARED = 5


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """The values of the bike now; None if it has not sent them.

    `raw`, `filtered` and `noise` (the standard deviation) are in the bike's own units; `percent`
    and `is_clamped` come from the calibration in use.
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
    """The step that the user works on: `number` of `count`, from 1.

    `instruction`: for example "turn to 50 %, then hold still". `doing`: the present state, such as
    "holding still". `hold`: the share of the hold that is over, 0 … 1; None without a hold.
    """

    number: int
    count: int
    instruction: str
    doing: str = ""
    hold: float | None = None


@dataclass(frozen=True, slots=True)
class ShownTarget:
    """A target, and the point that was captured there."""

    percent: float
    direction: Direction = "up"
    point: CapturedPoint | None = None
    is_skipped: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """One moment of a session. `step.number` is the number of the present target.

    `last`: the result of the last action, such as `captured_words`. `keys`: the action of each key.
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
        """The table of the points so far; None while they make none."""
        return _table_of(self.points)


@dataclass(frozen=True, slots=True)
class Review:
    """A calibration before it is accepted.

    `old`: the calibration in use; `old_from`: its source, such as "the config's points". `here`:
    the bike's number now.
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
        """The new table; None if the points make none, which one of the findings reports."""
        return _table_of(self.record.points)

    @property
    def old_table(self) -> CalibrationTable | None:
        """The old table; None if it uses another of the bike's numbers, so cannot be compared."""
        return self.old.table if self.old.quantity == self.record.quantity else None


def _table_of(points: Sequence[CapturedPoint]) -> CalibrationTable | None:
    try:
        return CalibrationTable(mean_points(tuple(points)))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The old and the new percent at one of the bike's numbers; None where it is unknown."""

    raw: float
    was: float | None
    will_be: float | None


def comparisons(new: CalibrationTable | None, old: CalibrationTable | None) -> list[Comparison]:
    """Compare at the ends of the new table, else the old one, and at some points between."""
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
    """Format a point: "captured 437 (24 samples, noise 1.1)"."""
    samples = counted(point.samples, "sample")
    return f"captured {number(point.raw)} ({samples}, noise {spread(point.noise)})"


def compared_words(one: Comparison) -> str:
    """Format the known parts: "raw 437: was 31.2 %, will be 25.0 %"."""
    known = [("was", one.was), ("will be", one.will_be)]
    words = [f"{when} {percent_words(value)}" for when, value in known if value is not None]
    return f"raw {number(one.raw)}: {', '.join(words)}"


def percent_words(value: float) -> str:
    """Format a percentage: "25.0 %"."""
    return f"{value:.1f} %"


def spread(value: float) -> str:
    """Format a standard deviation with about two significant digits: "1.1", "0.013", "12.0"."""
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def key_name(key: str) -> str:
    return {ENTER: "Enter", " ": "Space"}.get(key, key)


def legend(keys: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (keys, action) in order: ("Enter", "capture"), ("y/Enter", "accept")."""
    names: dict[str, list[str]] = {}
    for key, what in keys.items():
        names.setdefault(what, []).append(key_name(key))
    return [("/".join(some), what) for what, some in names.items()]
