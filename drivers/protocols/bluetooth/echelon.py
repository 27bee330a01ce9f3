"""Echelon Connect: the bike's own service, which streams after a fixed sequence of commands.

    F0 <op> <length of the body> <body> <checksum>

The checksum is the sum of all bytes before it. Numbers are big-endian. Bikes with newer firmware
only work with Echelon's app.

Source: cagnulein/qdomyos-zwift src/devices/echelonconnectsport, doudar/SmartSpin2k
src/sensors/EchelonData.cpp and #237.
"""

from dataclasses import dataclass

from drivers.protocols.base import Evidence, Gatt, WireProtocol
from drivers.reading import Frame, Reading

POLL = 0xA0
STATUS = 0xD1
RESISTANCE = 0xD2

_START = 0xF0
#: F0, op and length before the body, the checksum after it.
_OVERHEAD_BYTES = 4
_STATUS_BYTES = 9

#: The interval between the commands of the start sequence.
START_EVERY_NS = 100_000_000
#: The interval between the polls that follow.
POLL_EVERY_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class EchelonStatus:
    """The message that the bike sends about once a second."""

    cadence_rpm: int
    elapsed_s: int = 0
    #: Hundredths of a km or of a mile, depending on the bike's settings, which it does not send.
    distance: int = 0


@dataclass(frozen=True, slots=True)
class EchelonResistance:
    """A level, 1 … 32. Sent once, when it changes."""

    level: int


@dataclass(frozen=True, slots=True)
class EchelonOther:
    """Any other message: a command or its answer."""

    op: int
    body: bytes = b""


Message = EchelonStatus | EchelonResistance | EchelonOther


def decode_message(data: bytes) -> Message | None:
    """Decode a message; return None unless `data` is exactly one."""
    if len(data) < _OVERHEAD_BYTES or data[0] != _START:
        return None
    op, body = data[1], data[3:-1]
    if data[2] != len(body) or data[-1] != sum(data[:-1]) & 0xFF:
        return None
    if op == STATUS and len(body) == _STATUS_BYTES:
        return EchelonStatus(
            elapsed_s=int.from_bytes(body[0:2], "big"),
            distance=int.from_bytes(body[4:6], "big"),
            cadence_rpm=int.from_bytes(body[6:8], "big"),
        )
    if op == RESISTANCE and len(body) == 1:
        return EchelonResistance(body[0])
    return EchelonOther(op, body)


def encode_message(message: Message) -> bytes:
    """Encode a message; unknown bytes are 0. Raises ValueError for a value that does not fit."""
    try:
        op, body = _op_and_body(message)
        unsealed = bytes((_START, op, len(body))) + body
    except OverflowError as error:
        raise ValueError(f"a value does not fit its field: {message}") from error
    return unsealed + bytes((sum(unsealed) & 0xFF,))


def _op_and_body(message: Message) -> tuple[int, bytes]:
    match message:
        case EchelonStatus(cadence_rpm, elapsed_s, distance):
            numbers = (elapsed_s, 0, distance, cadence_rpm)
            return STATUS, b"".join(number.to_bytes(2, "big") for number in numbers) + b"\0"
        case EchelonResistance(level):
            return RESISTANCE, bytes((level,))
        case EchelonOther(op, body):
            return op, body


#: The commands that Echelon's app sends first; the last one makes the bike stream.
START = (
    *([EchelonOther(0xA1)] * 4),
    EchelonOther(0xA3),
    EchelonOther(0xA1),
    EchelonOther(0xB0, b"\x01"),
)


class EchelonStream:
    """A stream of notifications, in which messages are found by their length and checksum.

    A message is found at its last byte, even if what precedes it looks like the beginning
    of a longer one. At most the length of one message is held.
    """

    def __init__(self) -> None:
        #: The number of bytes that belong to no message.
        self.unusable_bytes = 0
        self._held = b""

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that end within `data`, in order."""
        self._held += data
        messages = []
        while (found := self._first()) is not None:
            start, message, end = found
            messages.append(message)
            self.unusable_bytes += start
            self._held = self._held[end:]
        beginning = next(filter(self._may_begin_at, range(len(self._held))), len(self._held))
        self.unusable_bytes += beginning
        self._held = self._held[beginning:]
        return messages

    def _first(self) -> tuple[int, Message, int] | None:
        """Return the first message that is held, between its start and its end."""
        for start, byte in enumerate(self._held[: -_OVERHEAD_BYTES + 1]):
            if byte == _START:
                end = start + _OVERHEAD_BYTES + self._held[start + 2]
                message = decode_message(self._held[start:end])
                if message is not None:
                    return start, message, end
        return None

    def _may_begin_at(self, start: int) -> bool:
        """Return whether more bytes can complete a message that begins at `start`."""
        rest = self._held[start:]
        is_complete = len(rest) > 2 and len(rest) >= _OVERHEAD_BYTES + rest[2]
        return rest[0] == _START and not is_complete


class Echelon(WireProtocol):
    """One connection. There is no power and no speed: the bike does not know them."""

    evidence = Evidence.REAL_FRAMES
    gatts = (
        Gatt(
            service="0bf669f1-45f2-11e7-9598-0800200c9a66",
            notify=(
                "0bf669f3-45f2-11e7-9598-0800200c9a66",
                "0bf669f4-45f2-11e7-9598-0800200c9a66",
            ),
            command="0bf669f2-45f2-11e7-9598-0800200c9a66",
        ),
    )
    reports_own_number = True

    def __init__(self) -> None:
        super().__init__()
        self._stream = EchelonStream()
        self._to_send = list(START)
        self._polls = 0
        self._next_ns: int | None = None
        self._level: int | None = None

    def feed(self, frame: Frame) -> list[Reading]:
        if frame.sent:
            return []
        messages = self._stream.feed(frame.data)
        self.unusable_bytes = self._stream.unusable_bytes
        readings = (self._reading(frame.at_ns, message) for message in messages)
        return [reading for reading in readings if reading is not None]

    def request(self, now_ns: int) -> bytes:
        """Return the start commands one by one, then a poll every second, numbered 1 … 255."""
        if self._next_ns is not None and now_ns < self._next_ns:
            return b""
        if self._to_send:
            message = self._to_send.pop(0)
        else:
            self._polls = self._polls % 255 + 1
            message = EchelonOther(POLL, bytes((self._polls,)))
        self._next_ns = now_ns + (START_EVERY_NS if self._to_send else POLL_EVERY_NS)
        return encode_message(message)

    def _reading(self, at_ns: int, message: Message) -> Reading | None:
        match message:
            case EchelonStatus(cadence_rpm):
                # The level is sent only when it changes, so the last one still applies.
                return Reading(at_ns, cadence_rpm=cadence_rpm, resistance_raw=self._level)
            case EchelonResistance(level):
                self._level = level
                return Reading(at_ns, resistance_raw=level)
            case EchelonOther():
                return None
