"""A spot check: does a bike's resistance say what its knob shows? Changes nothing.

A bike that has a table of its own, as a Peloton, is verified instead of calibrated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drivers.contract import ResistanceTable, TableOrigin
from gateway.bike.link import LinkState
from gateway.calibrating.guided.capture import QUIT, Capture, GuidedContext
from gateway.calibrating.measuring.guide import targets
from gateway.calibrating.prompt import Question
from gateway.calibrating.state import CalibrationState
from gateway.calibrating.view.summary import origin_words
from gateway.sampling.calibration import Quantity
from gateway.sampling.calibration_record import CapturedPoint
from gateway.terminal.finding import Finding, failed, ok
from gateway.terminal.live import Event
from gateway.terminal.units import number
from gateway.timing.units import NS_PER_S

#: A Peloton tells its table within six seconds of being connected; one that is asked by its tablet
#: only if that asks.
TABLE_S = 12.0
#: In a line of the table.
IN_A_ROW = 4

WAIT = Question("waiting for the bike", {"q": QUIT}, is_put=False)
ASK = Question("asking the bike for its own table", {"q": QUIT}, is_put=False)

_WHOSE = {
    TableOrigin.BIKE: "the bike has told its own table",
    TableOrigin.CONFIG: "the config has this bike's own table",
    TableOrigin.ANOTHER_BIKE: "the bike tells no table: percent go by that of another bike of its "
    "kind, and may be some points off",
}


async def verify_own_table(context: GuidedContext) -> bool | None:
    """Show it, and whether it is right; None for a bike that has none.

    Raises Quit, CalibrationError, and what the answers raise.
    """
    table = await find_table(context)
    if table is None:
        return None
    state = context.session.state
    words = "\n".join((f"{_WHOSE[table.origin]}, of {len(table.points)} points:", *_rows(table)))
    data = {"origin": table.origin.value, "points": [list(point) for point in table.points]}
    context.view.tell(Event("table", words, data))
    holds = "" if state.in_use.table is None else f" What holds is {origin_words(state)}, though."
    advice = "Is it right? Turn to 25, 50 and 75 % as its screen or your marks show"
    words = f"{advice}; or calibrate it: --points 5.{holds}"
    context.view.tell(Event("verify", words, {"holds": origin_words(state)}))
    return await verify_resistance(context)


async def find_table(context: GuidedContext) -> ResistanceTable | None:
    """Once the bike is connected. One of its own is waited for a while."""
    connected_ns: int | None = None
    async with context.prompt() as prompt:
        capture = Capture(context, prompt, ())
        while True:
            now_ns, table = context.clock.monotonic_ns(), context.session.state.resistance_table
            question = WAIT
            if context.session.link.state is not LinkState.CONNECTED:
                connected_ns = None
            else:
                question = ASK
                connected_ns = connected_ns or now_ns
                is_late = now_ns - connected_ns > TABLE_S * NS_PER_S
                if table is None or table.origin is not TableOrigin.ANOTHER_BIKE or is_late:
                    return table
            await capture.hear_or(question, context.session.state.in_use)


def _rows(table: ResistanceTable) -> Iterator[str]:
    cells = [f"{percent:5.1f} % = {number(raw):>6}" for raw, percent in table.points]
    for at in range(0, len(cells), IN_A_ROW):
        yield "  ".join(cells[at : at + IN_A_ROW])


#: Where it is looked at.
PERCENTS = (25.0, 50.0, 75.0)
#: So many points off is still right: what a hand and an eye can do.
TOLERANCE_POINTS = 3.0


@dataclass(frozen=True, slots=True)
class Spot:
    """The knob stood at `percent` by its own scale, and the gateway says `says_percent`."""

    percent: float
    raw: float
    says_percent: float

    @property
    def error_points(self) -> float:
        return self.says_percent - self.percent

    @property
    def finding(self) -> Finding:
        what = f"the gateway says {self.says_percent:.1f} % ({self.error_points:+.1f})"
        is_right = abs(self.error_points) <= TOLERANCE_POINTS
        return (ok if is_right else failed)(f"{self.percent:g} %", what)


async def verify_resistance(context: GuidedContext, percents: Sequence[float] = PERCENTS) -> bool:
    """Whether every spot is within tolerance. False too if all were skipped.

    Raises Quit, CalibrationError, and what the answers raise.
    """
    async with context.prompt() as prompt:
        capture = Capture(context, prompt, targets(percents))
        await capture.run()
    state, quantity = context.session.state, capture.builder.quantity or "raw"
    spots = [spot_of(point, quantity, state) for point in capture.guide.captured]
    for spot in spots:
        context.view.tell(_told(spot))
    is_right = bool(spots) and all(abs(spot.error_points) <= TOLERANCE_POINTS for spot in spots)
    within = f"every point within {TOLERANCE_POINTS:g} of the knob's"
    command = f"alleycat-gateway calibrate {state.bike_id} --points 5"
    words = f"PASS: {within}" if is_right else f"FAIL: expected {within}; calibrate it: {command}"
    context.view.tell(Event("verified", words, {"pass": is_right}))
    return is_right


def spot_of(point: CapturedPoint, quantity: Quantity, state: CalibrationState) -> Spot:
    """As the race has it: by a calibration, else by the bike's own table, else as it is said."""
    return Spot(point.percent, point.raw, state.percent_table(quantity).percent_at(point.raw))


def _told(spot: Spot) -> Event:
    finding = spot.finding
    words = f"{finding.state:8} {finding.name:>5}: {finding.what}"
    data = {
        "percent": spot.percent,
        "raw": spot.raw,
        "says_percent": round(spot.says_percent, 2),
        "state": finding.state.value,
    }
    return Event("spot", words, data)
