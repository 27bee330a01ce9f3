"""Does a bike's resistance say what its knob shows? A spot check, and no change of anything."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.calibrating.guide import targets
from gateway.calibrating.guided.capture import Capture, Seat
from gateway.calibrating.session import CalibrationState
from gateway.calibrating.view.events import Event
from gateway.sampling.calibration import Quantity
from gateway.sampling.calibration_record import CapturedPoint
from gateway.terminal.finding import Finding, failed, ok

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


async def verify_resistance(seat: Seat, percents: Sequence[float] = PERCENTS) -> bool:
    """Whether every spot is within tolerance. False too if all were skipped.

    Raises Left, CalibrationError, and what the answers raise.
    """
    async with seat.talk() as talk:
        capture = Capture(seat, talk, targets(percents))
        await capture.run()
    state, quantity = seat.session.state, capture.ear.quantity or "raw"
    spots = [spot_of(point, quantity, state) for point in capture.guide.captured]
    for spot in spots:
        seat.view.tell(_told(spot))
    is_right = bool(spots) and all(abs(spot.error_points) <= TOLERANCE_POINTS for spot in spots)
    within = f"every point within {TOLERANCE_POINTS:g} of the knob's"
    anew = f"alleycat-gateway calibrate {state.bike_id} --points 5"
    words = f"PASS: {within}" if is_right else f"FAIL: expected {within}; calibrate it: {anew}"
    seat.view.tell(Event("verified", words, {"pass": is_right}))
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
