"""Keiser M3 and M3i: the manufacturer data that the bike broadcasts, without a connection.

All numbers are little-endian. Offsets start after the two bytes of the company:

    0 version, major   1 version, minor   2 kind of data        3 equipment ID
    4 cadence, 0.1/min   6 heart rate, 0.1/min   8 power, W     10 energy, kcal
    12 minutes   13 seconds   14 distance, 0.1 mile or, with bit 15, 0.1 km   16 gear, 1 … 24

Source: Keiser, M Series Direct Communication (dev.keiser.com/mseries/direct), and
ptx2/gymnasticon src/bikes/keiser.js, #60.
"""

import struct
from dataclasses import dataclass

from drivers.protocols.base import Evidence, WireProtocol
from drivers.reading import Frame, Reading

_LAYOUT = struct.Struct("<4B4H2BH")
_METRIC = 1 << 15
#: Metres in one step of the distance: 0.1 mile, 0.1 km.
_MILES_STEP_M = 160.9344
_KM_STEP_M = 100.0

#: The first version that sends the gear, 6.21. Minor versions are hex digits: 0x30 means .30.
_WITH_GEAR = (6, 0x21)
#: The first version that broadcasts three times a second instead of every two seconds, 6.30.
_FAST = (6, 0x30)


@dataclass(frozen=True, slots=True)
class KeiserData:
    """One broadcast. `data_type` 0 and 128 … 227 mean real-time data, others review data."""

    version_major: int
    version_minor: int
    data_type: int
    #: Set by hand on the console, to distinguish the bikes in a room.
    equipment_id: int
    cadence_rpm: float
    #: 0: no strap is received.
    heart_rate_bpm: float
    power_w: int
    energy_kcal: int
    elapsed_s: int
    distance_m: float
    #: Whether the console displays km and sends the distance in km; otherwise in miles.
    is_metric: bool = False
    #: None: not sent, before version 6.21. 0 means no gear.
    gear: int | None = None

    @property
    def is_real_time(self) -> bool:
        """Whether the data is current, of the whole ride (0) or of one interval (128 … 227)."""
        return self.data_type == 0 or 128 <= self.data_type <= 227

    @property
    def is_fast(self) -> bool:
        """Whether the console broadcasts three times a second."""
        return (self.version_major, self.version_minor) >= _FAST


def decode_keiser_data(payload: bytes) -> KeiserData | None:
    """Decode a broadcast; return None for any other length: an M7i sends 18 bytes of other data.

    Total. A gear is ignored if the version does not have one.
    """
    gear = payload[_LAYOUT.size :]
    if len(payload) < _LAYOUT.size or len(gear) > 1:
        return None
    (
        major,
        minor,
        data_type,
        equipment,
        cadence,
        heart_rate,
        power,
        energy,
        minutes,
        seconds,
        way,
    ) = _LAYOUT.unpack_from(payload)
    is_metric = bool(way & _METRIC)
    steps = way & ~_METRIC
    return KeiserData(
        version_major=major,
        version_minor=minor,
        data_type=data_type,
        equipment_id=equipment,
        cadence_rpm=cadence / 10,
        heart_rate_bpm=heart_rate / 10,
        power_w=power,
        energy_kcal=energy,
        elapsed_s=60 * minutes + seconds,
        distance_m=steps * (_KM_STEP_M if is_metric else _MILES_STEP_M),
        is_metric=is_metric,
        gear=gear[0] if gear and (major, minor) >= _WITH_GEAR else None,
    )


def encode_keiser_data(data: KeiserData) -> bytes:
    """Encode a broadcast without its company. Raises ValueError for a value that does not fit."""
    if data.gear is not None and (data.version_major, data.version_minor) < _WITH_GEAR:
        raise ValueError(f"version {data.version_major}.{data.version_minor:x} sends no gear")
    steps = round(data.distance_m / (_KM_STEP_M if data.is_metric else _MILES_STEP_M))
    if not 0 <= steps < _METRIC:
        raise ValueError(f"distance_m={data.distance_m} does not fit")
    try:
        body = _LAYOUT.pack(
            data.version_major,
            data.version_minor,
            data.data_type,
            data.equipment_id,
            round(data.cadence_rpm * 10),
            round(data.heart_rate_bpm * 10),
            data.power_w,
            data.energy_kcal,
            *divmod(data.elapsed_s, 60),
            steps | (_METRIC if data.is_metric else 0),
        )
    except struct.error as error:
        raise ValueError(f"a value does not fit its field: {error}") from error
    return body if data.gear is None else body + bytes((data.gear,))


def equipment_id(payload: bytes) -> int | None:
    """Return the number that was set on the bike's console; None if this is not its broadcast."""
    data = decode_keiser_data(payload)
    return None if data is None else data.equipment_id


class Keiser(WireProtocol):
    """One bike. A Frame is one broadcast; the caller must not feed those of other bikes."""

    evidence = Evidence.REAL_FRAMES
    company_id = 0x0102
    #: Some broadcasts are always lost, so three may be missing. Shorter from version 6.30 on.
    stale_after_s = 7.0
    reports_own_number = True

    def feed(self, frame: Frame) -> list[Reading]:
        if frame.sent:
            return []
        data = decode_keiser_data(frame.data)
        if data is None:
            self.unusable_bytes += len(frame.data)
            return []
        if data.is_fast:
            self.stale_after_s = 1.0
        if not data.is_real_time:
            return []
        return [
            Reading(
                at_ns=frame.at_ns,
                cadence_rpm=data.cadence_rpm,
                resistance_raw=data.gear or None,
                power_w=data.power_w,
                distance_m=data.distance_m,
                heart_rate_bpm=data.heart_rate_bpm or None,
            )
        ]
