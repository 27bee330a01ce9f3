"""GymConnect, the service of gym equipment such as the Spinner Chrono by Precor.

A notification has one byte of flags, up to four more that the first one announces, and then a
field for each flag, in the order of the bits. Numbers are little-endian. One update may take
several notifications, each with its own flags.

Other machines in a gym, such as treadmills, have the same service. Therefore only an update with
a cadence or a power is a Reading.

Source: FitnessKit/BluetoothMessageProtocol CharacteristicGymConnectMeasurement.swift;
TrackMyIndoorWorkout precor_spinner_chrono_power; doudar/SmartSpin2k #745.
"""

from dataclasses import dataclass, field

from drivers.protocols.base import Evidence, Gatt, WireProtocol
from drivers.protocols.standard.gatt_fields import (
    Field,
    flagged,
    present_bits,
    read_fields,
    write_fields,
)
from drivers.reading import Frame, Reading

#: The bits of the first byte that announce a further one.
_MORE_FLAGS = 4
_FIRST_PACKET = 1 << 4
_LAST_PACKET = 1 << 5


@dataclass(frozen=True, slots=True)
class GymConnectData:
    """One notification. None: not contained in it."""

    is_first: bool = False
    is_last: bool = False
    elapsed_s: int | None = None
    remaining_s: int | None = None
    #: 0: no strap is received.
    heart_rate_bpm: int | None = None
    #: An intensity or a level, depending on the machine.
    intensity: int | None = None
    resistance: float | None = None
    speed_kmh: float | None = None
    cadence_rpm: float | None = None
    movements: int | None = None
    distance_m: int | None = None
    ascent_m: float | None = None
    descent_m: float | None = None
    energy_kcal: int | None = None
    energy_per_hour_kcal: int | None = None
    metabolic_equivalent: float | None = None
    power_w: int | None = None
    torque_nm: float | None = None
    gear: int | None = None
    grade_percent: float | None = None
    ramp_deg: float | None = None
    floors_per_minute: float | None = None
    floors: float | None = None
    laps: int | None = None
    movement_mm: int | None = None
    #: The number of bytes that could not be decoded. Not part of the message.
    unusable_bytes: int = field(default=0, compare=False)


#: In wire order. Bits are counted through all five bytes of flags.
_FIELDS = (
    Field(6, "elapsed_s", 2),
    Field(7, "remaining_s", 2),
    Field(8, "heart_rate_bpm", 1),
    Field(9, "intensity", 1),
    Field(10, "resistance", 2, counts_per_unit=10),
    Field(11, "speed_kmh", 2, counts_per_unit=100),
    Field(12, "cadence_rpm", 2, counts_per_unit=10),
    Field(13, "movements", 2),
    Field(14, "distance_m", 3),
    Field(15, "ascent_m", 2, counts_per_unit=10),
    Field(16, "descent_m", 2, counts_per_unit=10),
    Field(17, "energy_kcal", 2),
    Field(18, "energy_per_hour_kcal", 2),
    Field(19, "metabolic_equivalent", 1, counts_per_unit=10),
    Field(20, "power_w", 2, signed=True),
    Field(21, "torque_nm", 2, counts_per_unit=10),
    Field(22, "gear", 1),
    Field(23, "grade_percent", 2, counts_per_unit=10, signed=True),
    Field(24, "ramp_deg", 2, counts_per_unit=100, signed=True),
    Field(25, "floors_per_minute", 2, counts_per_unit=100),
    Field(26, "floors", 2, counts_per_unit=100),
    Field(27, "laps", 1),
    Field(28, "movement_mm", 2),
)


def decode_gymconnect(data: bytes) -> GymConnectData:
    """Decode one notification. Total: fields are read until the bytes run out."""
    flags, size_bytes = _flags_of(data)
    if size_bytes > len(data):
        return GymConnectData(unusable_bytes=len(data))
    values, unusable_bytes = read_fields(flagged(_FIELDS, flags), data[size_bytes:])
    return GymConnectData(
        bool(flags & _FIRST_PACKET),
        bool(flags & _LAST_PACKET),
        **values,
        unusable_bytes=unusable_bytes,
    )


def _flags_of(data: bytes) -> tuple[int, int]:
    """Return all flags, each byte in its fixed place, and the number of bytes that hold them."""
    flags, size_bytes = (data[0] if data else 0), 1
    for number in range(_MORE_FLAGS):
        if flags & 1 << number:
            flags |= int.from_bytes(data[size_bytes : size_bytes + 1]) << 8 * (number + 1)
            size_bytes += 1
    return flags, size_bytes


def encode_gymconnect(data: GymConnectData) -> bytes:
    """Encode one notification with exactly the fields of `data`.

    Raises OverflowError for a value that its field cannot hold.
    """
    present = present_bits(_FIELDS, data)
    first = present & 0xFF
    first |= (_FIRST_PACKET if data.is_first else 0) | (_LAST_PACKET if data.is_last else 0)
    further = b""
    for number in range(_MORE_FLAGS):
        flags = present >> 8 * (number + 1) & 0xFF
        if flags:
            first |= 1 << number
            further += bytes((flags,))
    return bytes((first,)) + further + write_fields(flagged(_FIELDS, present), data)


class GymConnect(WireProtocol):
    """A machine that notifies GymConnect Measurement, about once a second, without a request."""

    evidence = Evidence.REAL_FRAMES
    gatts = (
        Gatt(
            service="a026ee07-0a7d-4ab3-97fa-f1500f9feb8b",
            notify=("a026e01d-0a7d-4ab3-97fa-f1500f9feb8b",),
        ),
    )

    def feed(self, frame: Frame) -> list[Reading]:
        """Return at most one Reading; none for an update without a cadence and a power."""
        if frame.sent:
            return []
        data = decode_gymconnect(frame.data)
        self.unusable_bytes += data.unusable_bytes
        if data.cadence_rpm is None and data.power_w is None:
            return []
        return [
            Reading(
                at_ns=frame.at_ns,
                cadence_rpm=data.cadence_rpm,
                resistance_raw=data.resistance,
                power_w=data.power_w,
                speed_kmh=data.speed_kmh,
                distance_m=data.distance_m,
                heart_rate_bpm=data.heart_rate_bpm or None,
            )
        ]
