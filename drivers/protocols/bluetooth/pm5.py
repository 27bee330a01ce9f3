"""Concept2 PM5, the monitor of the BikeErg: the notifications of its rowing service.

Three characteristics are used; their numbers are little-endian, and each begins with the time of
the workout in 1/100 s, in three bytes:

    0031 general status        3 distance, 0.1 m   9 whether the flywheel is driven
    0032 additional status     5 rate, 1/min   6 heart rate, FF: none   7 pace, 1/100 s for 500 m
    0036 additional stroke     3 power of the last stroke, W

A monitor with FTMS, which newer firmware has, is better read with that. No capture of a BikeErg
was found, only of rowers. On a rower the monitor repeats the last rate forever when the rider
pauses, and only the distance stops growing; so a distance that has stopped means no cadence and no
power. The power is not calculated from the pace, because the two sources do not agree on the
distance for which a BikeErg sends its pace.

Source: Concept2, PM Bluetooth Smart Communication Interface Definition 1.30;
JaapvanEkris/openrowingmonitor docs/PM5_Interface.md; JamesAwesome/Ergomatic (captures of a rower);
ergarcade/pm5-base #10; TrackMyIndoorWorkout concept2.
"""

import struct
from dataclasses import dataclass

from drivers.protocols.base import Evidence, Gatt, WireProtocol
from drivers.reading import Frame, Reading


def _uuid(number: int) -> str:
    """Return the full UUID for one of Concept2's numbers."""
    return f"ce06{number:04x}-43e5-11e4-916c-0800200c9a66"


GENERAL = _uuid(0x0031)
STATUS = _uuid(0x0032)
STROKE = _uuid(0x0036)

#: How many bytes each notification has at least. Newer firmware may append more.
_SIZES_BYTES = {GENERAL: 19, STATUS: 17, STROKE: 15}
_NO_HEART_RATE = 0xFF
#: How long the distance must be the same until the rider counts as stopped.
STOPPED_AFTER_NS = 3_000_000_000


@dataclass(frozen=True, slots=True)
class Pm5General:
    """General status, every half second."""

    elapsed_s: float = 0
    distance_m: float = 0
    is_active: bool = False


@dataclass(frozen=True, slots=True)
class Pm5Status:
    """Additional status, every half second."""

    elapsed_s: float = 0
    rate_rpm: int = 0
    #: None: no strap is received.
    heart_rate_bpm: int | None = None
    #: The time for 500 m.
    pace_s: float = 0


@dataclass(frozen=True, slots=True)
class Pm5Stroke:
    """Additional stroke data, once a stroke."""

    elapsed_s: float = 0
    power_w: int = 0


Pm5Message = Pm5General | Pm5Status | Pm5Stroke

#: In wire order: the bytes of 24-bit numbers are kept together. Bytes not named are skipped.
_GENERAL = struct.Struct("<3s3s3x?9x")
_STATUS = struct.Struct("<3s2xBBH8x")
_STROKE = struct.Struct("<3sH10x")


def decode_pm5(characteristic: str, data: bytes) -> Pm5Message | None:
    """Decode a notification; return None if it is too short, or of another characteristic."""
    if len(data) < _SIZES_BYTES.get(characteristic, len(data) + 1):
        return None
    if characteristic == GENERAL:
        elapsed, distance, is_active = _GENERAL.unpack_from(data)
        return Pm5General(_hundredths(elapsed), _number(distance) / 10, is_active)
    if characteristic == STATUS:
        elapsed, rate, heart_rate, pace = _STATUS.unpack_from(data)
        heard = None if heart_rate == _NO_HEART_RATE else heart_rate
        return Pm5Status(_hundredths(elapsed), rate, heard, pace / 100)
    elapsed, power = _STROKE.unpack_from(data)
    return Pm5Stroke(_hundredths(elapsed), power)


def encode_pm5(message: Pm5Message) -> tuple[str, bytes]:
    """Encode a message; return its characteristic and the notification, other bytes 0.

    Raises ValueError for a value that its field cannot hold.
    """
    try:
        elapsed = round(message.elapsed_s * 100).to_bytes(3, "little")
        match message:
            case Pm5General(_, distance_m, is_active):
                distance = round(distance_m * 10).to_bytes(3, "little")
                return GENERAL, _GENERAL.pack(elapsed, distance, is_active)
            case Pm5Status(_, rate, heart_rate, pace_s):
                heard = _NO_HEART_RATE if heart_rate is None else heart_rate
                return STATUS, _STATUS.pack(elapsed, rate, heard, round(pace_s * 100))
            case Pm5Stroke(_, power):
                return STROKE, _STROKE.pack(elapsed, power)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"a value does not fit its field: {error}") from error


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _hundredths(data: bytes) -> float:
    return _number(data) / 100


class Pm5(WireProtocol):
    """One connection. There is no resistance: a damper's position is not sent."""

    evidence = Evidence.EXAMPLES
    gatts = (Gatt(service=_uuid(0x0030), notify=(GENERAL, STATUS, STROKE)),)

    def __init__(self) -> None:
        super().__init__()
        self._distance_m: float | None = None
        self._moved_ns = 0

    def feed(self, frame: Frame) -> list[Reading]:
        if frame.sent:
            return []
        message = decode_pm5(frame.characteristic or _by_length(frame.data), frame.data)
        match message:
            case None:
                self.unusable_bytes += len(frame.data)
                return []
            case Pm5General(_, distance_m):
                if distance_m != self._distance_m:
                    self._distance_m, self._moved_ns = distance_m, frame.at_ns
                return [Reading(frame.at_ns, distance_m=distance_m)]
            case Pm5Status(_, rate_rpm, heart_rate_bpm):
                return [self._status(frame.at_ns, rate_rpm, heart_rate_bpm or None)]
            case Pm5Stroke(_, power_w):
                return [Reading(frame.at_ns, power_w=power_w)]

    def _status(self, at_ns: int, rate_rpm: int, heart_rate_bpm: int | None) -> Reading:
        has_stopped = self._distance_m is not None and at_ns - self._moved_ns > STOPPED_AFTER_NS
        return Reading(
            at_ns,
            cadence_rpm=0 if has_stopped else rate_rpm,
            power_w=0 if has_stopped else None,
            heart_rate_bpm=heart_rate_bpm,
        )


def _by_length(data: bytes) -> str:
    """Return the characteristic of a frame without one, as in a capture; empty if unknown."""
    return next((one for one, size in _SIZES_BYTES.items() if size == len(data)), "")
