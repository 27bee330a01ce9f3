"""ANT+ sensors for cadence alone: the pages with the counter of crank turns.

After 4 bytes of its own, a page has the number of crank turns and the time of the last one, as in
the pages of a sensor for speed and cadence.

Source: Tigge/openant openant/devices/bike_speed_cadence.py, GoldenCheetah/GoldenCheetah
src/ANT/ANTMessage.cpp, StephenHidem/AntPlus.
"""

from drivers.protocols.ant.speed_cadence import AntSpeedCadence
from drivers.protocols.base import AntChannel
from drivers.reading import Frame

#: The highest bit of the page's number alternates.
_PAGE = 0x7F
_MOTION = 5
_IS_STOPPED = 1


def encode_cadence_page(turns: int, event_ticks: int, *, is_stopped: bool = False) -> bytes:
    """Encode a page of a cadence sensor. Raises OverflowError for a value that does not fit."""
    head = bytes((_MOTION if is_stopped else 0, int(is_stopped), 0xFF, 0xFF))
    return head + event_ticks.to_bytes(2, "little") + turns.to_bytes(2, "little")


class AntCadence(AntSpeedCadence):
    """One connection to a sensor for cadence alone, which may report that the crank has stopped."""

    ant = AntChannel(device_type=122, period_ticks=8102)
    _event_at = 4

    def _cadence_rpm(self, frame: Frame) -> float | None:
        cadence_rpm = super()._cadence_rpm(frame)
        page, flags = frame.data[0] & _PAGE, frame.data[1]
        return 0.0 if page == _MOTION and flags & _IS_STOPPED else cadence_rpm
