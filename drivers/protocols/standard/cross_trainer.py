"""FTMS Cross Trainer Data, which some devices send instead of Indoor Bike Data.

Source: Fitness Machine Service 1.0.1 and the GATT Specification Supplement, "Cross Trainer Data"
(0x2ACE). All numbers are little-endian.

Its cadence is in steps per minute. According to the Supplement, "a stride is a pair of steps":
left and right. Pedals that are joined by a crank turn once in that time, so two steps are one
turn, and the cadence is half the number of steps. This is not certain: neither document mentions
cranks, no capture of a bike that sends this was found, and a user of an elliptical trainer saw
half the cadence of its display (cagnulein/qdomyos-zwift #4013). For such a device, set
`cadence_scale = 2` in the config.
"""

from dataclasses import dataclass, field

from drivers.protocols.base import Evidence, Gatt, sig_uuid
from drivers.protocols.standard.ftms import Ftms, IndoorBikeData
from drivers.protocols.standard.ftms_control import CONTROL_POINT_UUID, SERVICE_UUID
from drivers.protocols.standard.gatt_fields import (
    Field,
    flagged,
    narrowed,
    present_bits,
    read_fields,
    write_fields,
)

STEPS_PER_TURN = 2
#: Like 0, sent by devices that receive no strap (cagnulein/qdomyos-zwift #4013).
_NO_HEART_RATE = 0xFF


@dataclass(frozen=True, slots=True)
class CrossTrainerData:
    """One notification. None: not contained in it, or marked as not available.

    As with Indoor Bike Data, a record may be split over several notifications: all but the last
    have `more_data` set.
    """

    more_data: bool = False
    #: Whether the user pedals backwards.
    is_backward: bool = False
    speed_kmh: float | None = None
    average_speed_kmh: float | None = None
    distance_m: int | None = None
    steps_per_minute: int | None = None
    average_steps_per_minute: int | None = None
    strides: float | None = None
    ascent_m: int | None = None
    descent_m: int | None = None
    inclination_percent: float | None = None
    ramp_deg: float | None = None
    #: As sent. Some devices send ten times the level that they display.
    resistance_level: int | None = None
    power_w: int | None = None
    average_power_w: int | None = None
    energy_kcal: int | None = None
    energy_per_hour_kcal: int | None = None
    energy_per_minute_kcal: int | None = None
    heart_rate_bpm: int | None = None
    metabolic_equivalent: float | None = None
    elapsed_s: int | None = None
    remaining_s: int | None = None
    #: The number of bytes that could not be decoded. Not part of the message.
    unusable_bytes: int = field(default=0, compare=False)


_FLAGS_BYTES = 3
#: Inverted, as in Indoor Bike Data: clear means that the speed is present.
_MORE_DATA = 1 << 0
#: A flag only; no field belongs to it.
_BACKWARD = 1 << 15

_RESISTANCE = Field(7, "resistance_level", 2, signed=True)
#: As in Indoor Bike Data: one byte in the Supplement, two in version 1.0.
_NARROW_RESISTANCE = Field(7, "resistance_level", 1)

#: In wire order. Fields that share a bit are sent together; a missing one has its marker.
_FIELDS = (
    Field(0, "speed_kmh", 2, counts_per_unit=100),
    Field(1, "average_speed_kmh", 2, counts_per_unit=100),
    Field(2, "distance_m", 3),
    Field(3, "steps_per_minute", 2, not_available=0xFFFF),
    Field(3, "average_steps_per_minute", 2, not_available=0xFFFF),
    Field(4, "strides", 2, counts_per_unit=10),
    Field(5, "ascent_m", 2, not_available=0xFFFF),
    Field(5, "descent_m", 2, not_available=0xFFFF),
    Field(6, "inclination_percent", 2, counts_per_unit=10, signed=True, not_available=0x7FFF),
    Field(6, "ramp_deg", 2, counts_per_unit=10, signed=True, not_available=0x7FFF),
    _RESISTANCE,
    Field(8, "power_w", 2, signed=True),
    Field(9, "average_power_w", 2, signed=True),
    Field(10, "energy_kcal", 2, not_available=0xFFFF),
    Field(10, "energy_per_hour_kcal", 2, not_available=0xFFFF),
    Field(10, "energy_per_minute_kcal", 1, not_available=0xFF),
    Field(11, "heart_rate_bpm", 1),
    Field(12, "metabolic_equivalent", 1, counts_per_unit=10),
    Field(13, "elapsed_s", 2),
    Field(14, "remaining_s", 2),
)


def decode_cross_trainer_data(data: bytes) -> CrossTrainerData:
    """Decode one notification. Total: fields are read until the bytes run out."""
    if len(data) < _FLAGS_BYTES:
        return CrossTrainerData(unusable_bytes=len(data))
    flags = int.from_bytes(data[:_FLAGS_BYTES], "little")
    body = data[_FLAGS_BYTES:]
    fields = narrowed(
        flagged(_FIELDS, flags ^ _MORE_DATA),
        _RESISTANCE,
        _NARROW_RESISTANCE,
        body_bytes=len(body),
        flags_bytes=_FLAGS_BYTES,
    )
    values, unusable_bytes = read_fields(fields, body)
    return CrossTrainerData(
        bool(flags & _MORE_DATA),
        bool(flags & _BACKWARD),
        **values,
        unusable_bytes=unusable_bytes,
    )


def encode_cross_trainer_data(data: CrossTrainerData) -> bytes:
    """Encode one notification with exactly the fields of `data`, the resistance in two bytes.

    Raises ValueError unless `data` has either a speed or `more_data`, which share one bit on the
    wire. Raises OverflowError for a value that its field cannot hold.
    """
    if data.more_data == (data.speed_kmh is not None):
        raise ValueError("a notification needs either a speed or more_data, but not both")
    present = present_bits(_FIELDS, data)
    flags = (present ^ _MORE_DATA) | (_BACKWARD if data.is_backward else 0)
    body = write_fields(flagged(_FIELDS, present), data)
    return flags.to_bytes(_FLAGS_BYTES, "little") + body


class CrossTrainer(Ftms):
    """A device that notifies Cross Trainer Data (0x2ACE) and is started like any FTMS bike.

    Averages are left out, and so are the strides: devices do not agree on their unit.
    """

    evidence = Evidence.EXAMPLES
    gatts = (Gatt(SERVICE_UUID, notify=(sig_uuid(0x2ACE),), command=CONTROL_POINT_UUID),)

    def _decode(self, notification: bytes) -> IndoorBikeData:
        """Decode a notification, and convert it to the Indoor Bike Data of an equivalent bike."""
        data = decode_cross_trainer_data(notification)
        steps, heart_rate_bpm = data.steps_per_minute, data.heart_rate_bpm
        return IndoorBikeData(
            speed_kmh=data.speed_kmh,
            cadence_rpm=None if steps is None else steps / STEPS_PER_TURN,
            distance_m=data.distance_m,
            resistance_level=data.resistance_level,
            power_w=data.power_w,
            energy_kcal=data.energy_kcal,
            elapsed_s=data.elapsed_s,
            heart_rate_bpm=None if heart_rate_bpm == _NO_HEART_RATE else heart_rate_bpm,
            unusable_bytes=data.unusable_bytes,
        )
