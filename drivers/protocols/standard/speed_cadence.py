"""CSC, the Bluetooth Cycling Speed and Cadence Service: the notifications of its sensors.

Source: Cycling Speed and Cadence Service 1.0 and the GATT Specification Supplement, "CSC
Measurement" (0x2A5B). All numbers are little-endian.
"""

from dataclasses import dataclass, field

from drivers.protocols.base import Evidence, Gatt, WireProtocol, sig_uuid
from drivers.protocols.standard.crank import CrankCounter, Revolutions
from drivers.reading import Frame, Reading

_WHEEL = 1 << 0
_CRANK = 1 << 1
_WHEEL_BYTES = 6
_CRANK_BYTES = 4

TICKS_PER_S = 1024


@dataclass(frozen=True, slots=True)
class SpeedCadenceMeasurement:
    """One notification of CSC Measurement. None: not contained in it. A tick is 1/1024 s."""

    wheel: Revolutions | None = None
    crank: Revolutions | None = None
    #: The number of bytes that could not be decoded. Not part of the message.
    unusable_bytes: int = field(default=0, compare=False)


def decode_speed_cadence(data: bytes) -> SpeedCadenceMeasurement:
    """Decode one notification of 0x2A5B. Total: any bytes give a value, possibly an empty one.

    Fields are read in order until the bytes run out.
    """
    if not data:
        return SpeedCadenceMeasurement()
    flags, rest = data[0], data[1:]
    wheel = None
    if flags & _WHEEL:
        if len(rest) < _WHEEL_BYTES:
            return SpeedCadenceMeasurement(unusable_bytes=len(rest))
        wheel, rest = Revolutions.decode(rest[:_WHEEL_BYTES]), rest[_WHEEL_BYTES:]
    if not flags & _CRANK or len(rest) < _CRANK_BYTES:
        return SpeedCadenceMeasurement(wheel, unusable_bytes=len(rest))
    crank, rest = Revolutions.decode(rest[:_CRANK_BYTES]), rest[_CRANK_BYTES:]
    return SpeedCadenceMeasurement(wheel, crank, unusable_bytes=len(rest))


def encode_speed_cadence(data: SpeedCadenceMeasurement) -> bytes:
    """Encode one notification with exactly the fields of `data`.

    Raises OverflowError for a value that its field cannot hold.
    """
    flags = (_WHEEL if data.wheel else 0) | (_CRANK if data.crank else 0)
    wheel = data.wheel.encode(count_bytes=4) if data.wheel else b""
    crank = data.crank.encode(count_bytes=2) if data.crank else b""
    return bytes([flags]) + wheel + crank


class SpeedCadence(WireProtocol):
    """A sensor that notifies CSC Measurement (0x2A5B). Only its cadence is used.

    A speed would need the circumference of a wheel, which is meaningless on an exercise bike.
    """

    evidence = Evidence.REAL_FRAMES
    gatts = (Gatt(service=sig_uuid(0x1816), notify=(sig_uuid(0x2A5B),)),)
    #: A slow crank sends nothing new for up to 4 s.
    stale_after_s = 4.0

    def __init__(self) -> None:
        super().__init__()
        self._crank = CrankCounter(revolution_bits=16, time_bits=16, ticks_per_s=TICKS_PER_S)

    def feed(self, frame: Frame) -> list[Reading]:
        """Return at most one Reading; none if the packet gives no cadence."""
        if frame.sent:
            return []
        data = decode_speed_cadence(frame.data)
        self.unusable_bytes += data.unusable_bytes
        if data.crank is None:
            return []
        cadence_rpm = self._crank.update(frame.at_ns, data.crank.count, data.crank.event_ticks)
        return [] if cadence_rpm is None else [Reading(frame.at_ns, cadence_rpm=cadence_rpm)]
