"""CPS, the Bluetooth Cycling Power Service: the notifications of power meters.

Source: Cycling Power Service 1.1 and the GATT Specification Supplement, "Cycling Power
Measurement" (0x2A63). All numbers are little-endian.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from drivers.protocols.base import Evidence, Gatt, WireProtocol, sig_uuid
from drivers.protocols.standard.crank import CrankCounter, Revolutions
from drivers.protocols.standard.gatt_fields import (
    AnyField,
    Field,
    flagged,
    present_bits,
    read_fields,
    write_fields,
)
from drivers.reading import Frame, Reading

CRANK_TICKS_PER_S = 1024


class Extremes(NamedTuple):
    """The extreme values within the last revolution."""

    maximum: float
    minimum: float


@dataclass(frozen=True, slots=True)
class PowerMeasurement:
    """One notification of Cycling Power Measurement. None: not contained in it."""

    power_w: int | None = None
    #: The share of one pedal: the left one if `balance_is_left`, else unknown which.
    pedal_balance_percent: float | None = None
    balance_is_left: bool = False
    #: Sum of the torque at each revolution: of the crank if `torque_is_crank`, else of the wheel.
    accumulated_torque_nm: float | None = None
    torque_is_crank: bool = False
    #: Ticks of 1/2048 s, unlike those of CSC.
    wheel: Revolutions | None = None
    #: Ticks of 1/1024 s.
    crank: Revolutions | None = None
    extreme_forces_n: Extremes | None = None
    extreme_torques_nm: Extremes | None = None
    #: The crank angles at which the extremes occurred.
    extreme_angles_deg: Extremes | None = None
    top_dead_spot_deg: int | None = None
    bottom_dead_spot_deg: int | None = None
    accumulated_energy_kj: int | None = None
    is_offset_compensated: bool = False
    #: The number of bytes that could not be decoded. Not part of the message.
    unusable_bytes: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class _Several:
    """A field that consists of more than one number."""

    bit: int
    name: str
    size_bytes: int
    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]


def _revolutions(bit: int, name: str, count_bytes: int) -> _Several:
    return _Several(
        bit, name, count_bytes + 2, Revolutions.decode, lambda value: value.encode(count_bytes)
    )


def _extremes(bit: int, name: str, counts_per_unit: int = 1) -> _Several:
    """Describe a field of two signed numbers of two bytes each, the maximum first."""
    one: AnyField = Field(bit, name, 2, counts_per_unit, signed=True)
    return _Several(
        bit,
        name,
        4,
        lambda data: Extremes(one.decode(data[:2]), one.decode(data[2:])),
        lambda value: one.encode(value.maximum) + one.encode(value.minimum),
    )


def _decode_angles(data: bytes) -> Extremes:
    """Decode two 12-bit numbers from three bytes; the maximum is in the lower bits."""
    both = int.from_bytes(data, "little")
    return Extremes(both & 0xFFF, both >> 12)


def _encode_angles(angles: Extremes) -> bytes:
    maximum, minimum = round(angles.maximum), round(angles.minimum)
    if not (0 <= maximum <= 0xFFF and 0 <= minimum <= 0xFFF):
        raise OverflowError(f"extreme_angles_deg={angles} does not fit")
    return (maximum | minimum << 12).to_bytes(3, "little")


_FLAGS_BYTES = 2
_POWER = Field(-1, "power_w", 2, signed=True)  # always present

#: In wire order.
_FIELDS: tuple[AnyField, ...] = (
    Field(0, "pedal_balance_percent", 1, counts_per_unit=2),
    Field(2, "accumulated_torque_nm", 2, counts_per_unit=32),
    _revolutions(4, "wheel", 4),
    _revolutions(5, "crank", 2),
    _extremes(6, "extreme_forces_n"),
    _extremes(7, "extreme_torques_nm", counts_per_unit=32),
    _Several(8, "extreme_angles_deg", 3, _decode_angles, _encode_angles),
    Field(9, "top_dead_spot_deg", 2),
    Field(10, "bottom_dead_spot_deg", 2),
    Field(11, "accumulated_energy_kj", 2),
)
#: Flag bits that are values themselves.
_SIGNS = {1: "balance_is_left", 3: "torque_is_crank", 12: "is_offset_compensated"}


def decode_power(data: bytes) -> PowerMeasurement:
    """Decode one notification of 0x2A63. Total: any bytes give a value, possibly an empty one.

    Fields are read in order until the bytes run out. Reserved flag bits are ignored.
    """
    if len(data) < _FLAGS_BYTES + _POWER.size_bytes:
        return PowerMeasurement(unusable_bytes=len(data))
    flags = int.from_bytes(data[:_FLAGS_BYTES], "little")
    fields = (_POWER, *flagged(_FIELDS, flags))
    values, unusable_bytes = read_fields(fields, data[_FLAGS_BYTES:])
    values |= {name: bool(flags & 1 << bit) for bit, name in _SIGNS.items()}
    return PowerMeasurement(**values, unusable_bytes=unusable_bytes)


def encode_power(data: PowerMeasurement) -> bytes:
    """Encode one notification with exactly the fields of `data`.

    Raises ValueError without a power, OverflowError for a value that its field cannot hold.
    """
    if data.power_w is None:
        raise ValueError("a notification needs a power")
    present = present_bits(_FIELDS, data)
    signs = sum(1 << bit for bit, name in _SIGNS.items() if getattr(data, name))
    body = write_fields((_POWER, *flagged(_FIELDS, present)), data)
    return (present | signs).to_bytes(_FLAGS_BYTES, "little") + body


class CyclingPower(WireProtocol):
    """A power meter that notifies Cycling Power Measurement (0x2A63)."""

    evidence = Evidence.REAL_FRAMES
    gatts = (Gatt(service=sig_uuid(0x1818), notify=(sig_uuid(0x2A63),)),)
    #: A slow crank sends nothing new for up to 4 s.
    stale_after_s = 4.0

    def __init__(self) -> None:
        super().__init__()
        self._crank = CrankCounter(revolution_bits=16, time_bits=16, ticks_per_s=CRANK_TICKS_PER_S)

    def feed(self, frame: Frame) -> list[Reading]:
        """Return at most one Reading: the power, with the cadence if the packet gives one."""
        if frame.sent:
            return []
        data = decode_power(frame.data)
        self.unusable_bytes += data.unusable_bytes
        if data.power_w is None:
            return []
        cadence_rpm = None
        if data.crank is not None:
            cadence_rpm = self._crank.update(frame.at_ns, data.crank.count, data.crank.event_ticks)
        return [Reading(frame.at_ns, cadence_rpm=cadence_rpm, power_w=data.power_w)]
