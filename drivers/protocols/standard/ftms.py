"""FTMS, the Bluetooth Fitness Machine Service: the notifications of an indoor bike.

Source: Fitness Machine Service 1.0.1 and the GATT Specification Supplement, "Indoor Bike Data"
(0x2AD2), checked against what bikes send. All numbers are little-endian.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from drivers.protocols.base import Evidence, Gatt, StartableProtocol, sig_uuid
from drivers.protocols.standard.ftms_control import CONTROL_POINT_UUID, FEATURE_UUID, SERVICE_UUID
from drivers.protocols.standard.ftms_start import FtmsStart
from drivers.protocols.standard.gatt_fields import (
    Field,
    flagged,
    narrowed,
    present_bits,
    read_fields,
    write_fields,
)
from drivers.reading import Frame, Reading

#: After this time, an average replaces a value that the bike has never sent.
AVERAGES_AFTER_NS = 6_000_000_000
#: A cadence of 0 together with power is ignored after this time.
CONTRADICTED_NS = 3_000_000_000
#: No resistance levels. FTMS marks what is not available with 7FFF in signed fields, such as the
#: inclination, and with FFFF in unsigned ones. It has no marker for the level; these serve as one.
NO_LEVELS = (0x7FFF, -1)


@dataclass(frozen=True, slots=True)
class IndoorBikeData:
    """One notification of Indoor Bike Data. None: not contained in it, or marked as unavailable.

    A bike may split a record over several notifications: all but the last have `more_data` set;
    the last carries the speed.
    """

    more_data: bool = False
    speed_kmh: float | None = None
    average_speed_kmh: float | None = None
    cadence_rpm: float | None = None
    average_cadence_rpm: float | None = None
    distance_m: int | None = None
    #: The level as sent. Its step differs between bikes.
    resistance_level: int | None = None
    power_w: int | None = None
    average_power_w: int | None = None
    energy_kcal: int | None = None
    energy_per_hour_kcal: int | None = None
    energy_per_minute_kcal: int | None = None
    #: Bikes without a sensor send 0.
    heart_rate_bpm: int | None = None
    metabolic_equivalent: float | None = None
    elapsed_s: int | None = None
    remaining_s: int | None = None
    #: The number of bytes that could not be decoded. Not part of the message.
    unusable_bytes: int = field(default=0, compare=False)


_FLAGS_BYTES = 2
#: Bit 0 is the only inverted one: set means more data follows, clear means speed is present.
_MORE_DATA = 1 << 0
_CADENCE = 1 << 2

_RESISTANCE = Field(5, "resistance_level", 2, signed=True)
#: One byte according to the Supplement; every bike seen so far sends two.
_NARROW_RESISTANCE = Field(5, "resistance_level", 1)

#: In wire order. The energies share one bit: a bike sends all three or none.
_FIELDS = (
    Field(0, "speed_kmh", 2, counts_per_unit=100),
    Field(1, "average_speed_kmh", 2, counts_per_unit=100),
    Field(2, "cadence_rpm", 2, counts_per_unit=2),
    Field(3, "average_cadence_rpm", 2, counts_per_unit=2),
    Field(4, "distance_m", 3),
    _RESISTANCE,
    Field(6, "power_w", 2, signed=True),
    Field(7, "average_power_w", 2, signed=True),
    Field(8, "energy_kcal", 2, not_available=0xFFFF),
    Field(8, "energy_per_hour_kcal", 2, not_available=0xFFFF),
    Field(8, "energy_per_minute_kcal", 1, not_available=0xFF),
    Field(9, "heart_rate_bpm", 1),
    Field(10, "metabolic_equivalent", 1, counts_per_unit=10),
    Field(11, "elapsed_s", 2),
    Field(12, "remaining_s", 2),
)
#: The smallest notification that can carry any field: the flags and the three energies.
_MIN_NOTIFICATION_BYTES = _FLAGS_BYTES + 5

#: Life Fitness clears the flag of the cadence but sends the cadence in its usual place:
#: `fa09 2d09 f208 7400 7700 …` is 23.49 km/h, 22.90 on average, 58 rpm, 59.5 on average.
#: The flags are 09FA or, with a heart rate, 0BFA; bits 12 to 15 may have any value.
_LIFE_FITNESS_MASK = 0x0DFF
_LIFE_FITNESS_FLAGS = 0x09FA


def decode_indoor_bike_data(data: bytes) -> IndoorBikeData:
    """Decode one notification of 0x2AD2. Total: any bytes give a value, possibly an empty one.

    Fields are read in order until the bytes run out: some bikes cut notifications at 20 bytes
    although the flags announce more (Matrix), others append meaningless bytes (DFC). Reserved
    flag bits are ignored, because some bikes set them.
    """
    if len(data) < _FLAGS_BYTES:
        return IndoorBikeData(unusable_bytes=len(data))
    flags = int.from_bytes(data[:_FLAGS_BYTES], "little")
    values, unusable_bytes = read_fields(_layout(flags, len(data)), data[_FLAGS_BYTES:])
    return IndoorBikeData(bool(flags & _MORE_DATA), **values, unusable_bytes=unusable_bytes)


def _layout(flags: int, length_bytes: int) -> list[Field]:
    """Return the fields in a notification, from its flags and, for odd bikes, its length."""
    present = flags ^ _MORE_DATA
    fields = flagged(_FIELDS, present)
    size_bytes = length_bytes - _FLAGS_BYTES
    unannounced_bytes = size_bytes - sum(f.size_bytes for f in fields)
    if unannounced_bytes == 2 and flags & _LIFE_FITNESS_MASK == _LIFE_FITNESS_FLAGS:
        return flagged(_FIELDS, present | _CADENCE)
    return narrowed(
        fields,
        _RESISTANCE,
        _NARROW_RESISTANCE,
        body_bytes=size_bytes,
        flags_bytes=_FLAGS_BYTES,
    )


def encode_indoor_bike_data(data: IndoorBikeData) -> bytes:
    """Encode one notification with exactly the fields of `data`, the resistance in two bytes.

    Raises ValueError unless `data` has either a speed or `more_data`, which share one bit on the
    wire. Raises OverflowError for a value that its field cannot hold.
    """
    if data.more_data == (data.speed_kmh is not None):
        raise ValueError("a notification needs either a speed or more_data, but not both")
    return _encode_bits(data, present_bits(_FIELDS, data))


def encode_indoor_bike_record(data: IndoorBikeData, max_bytes: int = 20) -> list[bytes]:
    """Encode `data` as one or more notifications of at most `max_bytes` each.

    A notification carries 20 bytes at Bluetooth's default ATT_MTU of 23. The last one closes the
    record with the speed. Raises ValueError for a record without a speed or with `more_data`, or
    for `max_bytes` below 7; raises OverflowError like `encode_indoor_bike_data`.
    """
    if data.more_data or data.speed_kmh is None:
        raise ValueError("a whole record needs a speed, and must not have more_data")
    if max_bytes < _MIN_NOTIFICATION_BYTES:
        raise ValueError(f"max_bytes={max_bytes}: expected at least {_MIN_NOTIFICATION_BYTES}")
    present = present_bits(_FIELDS, data)
    speed_bit, *other_bits = dict.fromkeys(1 << f.bit for f in flagged(_FIELDS, present))
    notifications = [0]
    for bit in [*other_bits, speed_bit]:
        if len(_encode_bits(data, notifications[-1] | bit)) > max_bytes:
            notifications.append(0)
        notifications[-1] |= bit
    return [_encode_bits(data, bits) for bits in notifications]


def _encode_bits(data: IndoorBikeData, bits: int) -> bytes:
    """Encode a notification with those fields of `data` that belong to `bits`."""
    body = write_fields(flagged(_FIELDS, bits), data)
    return (bits ^ _MORE_DATA).to_bytes(_FLAGS_BYTES, "little") + body


#: Any value but zero in _MOVING shows that the bike has been started. A total shows it only by an
#: increase: its value may be from the last ride, and a bike that is not started may clear it. An
#: average shows it by any change except one to zero, because it also falls while the bike runs and
#: its rider rests. The resistance and the heart rate do not depend on the start.
_MOVING = ("speed_kmh", "cadence_rpm", "power_w")
_AVERAGES = ("average_speed_kmh", "average_cadence_rpm", "average_power_w")
_TOTALS = ("distance_m", "energy_kcal", "elapsed_s")


class Ftms(StartableProtocol):
    """A bike that notifies Indoor Bike Data (0x2AD2). One Frame is one notification.

    The values of its features and of its control point are Frames as well, of their own
    characteristics; they decide on the start and give no Reading.

    Split records are not reassembled: each notification gives a Reading of its own at once,
    because bikes split records in any order and do not close them reliably (Stages SB20).

    `start`: the commands that start this model; None: those that start most bikes.
    """

    evidence = Evidence.REAL_FRAMES
    gatts = (Gatt(SERVICE_UUID, notify=(sig_uuid(0x2AD2),), command=CONTROL_POINT_UUID),)
    #: Bikes notify about once a second, some once in two seconds.
    stale_after_s = 3.0

    def __init__(self, start: Sequence[bytes] | None = None) -> None:
        super().__init__()
        self._start = FtmsStart(start)
        self._first_ns: int | None = None
        self._sent_names: set[str] = set()
        #: Whether the cadence is 0 now, and was not before: some bikes always send 0.
        self._has_stopped = False
        self._has_turned = False
        #: The latest totals and averages.
        self._counted: dict[str, float] = {}
        self._contradicted_ns: int | None = None

    def feed(self, frame: Frame) -> list[Reading]:
        """Return at most one Reading, of the present values. Energy totals are left out."""
        if frame.sent or not frame.data:
            return []
        if frame.characteristic == CONTROL_POINT_UUID:
            self._start.answered(frame.data)
            return []
        if frame.characteristic == FEATURE_UUID:
            self._start.described(frame.data)
            return []
        self._first_ns = frame.at_ns if self._first_ns is None else self._first_ns
        data = self._decode(frame.data)
        self._start.heard(frame.at_ns, self._is_running(data))
        self.unusable_bytes += data.unusable_bytes
        if data.cadence_rpm is not None:
            self._has_turned |= data.cadence_rpm > 0
            self._has_stopped = self._has_turned and data.cadence_rpm == 0
        cadence_rpm = self._present_or_average(frame.at_ns, data, "cadence_rpm")
        power_w = self._present_or_average(frame.at_ns, data, "power_w")
        level = data.resistance_level
        reading = Reading(
            at_ns=frame.at_ns,
            cadence_rpm=None if self._is_contradicted(frame.at_ns, data) else cadence_rpm,
            resistance_raw=None if level in NO_LEVELS else level,
            power_w=power_w,
            speed_kmh=data.speed_kmh,
            distance_m=data.distance_m,
            heart_rate_bpm=data.heart_rate_bpm or None,  # 0: no sensor
        )
        if reading == Reading(frame.at_ns):
            return []
        is_average = (cadence_rpm, power_w) != (data.cadence_rpm, data.power_w)
        return [replace(reading, source="average") if is_average else reading]

    def wanted(self, now_ns: int) -> str:
        return self._start.wanted(now_ns)

    def request(self, now_ns: int) -> bytes:
        return self._start.next_command(now_ns)

    def refused(self) -> None:
        self._start.end()

    def starts(self, request: bytes) -> bool:
        return bool(request)

    def never_start(self) -> None:
        self._start.end()

    def _decode(self, notification: bytes) -> IndoorBikeData:
        return decode_indoor_bike_data(notification)

    def _is_running(self, data: IndoorBikeData) -> bool:
        before = dict(self._counted)
        for name in (*_AVERAGES, *_TOTALS):
            value = getattr(data, name)
            if value is not None:
                self._counted[name] = value
        has_counted = any(
            self._counted[name] > value
            or (name in _AVERAGES and self._counted[name] not in (0, value))
            for name, value in before.items()
        )
        return has_counted or any(getattr(data, name) for name in _MOVING)

    def _present_or_average(self, at_ns: int, data: IndoorBikeData, name: str) -> float | None:
        """Return the present value, or the average if the bike has never sent a present value."""
        present: float | None = getattr(data, name)
        if present is not None:
            self._sent_names.add(name)
        assert self._first_ns is not None
        if name in self._sent_names or at_ns - self._first_ns < AVERAGES_AFTER_NS:
            return present
        average: float | None = getattr(data, f"average_{name}")
        # An average stays above 0 when the rider stops (cagnulein/qdomyos-zwift #5103).
        return 0 if average and self._has_stopped else average

    def _is_contradicted(self, at_ns: int, data: IndoorBikeData) -> bool:
        """Return whether a cadence of 0 has contradicted the power for longer than a drop-out.

        Observed with JetBlack Volt and Decathlon D100 (cagnulein/qdomyos-zwift #3282).
        """
        if data.cadence_rpm is None or data.power_w is None:
            return False
        if data.cadence_rpm or data.power_w <= 0:
            self._contradicted_ns = None
            return False
        if self._contradicted_ns is None:
            self._contradicted_ns = at_ns
        return at_ns - self._contradicted_ns >= CONTRADICTED_NS
