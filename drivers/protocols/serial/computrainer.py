"""RacerMate CompuTrainer: packets on a serial line; connecting sets its brake to a flat road.

2400 baud, 8N1, RS-232. `RacerMate` is answered with `LinkUp`. Then both sides send packets of 7
bytes, in which only the last byte has bit 7. A packet carries the 6 bytes A to F of a message:

    0-5   bits 7 to 1 of A to F      6   1, the sum of A to F modulo 2, bits 0 of A to F

    from the bike   A B C SpinScan    D buttons         E F 4 bits of kind, 12 bits of value
    to the bike     A checksum        D mode of brake   E F the same

The bike sends only while it receives packets, each of which sets the brake. So there is no way to
read it without a load: here that of a flat road without wind, as RacerMate One sends it, and the
rider has the gears of the bicycle. The bike does not report a resistance.

Source: StephenDone/computrainer_serial_protocol, GoldenCheetah/GoldenCheetah (Computrainer).
"""

from dataclasses import dataclass
from enum import IntEnum

from drivers.protocols.base import Evidence, SerialLine, WireProtocol
from drivers.reading import Frame, Reading


class TrainerKind(IntEnum):
    """The kind of a value that the bike sends, if it belongs to the ride."""

    #: 50 for each mile per hour.
    SPEED = 1
    #: In W.
    POWER = 2
    #: In 1/min, if PULSE_IS_RECEIVED.
    HEART_RATE = 3
    #: In rpm, if CADENCE_IS_MEASURED.
    CADENCE = 6


CHALLENGE = b"RacerMate"
ACCEPTANCE = b"LinkUp"
PACKET_BYTES = 7

PULSE_IS_RECEIVED = 0x100
CADENCE_IS_MEASURED = 0x800
#: The mode in which the brake simulates a road.
INCLINE = 0x2C

_KM_PER_MILE = 1.609344
_LAST_BYTE = 0x80
_VALUE_BITS = 0xFFF

#: The interval between challenges, and between the packets for the brake. The bike stops sending
#: 1.5 s after the last of them, and needs seven to begin.
SEND_EVERY_NS = 500_000_000
#: After this long without a packet, the bike needs a new challenge.
LINKED_NS = 2_000_000_000

#: Two bits are a weak check, so a value that no rider reaches is a transmission error.
_MAX_BPM = 250
_MAX_RPM = 250
_MAX_POWER_W = 2000


@dataclass(frozen=True, slots=True)
class TrainerMessage:
    """A message of the bike: one value, with what its buttons and SpinScan show meanwhile."""

    kind: int
    #: 12 bits.
    value: int
    #: Bits 0 to 5: reset, F1, F3, plus, F2, minus; bit 6: the first part of a SpinScan.
    buttons: int = 0
    spin_scan: bytes = bytes(3)


@dataclass(frozen=True, slots=True)
class BrakeSetting:
    """A message to the bike: one of the values that determine its brake."""

    mode: int
    kind: int
    #: 12 bits.
    value: int


#: A flat road without wind, for a rider of 161 lb with the usual drag, without alarms for the
#: heart rate: as RacerMate One was seen to set it.
FLAT_ROAD = tuple(
    BrakeSetting(INCLINE, kind, value)
    for kind, value in enumerate((0, 0, 161, 0x800, 0x8FF, 0x800, 0x0F7, 0), start=1)
)


def encode_message(message: TrainerMessage) -> bytes:
    """Encode the packet of a message of the bike."""
    is_even = message.buttons.bit_count() % 2 == 0
    buttons = message.buttons | is_even << 7
    return _packet(bytes((*message.spin_scan, buttons, *_words(message.kind, message.value))))


def decode_message(data: bytes) -> TrainerMessage | None:
    """Decode a packet of the bike; return None unless `data` is exactly one."""
    body = _body(data)
    # Bit 7 makes the number of bits in D odd.
    if body is None or body[3].bit_count() % 2 == 0:
        return None
    kind, value = _kind_and_value(body)
    return TrainerMessage(kind, value, body[3] & 0x7F, body[:3])


def encode_setting(setting: BrakeSetting) -> bytes:
    """Encode the packet of a message to the bike."""
    words = bytes((setting.mode, *_words(setting.kind, setting.value)))
    return _packet(bytes((~sum(words) & 0xFF, 0, 0)) + words)


