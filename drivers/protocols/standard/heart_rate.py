"""The Bluetooth Heart Rate Service: the notifications of a strap, or of a bike with a sensor.

Source: Heart Rate Service 1.0 and the GATT Specification Supplement, "Heart Rate Measurement"
(0x2A37). All numbers are little-endian.
"""

from dataclasses import dataclass, field

from drivers.protocols.base import Evidence, Gatt, WireProtocol, sig_uuid
from drivers.reading import Frame, Reading

_WIDE = 1 << 0
_CONTACT = 1 << 1
_CONTACT_SUPPORTED = 1 << 2
_ENERGY = 1 << 3
_INTERVALS = 1 << 4

_INTERVALS_PER_S = 1024


@dataclass(frozen=True, slots=True)
class HeartRateMeasurement:
    """One notification of Heart Rate Measurement. None: not contained in it."""

    #: Sensors that detect no pulse send 0.
    heart_rate_bpm: int | None = None
    #: Whether the sensor touches skin. None: it cannot detect that.
    contact: bool | None = None
    #: The energy expended since the last reset.
    energy_kj: int | None = None
    #: The times between beats, oldest first.
    rr_intervals_s: tuple[float, ...] = ()
    #: The number of bytes that could not be decoded. Not part of the message.
    unusable_bytes: int = field(default=0, compare=False)


def decode_heart_rate(data: bytes) -> HeartRateMeasurement:
    """Decode one notification of 0x2A37. Total: any bytes give a value, possibly an empty one.

    Fields are read in order until the bytes run out.
    """
    if not data:
        return HeartRateMeasurement()
    flags, rest = data[0], data[1:]
    contact = bool(flags & _CONTACT) if flags & _CONTACT_SUPPORTED else None
    size_bytes = 2 if flags & _WIDE else 1
    if len(rest) < size_bytes:
        return HeartRateMeasurement(contact=contact, unusable_bytes=len(data))
    heart_rate_bpm, rest = int.from_bytes(rest[:size_bytes], "little"), rest[size_bytes:]
    energy_kj = None
    if flags & _ENERGY:
        if len(rest) < 2:
            return HeartRateMeasurement(heart_rate_bpm, contact, unusable_bytes=len(rest))
        energy_kj, rest = int.from_bytes(rest[:2], "little"), rest[2:]
    count = len(rest) // 2 if flags & _INTERVALS else 0
    intervals_s = tuple(
        int.from_bytes(rest[2 * i : 2 * i + 2], "little") / _INTERVALS_PER_S for i in range(count)
    )
    return HeartRateMeasurement(
        heart_rate_bpm, contact, energy_kj, intervals_s, unusable_bytes=len(rest) - 2 * count
    )


def encode_heart_rate(data: HeartRateMeasurement) -> bytes:
    """Encode one notification with exactly the fields of `data`.

    The heart rate takes one byte if it fits, else two. Raises ValueError without a heart rate,
    OverflowError for a value that its field cannot hold.
    """
    if data.heart_rate_bpm is None:
        raise ValueError("a notification needs a heart rate")
    wide = data.heart_rate_bpm > 0xFF
    flags = _WIDE if wide else 0
    body = data.heart_rate_bpm.to_bytes(2 if wide else 1, "little")
    if data.contact is not None:
        flags |= _CONTACT_SUPPORTED | (_CONTACT if data.contact else 0)
    if data.energy_kj is not None:
        flags |= _ENERGY
        body += data.energy_kj.to_bytes(2, "little")
    if data.rr_intervals_s:
        flags |= _INTERVALS
        body += b"".join(
            round(interval_s * _INTERVALS_PER_S).to_bytes(2, "little")
            for interval_s in data.rr_intervals_s
        )
    return bytes([flags]) + body


class HeartRate(WireProtocol):
    """A sensor that notifies Heart Rate Measurement (0x2A37), about once a second."""

    evidence = Evidence.DOCUMENTS
    gatts = (Gatt(service=sig_uuid(0x180D), notify=(sig_uuid(0x2A37),)),)

    def feed(self, frame: Frame) -> list[Reading]:
        """Return at most one Reading; none for 0 bpm, which means that no pulse is detected."""
        if frame.sent:
            return []
        data = decode_heart_rate(frame.data)
        self.unusable_bytes += data.unusable_bytes
        if not data.heart_rate_bpm:
            return []
        return [Reading(frame.at_ns, heart_rate_bpm=data.heart_rate_bpm)]
