"""ANT+ heart rate: the pages of straps, four a second, whose last byte is the heart rate.

Source: Tigge/openant openant/devices/heart_rate.py, GoldenCheetah/GoldenCheetah
src/ANT/ANTMessage.cpp.
"""

from drivers.protocols.ant.messages import PAGE_BYTES
from drivers.protocols.base import AntChannel, Evidence, WireProtocol
from drivers.reading import Frame, Reading


def encode_pulse_page(heart_rate_bpm: int, beats: int = 0) -> bytes:
    """Encode a page. Raises ValueError for a value that does not fit."""
    return bytes((0, 0xFF, 0xFF, 0xFF, 0, 0, beats, heart_rate_bpm))


class AntHeartRate(WireProtocol):
    """One connection."""

    evidence = Evidence.DOCUMENTS
    ant = AntChannel(device_type=120, period_ticks=8070)

    def feed(self, frame: Frame) -> list[Reading]:
        """Return at most one Reading; none for 0 bpm, which means that no pulse is detected."""
        if frame.sent:
            return []
        if len(frame.data) != PAGE_BYTES:
            self.unusable_bytes += len(frame.data)
            return []
        heart_rate_bpm = frame.data[-1]
        return [Reading(frame.at_ns, heart_rate_bpm=heart_rate_bpm)] if heart_rate_bpm else []