def decode_setting(data: bytes) -> BrakeSetting | None:
    """Decode a packet to the bike; return None unless `data` is exactly one."""
    body = _body(data)
    if body is None or sum(body[3:], start=body[0]) & 0xFF != 0xFF:
        return None
    return BrakeSetting(body[3], *_kind_and_value(body))


def _words(kind: int, value: int) -> bytes:
    return (kind << 12 | value).to_bytes(2, "big")


def _kind_and_value(body: bytes) -> tuple[int, int]:
    word = int.from_bytes(body[4:], "big")
    return word >> 12, word & _VALUE_BITS


def _packet(body: bytes) -> bytes:
    """Return the packet that carries the bytes A to F."""
    last = _LAST_BYTE | (sum(body) & 1) << 6
    for at, byte in enumerate(body):
        last |= (byte & 1) << (5 - at)
    return bytes((*(byte >> 1 for byte in body), last))


def _body(packet: bytes) -> bytes | None:
    """Return the bytes A to F that a packet carries; None if it is none."""
    if len(packet) != PACKET_BYTES:
        return None
    *parts, last = packet
    if not max(parts) < _LAST_BYTE <= last:
        return None
    body = bytes(part << 1 | last >> (5 - at) & 1 for at, part in enumerate(parts))
    return body if sum(body) & 1 == last >> 6 & 1 else None


class CompuTrainer(WireProtocol):
    """The controller of a CompuTrainer: one Reading for each value of the ride."""

    evidence = Evidence.EXAMPLES
    line = SerialLine(baud_rates=(2400,))
    stale_after_s = 3.0

    def __init__(self) -> None:
        super().__init__()
        #: The bytes since the last packet, fewer than a packet has.
        self._held = bytearray()
        #: Whether the bike has accepted; nothing that sets a brake is sent before.
        self._is_linked = False
        #: When the bike last sent something that was understood.
        self._heard_ns = 0
        self._send_ns = 0

    def feed(self, frame: Frame) -> list[Reading]:
        """Return the Readings of the packets that end within `frame`, in order."""
        if frame.sent:
            return []
        readings = []
        for byte in frame.data:
            self._held.append(byte)
            if byte & _LAST_BYTE:
                readings += self._take_packet(frame.at_ns)
                continue
            if len(self._held) == PACKET_BYTES:
                del self._held[0]
                self.unusable_bytes += 1
            if self._held == ACCEPTANCE:
                self._accept(frame.at_ns)
        return readings

    def request(self, now_ns: int) -> bytes:
        """Return a challenge until the bike accepts it, then the settings of a flat road."""
        if now_ns < self._send_ns:
            return b""
        self._send_ns = now_ns + SEND_EVERY_NS
        if now_ns - self._heard_ns > LINKED_NS:
            self._is_linked = False
        return b"".join(map(encode_setting, FLAT_ROAD)) if self._is_linked else CHALLENGE

    def _accept(self, at_ns: int) -> None:
        self._held.clear()
        self._is_linked = True
        self._heard_ns = at_ns
        self._send_ns = at_ns

    def _take_packet(self, at_ns: int) -> list[Reading]:
        message = decode_message(bytes(self._held))
        if message is None:
            self.unusable_bytes += len(self._held)
        else:
            self._heard_ns = at_ns
        self._held.clear()
        reading = None if message is None else _reading(at_ns, message)
        return [] if reading is None else [reading]


def _reading(at_ns: int, message: TrainerMessage) -> Reading | None:
    """Return the value of `message`; None if it does not belong to the ride."""
    value, low = message.value, message.value & 0xFF
    match message.kind:
        case TrainerKind.SPEED:
            return Reading(at_ns, speed_kmh=value * _KM_PER_MILE / 50)
        case TrainerKind.POWER if value <= _MAX_POWER_W:
            return Reading(at_ns, power_w=value)
        case TrainerKind.HEART_RATE if value & PULSE_IS_RECEIVED and 0 < low <= _MAX_BPM:
            return Reading(at_ns, heart_rate_bpm=low)
        case TrainerKind.CADENCE if value & CADENCE_IS_MEASURED and low <= _MAX_RPM:
            return Reading(at_ns, cadence_rpm=low)
        case _:
            return None
