"""A spot check: compare a bike's resistance with its knob. Changes nothing.

A bike with a resistance table of its own, such as a Peloton, is verified instead of calibrated.
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

#: How long to wait for a bike's own table, in seconds. A Peloton sends it within six seconds of
#: being connected; with a tablet it does so only if the tablet asks for it.
TABLE_S = 12.0
#: Points per line of the printed table.
IN_A_ROW = 4

WAIT = Question("waiting for the bike", {"q": QUIT}, is_put=False)
ASK = Question("asking the bike for its own table", {"q": QUIT}, is_put=False)

_WHOSE = {
    TableOrigin.BIKE: "the bike sent its own table",
    TableOrigin.CONFIG: "the config contains this bike's own table",
    TableOrigin.ANOTHER_BIKE: "the bike sent no table: its percentages come from the table of "
    "another bike of its kind, and may be off by some percentage points",
}


async def verify_own_table(context: GuidedContext) -> bool | None:
    """Show the bike's own table; return whether it is right, or None if there is none.

    Raises Quit, CalibrationError, and what the answers raise.
    """
    table = await find_table(context)
    if table is None:
        return None
    state = context.session.state
    words = "\n".join((f"{_WHOSE[table.origin]} ({len(table.points)} points):", *_rows(table)))
    data = {"origin": table.origin.value, "points": [list(point) for point in table.points]}
    context.view.tell(Event("table", words, data))
    in_use = f" This table is not in use; in use now: {origin_words(state)}."
    other = "" if state.in_use.table is None else in_use
    advice = "Check the table: turn to 25, 50 and 75 % by the bike's screen or your own marks."
    words = f"{advice} To calibrate the bike instead, start again with --points 5.{other}"
    context.view.tell(Event("verify", words, {"holds": origin_words(state)}))
    return await verify_resistance(context)


async def find_table(context: GuidedContext) -> ResistanceTable | None:
    """Return the table once the bike is connected; wait up to TABLE_S for the bike's own."""
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


#: The percentages that are checked.
PERCENTS = (25.0, 50.0, 75.0)
#: The largest error that passes, in percentage points: the accuracy of a hand and an eye.
TOLERANCE_POINTS = 3.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A check of one position: the knob shows `percent`, the gateway reports `says_percent`."""

    percent: float
    raw: float
    says_percent: float

    @property
    def error_points(self) -> float:
        return self.says_percent - self.percent

    @property
    def finding(self) -> Finding:
        what = f"the gateway reports {self.says_percent:.1f} % ({self.error_points:+.1f})"
        is_right = abs(self.error_points) <= TOLERANCE_POINTS
        return (ok if is_right else failed)(f"{self.percent:g} %", what)


async def verify_resistance(context: GuidedContext, percents: Sequence[float] = PERCENTS) -> bool:
    """Return whether every spot is within tolerance; False also if all were skipped.

    Raises Quit, CalibrationError, and what the answers raise.
    """
    async with context.prompt() as prompt:
        capture = Capture(context, prompt, targets(percents))
        await capture.run()
    state, quantity = context.session.state, capture.builder.quantity or "raw"
    spots = [spot_of(point, quantity, state) for point in capture.guide.captured]
    for spot in spots:
        context.view.tell(_spot_event(spot))
    is_right = bool(spots) and all(abs(spot.error_points) <= TOLERANCE_POINTS for spot in spots)
    within = f"every value within {TOLERANCE_POINTS:g} percentage points of the knob"
    command = context.command(f"calibrate {state.bike_id} --points 5")
    words = f"PASS: {within}" if is_right else f"FAIL: expected {within}; to calibrate: {command}"
    context.view.tell(Event("verified", words, {"pass": is_right}))
    return is_right


def spot_of(point: CapturedPoint, quantity: Quantity, state: CalibrationState) -> Spot:
    """Convert a point as races do: by the calibration, else the bike's table, else unchanged."""
    return Spot(point.percent, point.raw, state.percent_table(quantity).percent_at(point.raw))


def _spot_event(spot: Spot) -> Event:
    finding = spot.finding
    words = f"{finding.state:8} {finding.name:>5}: {finding.what}"
    data = {
        "percent": spot.percent,
        "raw": spot.raw,
        "says_percent": round(spot.says_percent, 2),
        "state": finding.state.value,
    }
    return Event("spot", words, data)
