"""Draws docs/scaling.svg: a fleet's load on each limit, from one racer to a million."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import log10

from gateway.calibrating.view.svg import document, line, text
from tests.bench.scaling import limits
from tests.bench.scaling.herd import DEFAULT_PACE_PER_S, LONGEST_WAIT_S, drain
from tests.bench.scaling.limits import Number
from tests.bench.scaling.model import FUNCTIONS, Fleet, record_bytes
from tests.bench.svg import STYLE, curve

WIDTH, HEIGHT = 880, 594
MARGIN = 28
LEFT, TOP = 76, 112
#: The axes, in powers of ten: racers, and the load as a fraction of a limit.
DECADES = 6
MOST = 1_000_000
LOWEST, HIGHEST = -3, 3
X_STEP, Y_STEP = 90, 70
RIGHT, BOTTOM = LEFT + DECADES * X_STEP, TOP + (HIGHEST - LOWEST) * Y_STEP
POINTS_PER_DECADE = 20
LABEL_STEP = 28
#: A crossing closer to the previous one than this, in pixels, has its number on the other side.
CROWDED = 46


@dataclass(frozen=True, slots=True)
class Curve:
    """The load on one limit. `share`: the fraction of the limit, by racers."""

    name: str
    detail: str
    limit: Number
    share: Callable[[int], float]
    is_outage: bool = False

    @property
    def colour(self) -> str:
        return "ours" if self.limit.can_be_raised else "bad"


def curves() -> list[Curve]:
    return [
        Curve(
            "all in one race: its shard",
            "1,000 records/s",
            limits.SHARD_RECORDS,
            lambda n: n / limits.SHARD_RECORDS.value,
        ),
        Curve(
            "races of 1,000: each one's shard",
            f"1,000 records/s; bytes: {record_bytes() * 1000 / limits.SHARD_BYTES.value:.0%}",
            limits.SHARD_RECORDS,
            lambda n: Fleet(n).fullest_race / limits.SHARD_RECORDS.value,
        ),
        Curve(
            "backlog: its race's shard",
            f"1,000 records/s, sent at {DEFAULT_PACE_PER_S:g}/s a gateway",
            limits.SHARD_RECORDS,
            _kept_share,
            is_outage=True,
        ),
        Curve(
            "publishes, rule evaluations",
            "20,000/s each",
            limits.PUBLISHES,
            lambda n: n / limits.PUBLISHES.value,
        ),
        Curve(
            "all gateways reconnect",
            "500/s",
            limits.CONNECTS,
            lambda n: 2 * n / LONGEST_WAIT_S / limits.CONNECTS.value,
            is_outage=True,
        ),
        Curve(
            f"consumers, {FUNCTIONS} functions",
            "1,000 executions, one per shard",
            limits.CONSUMERS,
            lambda n: Fleet(n).shards * FUNCTIONS / limits.CONSUMERS.value,
        ),
        Curve(
            "connections, one bike each",
            "500,000",
            limits.CONNECTIONS,
            lambda n: n / limits.CONNECTIONS.value,
        ),
        Curve(
            "shards, two per race",
            "20,000",
            limits.SHARDS,
            lambda n: Fleet(n).shards / limits.SHARDS.value,
        ),
    ]


def _kept_share(racers: int) -> float:
    """Return the backlog's share of a shard with one race, ignoring the account's limits."""
    fleet = Fleet(min(racers, 1_000))
    share = drain(fleet, DEFAULT_PACE_PER_S - 1).shard_peak_per_s / limits.SHARD_RECORDS.value
    return share * fleet.racers / min(racers, 1_000)


def draw() -> str:
    """Return the picture as SVG."""
    title = "Which limit is reached first"
    drawn = curves()
    shapes = [
        text(MARGIN, 40, title, "ink bold", size=20),
        text(
            MARGIN,
            61,
            "The load of racers at one message a second, as a fraction of the limits of a new AWS"
            " account in us-east-1",
            "muted",
        ),
        *_legend(),
        *_axes(),
        *(shape for one in drawn for shape in _curve(one)),
        *_crossings(drawn),
        *_labels(drawn),
    ]
    return document(WIDTH, HEIGHT, title, STYLE, shapes)


def _x(racers: float) -> float:
    return LEFT + log10(racers) * X_STEP


def _y(share: float) -> float:
    return TOP + (HIGHEST - log10(share)) * Y_STEP


def _legend() -> Iterator[str]:
    entries = (
        (MARGIN, "bad", False, "cannot be raised"),
        (190, "ours", False, "AWS raises it on request"),
        (400, "muted", True, "dashed: after an outage of ten minutes"),
    )
    for x, colour, dashed, words in entries:
        yield curve([(x, 82), (x + 26, 82)], colour, dashed=dashed)
        yield text(x + 34, 86, words, "muted")


def _axes() -> Iterator[str]:
    for power in range(DECADES + 1):
        x = LEFT + power * X_STEP
        yield line(x, TOP, x, BOTTOM, dashed=True)
        yield text(x, BOTTOM + 18, f"{10**power:,}", "muted middle", size=11)
    for power in range(LOWEST, HIGHEST + 1):
        y = _y(10.0**power)
        yield line(LEFT, y, RIGHT, y, dashed=power != 0)
        name = f"{10**power:,} ×" if power > 0 else f"{10.0 ** (power + 2):g} %"
        yield text(LEFT - 8, y + 4, "limit" if power == 0 else name, _style(power), size=11)
    yield text((LEFT + RIGHT) / 2, BOTTOM + 40, "racers", "ink middle")


def _style(power: int) -> str:
    return "ink bold end" if power == 0 else "muted end"


def _curve(one: Curve) -> Iterator[str]:
    """Yield a curve in the picture's coordinates."""
    sizes = sorted({round(10 ** (i / POINTS_PER_DECADE)) for i in range(DECADES * 20 + 1)})
    points = [(n, one.share(n)) for n in sizes]
    inside = [(_x(n), _y(s)) for n, s in points if 10**LOWEST <= s <= 10**HIGHEST]
    yield curve(inside, one.colour, dashed=one.is_outage)


def _crossings(drawn: list[Curve]) -> Iterator[str]:
    """Yield the numbers of racers that reach each limit."""
    previous_x = -float("inf")
    for racers, colour in sorted({(crossing(one), one.colour) for one in drawn if crossing(one)}):
        x, y = _x(racers), _y(1)
        yield f'<circle cx="{x:.1f}" cy="{y:g}" r="4" class="{colour}"/>'
        if x - previous_x < CROWDED:
            yield text(x + 4, y + 17, f"{racers:,}", f"{colour} bold", size=11)
        else:
            yield text(x - 5, y - 9, f"{racers:,}", f"{colour} bold end", size=11)
        previous_x = x


def crossing(one: Curve) -> int:
    """Return the least number of racers that reaches the limit; 0 if a million do not."""
    low, high = 0, MOST
    if one.share(high) < 1:
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if one.share(middle) >= 1 else (middle, high)
    return high


def _labels(drawn: list[Curve]) -> Iterator[str]:
    """Yield labels at the right end of each curve, at least two lines apart."""
    y = 0.0
    for one in sorted(drawn, key=lambda one: -one.share(MOST)):
        end_y = _y(one.share(MOST))
        y = max(end_y + 1, y + LABEL_STEP)
        yield line(RIGHT + 4, end_y, RIGHT + 30, y - 4)
        yield text(RIGHT + 36, y, one.name, f"{one.colour} bold", size=11.5)
        yield text(RIGHT + 36, y + 12, one.detail, "muted", size=10)
