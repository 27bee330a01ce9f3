"""ANT+ sensors for speed and cadence: the pages with both counters.

A page has the number of crank turns and the time of the last one in 1/1024 s, little-endian, then
the same for the wheel.

Source: Tigge/openant openant/devices/bike_speed_cadence.py, GoldenCheetah/GoldenCheetah
src/ANT/ANTMessage.cpp, StephenHidem/AntPlus.
"""

from drivers.protocols.ant.messages import PAGE_BYTES
from drivers.protocols.base import AntChannel, Evidence, WireProtocol
from drivers.protocols.standard.crank import CrankCounter
from drivers.reading import Frame, Reading

TICKS_PER_S = 1024


def encode_speed_cadence_page(turns: int, event_ticks: int) -> bytes:
    """Encode a page of a combined sensor whose wheel does not turn. Raises OverflowError."""
    return event_ticks.to_bytes(2, "little") + turns.to_bytes(2, "little") + bytes(4)


class AntSpeedCadence(WireProtocol):
    """One connection to a combined sensor. Its speed would need the circumference of a wheel."""

    evidence = Evidence.EXAMPLES
    ant = AntChannel(device_type=121, period_ticks=8086)
    #: A slow crank sends nothing new for up to 4 s.
    stale_after_s = 4.0

    #: Where the time of the last turn is in a page; the number of turns follows it.
    _event_at = 0

    def __init__(self) -> None:
        super().__init__()
        self._crank = CrankCounter(revolution_bits=16, time_bits=16, ticks_per_s=TICKS_PER_S)

    def feed(self, frame: Frame) -> list[Reading]:
        """Return at most one Reading; none if the page gives no cadence."""
        if frame.sent:
            return []
        if len(frame.data) != PAGE_BYTES:
            self.unusable_bytes += len(frame.data)
            return []
        cadence_rpm = self._cadence_rpm(frame)
        return [] if cadence_rpm is None else [Reading(frame.at_ns, cadence_rpm=cadence_rpm)]

    def _cadence_rpm(self, frame: Frame) -> float | None:
        event_ticks, turns = (
            int.from_bytes(frame.data[at : at + 2], "little")
            for at in (self._event_at, self._event_at + 2)
        )
        return self._crank.update(frame.at_ns, turns, event_ticks)
