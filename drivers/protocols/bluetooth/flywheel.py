"""Flywheel: the live data of its bikes, over Nordic's UART service. Numbers are big-endian.

    FF <length, 1F> <message, 0C> <29 bytes of data> <checksum> 55

The checksum is the exclusive or of all bytes from the length to the end of the data.

Source: ptx2/gymnasticon src/bikes/flywheel.js and its test; the field names are from
cagnulein/qdomyos-zwift src/devices/flywheelbike/flywheelbike.h.
"""

import struct
from dataclasses import astuple, dataclass
from functools import reduce
from operator import xor

from drivers.protocols.base import Evidence, Gatt, WireProtocol
from drivers.reading import Frame, Reading

MAGIC = b"\xff\x1f\x0c"
_DATA = struct.Struct(">2H6BH2BIHBI2H")
_END = 0x55
MESSAGE_BYTES = len(MAGIC) + _DATA.size + 2


@dataclass(frozen=True, slots=True)
class LiveData:
    """One message, in wire order. Units are given if they are known."""

    power_w: int = 0
    ftp_percent: int = 0
    training_zone: int = 0
    #: 0: no strap is received.
    heart_rate_bpm: int = 0
    heart_rate_percent: int = 0
    power_to_heart_rate: int = 0
    power_to_weight: int = 0
    cadence_rpm: int = 0
    #: In steps of 0.1 km/h.
    speed: int = 0
    #: The position of the brake lever.
    brake_level: int = 0
    lap: int = 0
    lap_time: int = 0
    lap_distance: int = 0
    laps: int = 0
    elapsed: int = 0
    distance: int = 0
    energy_kcal: int = 0


def decode_live_data(message: bytes) -> LiveData | None:
    """Decode a live message; return None unless `message` is exactly one."""
    if len(message) != MESSAGE_BYTES or not message.startswith(MAGIC):
        return None
    if message[-1] != _END or message[-2] != _checksum(message[:-2]):
        return None
    return LiveData(*_DATA.unpack_from(message, len(MAGIC)))


def encode_live_data(data: LiveData) -> bytes:
    """Encode a live message. Raises ValueError for a value that its field cannot hold."""
    try:
        body = MAGIC + _DATA.pack(*astuple(data))
    except struct.error as error:
        raise ValueError(f"a value does not fit its field: {error}") from error
    return body + bytes((_checksum(body), _END))


def _checksum(body: bytes) -> int:
    return reduce(xor, body[1:], 0)


class Flywheel(WireProtocol):
    """One connection. A message may span several notifications: the UART cuts at 20 bytes."""

    evidence = Evidence.REAL_FRAMES
    gatts = (
        Gatt(
            service="6e400001-b5a3-f393-e0a9-e50e24dcca9e",
            notify=("6e400003-b5a3-f393-e0a9-e50e24dcca9e",),
        ),
    )
    reports_own_number = True

    def __init__(self) -> None:
        super().__init__()
        #: The beginning of a message, or empty.
        self._held = b""

    def feed(self, frame: Frame) -> list[Reading]:
        if frame.sent:
            return []
        self._held += frame.data
        readings = []
        self._drop_until_magic(0)
        while len(self._held) >= MESSAGE_BYTES:
            data = decode_live_data(self._held[:MESSAGE_BYTES])
            if data is None:
                self._drop_until_magic(1)
                continue
            readings.append(_reading(frame.at_ns, data))
            self._held = self._held[MESSAGE_BYTES:]
            self._drop_until_magic(0)
        return readings

    def _drop_until_magic(self, start: int) -> None:
        """Drop bytes up to the first magic at or after `start`; keep a partial one at the end."""
        at = self._held.find(MAGIC, start)
        if at < 0:
            tails = (self._held[-size:] for size in (2, 1) if len(self._held) >= start + size)
            at = len(self._held) - len(next(filter(MAGIC.startswith, tails), b""))
        self.unusable_bytes += at
        self._held = self._held[at:]


def _reading(at_ns: int, data: LiveData) -> Reading:
    """Convert a message to a Reading, without the distance: its unit, km or miles, is unknown."""
    return Reading(
        at_ns=at_ns,
        cadence_rpm=data.cadence_rpm,
        resistance_raw=data.brake_level,
        power_w=data.power_w,
        speed_kmh=data.speed / 10,
        heart_rate_bpm=data.heart_rate_bpm or None,
    )
