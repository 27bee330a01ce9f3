"""iFit: the consoles of ProForm, NordicTrack and FreeMotion without a touch screen.

The gateway asks, the console answers. A message, here without its chunks:

    02 04 02 | length | equipment | length | command | body | checksum       request
    01 04 02 | length | equipment | length | command | status | body | checksum       answer

The length counts from the equipment on; the checksum is the sum of those bytes; status 02 means
success. Numbers are little-endian. To read, the gateway sends a bitmap of registers, and the answer
has their values in ascending order, without tags. The first answer states the kind of equipment
and which registers it has.

A message travels in chunks of at most 20 bytes: FE 02, its length and the number of chunks, this
one included; then chunks of index, length and up to 18 bytes. The index of the last one is FF.

The gateway reads only. Apps first activate a console with the key of its model, 36 bytes, which is
needed to control it. Two sources read without a key, but no source has tried all models. No key of
a bike was found under a free licence. For a console that needs its key, the option
`start = ["90…"]` sends it: command 90, and the key that a recording of its own app contains.

No complete answer of a bike with known values was found. The decoder was tested against parts of
the answers of an elliptical trainer, and complete answers of treadmills.

Source: ianchi/ifit docs/IFIT_PROTOCOL.md; dawsontoth/zwifit src/ble/ifit; iamnirav/bike-controller;
cagnulein/qdomyos-zwift src/devices/proformbike, #4794, #5107, tst/fitpro.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from drivers.protocols.base import Evidence, Gatt, StartableProtocol
from drivers.reading import Frame, Reading

#: Kinds of equipment. Only the console itself, `GENERAL`, is asked before its kind is known.
GENERAL, BIKE, STUDIO_BIKE = 0x02, 0x07, 0x08
#: Treadmills (04), ellipticals (06, 09, 13) and rowers (14) have the same registers, but the
#: strokes of a rower are not the cadence of a bike.
_BIKES = frozenset({BIKE, STUDIO_BIKE})
READ, CAPABILITIES, INFORMATION, REFERENCE = 0x02, 0x80, 0x81, 0x82
FIRMWARE, COMMANDS, SERIAL_NUMBER = 0x84, 0x88, 0x95
OK = b"\x02"
#: All bytes of an answer whose registers have no values yet.
_NOT_READY = b"\xff"

_REQUEST, _ANSWER = b"\x02\x04\x02", b"\x01\x04\x02"
#: Prefix, length, equipment, length and command before the body, the checksum after it.
_OVERHEAD_BYTES = 8
#: The length does not count the prefix and itself.
_UNCOUNTED_BYTES = 4

_HEADER, _LAST = 0xFE, 0xFF
_HEADER_BYTES = 4
_CHUNK_DATA_BYTES = 18

RESISTANCE, POWER, DISTANCE, CADENCE, PULSE, SPEED = 2, 3, 4, 5, 10, 16
#: The number of bytes of each register whose size is known.
REGISTER_BYTES: Mapping[int, int] = (
    dict.fromkeys((8, 9, 12, 36, 49, 96, 98, 100), 1)
    | dict.fromkeys((0, 1, 2, 3, 5, 15, 16, 17, 27, 28, 30, 31, 34, 35, 43, 45, 46), 2)
    | dict.fromkeys((52, 53, 54, 71, 72), 2)
    | {14: 3}
    | dict.fromkeys((4, 6, 10, 11, 13, 20, 21, 22, 69, 70, 75, 76, 103), 4)
    | {26: 8}
)
WANTED = frozenset({RESISTANCE, POWER, DISTANCE, CADENCE, PULSE, SPEED})
#: The place of the register bitmap in the answer to INFORMATION, after the status.
_BITMAP_AT = 9

#: The interval between two requests. Consoles answer two to three times a second.
REQUEST_EVERY_NS = 400_000_000
#: One console repeated its last cadence and power for half a minute after the rider had stopped.
#: While the pedals turn, the distance changes within this time.
STUCK_AFTER_NS = 4_000_000_000


@dataclass(frozen=True, slots=True)
class IfitMessage:
    """A request, or an answer, whose body begins with the status."""

    equipment: int
    command: int
    body: bytes = b""
    is_answer: bool = False


def decode_message(raw: bytes) -> IfitMessage | None:
    """Decode a message without its chunks; return None unless `raw` is exactly one."""
    if len(raw) < _OVERHEAD_BYTES or raw[:3] not in (_REQUEST, _ANSWER):
        return None
    if not raw[3] == raw[5] == len(raw) - _UNCOUNTED_BYTES or raw[-1] != _checksum(raw[:-1]):
        return None
    return IfitMessage(raw[4], raw[6], raw[7:-1], raw.startswith(_ANSWER))


def encode_message(message: IfitMessage) -> bytes:
    """Encode a message without its chunks. Raises ValueError for a value that does not fit."""
    length = len(message.body) + _UNCOUNTED_BYTES
    prefix = _ANSWER if message.is_answer else _REQUEST
    unsealed = prefix + bytes((length, message.equipment, length, message.command)) + message.body
    return unsealed + bytes((_checksum(unsealed),))


def _checksum(unsealed: bytes) -> int:
    return sum(unsealed[_UNCOUNTED_BYTES:]) & 0xFF


def chunks_of(raw: bytes) -> list[bytes]:
    """Cut a message into chunks, the header first. Raises ValueError if it is too long."""
    pieces = [raw[at : at + _CHUNK_DATA_BYTES] for at in range(0, len(raw), _CHUNK_DATA_BYTES)]
    indices = [*range(len(pieces) - 1), _LAST]
    header = bytes((_HEADER, 0x02, len(raw), len(pieces) + 1))
    return [
        header,
        *(bytes((index, len(piece))) + piece for index, piece in zip(indices, pieces, strict=True)),
    ]


class ChunkJoiner:
    """Joins the chunks of one direction to messages."""

    def __init__(self) -> None:
        #: The number of bytes so far that belong to no message.
        self.unusable_bytes = 0
        #: None: no header yet.
        self._joined: bytes | None = None
        self._length = self._chunks = self._taken = 0

    def join(self, chunk: bytes) -> bytes:
        """Take one chunk; return the message that it completes, or nothing."""
        if len(chunk) >= _HEADER_BYTES and chunk[0] == _HEADER:
            self._drop()
            self._joined, self._length, self._chunks, self._taken = b"", chunk[2], chunk[3], 1
            return b""
        if self._joined is None or not self._fits(chunk):
            self._drop()
            self.unusable_bytes += len(chunk)
            return b""
        self._joined += chunk[2 : 2 + chunk[1]]
        self._taken += 1
        if chunk[0] != _LAST:
            return b""
        joined, self._joined = self._joined, None
        return joined

    def _fits(self, chunk: bytes) -> bool:
        """Return whether `chunk` is the next one; it may be padded at the end."""
        if len(chunk) < 2 or chunk[1] > min(len(chunk) - 2, _CHUNK_DATA_BYTES):
            return False
        assert self._joined is not None
        size_bytes = len(self._joined) + chunk[1]
        if self._taken + 1 == self._chunks:
            return chunk[0] == _LAST and size_bytes == self._length
        return chunk[0] == self._taken - 1 and size_bytes < self._length

    def _drop(self) -> None:
        self.unusable_bytes += len(self._joined or b"")
        self._joined = None


def encode_bitmap(registers: Iterable[int]) -> bytes:
    """Encode a set of registers: the number of bytes, then a bit for each register."""
    bits = sum(1 << register for register in set(registers))
    size_bytes = (bits.bit_length() + 7) // 8
    return bytes((size_bytes,)) + bits.to_bytes(size_bytes, "little")


def decode_bitmap(data: bytes) -> frozenset[int]:
    """Decode the set of registers at the beginning of `data`; missing bytes have none."""
    bits = int.from_bytes(data[1 : 1 + data[0]] if data else b"", "little")
    return frozenset(register for register in range(bits.bit_length()) if bits & 1 << register)


def encode_read(equipment: int, registers: Iterable[int]) -> IfitMessage:
    """Return the request for the values of `registers`, which writes none."""
    return IfitMessage(equipment, READ, encode_bitmap(()) + encode_bitmap(registers))


def decode_values(registers: Iterable[int], data: bytes) -> dict[int, int] | None:
    """Decode the values of `registers`; return None unless `data` has exactly those.

    Unsigned; a register of several numbers, such as the pulse, has the first in its lowest byte.
    """
    values, at = {}, 0
    for register in sorted(registers):
        size_bytes = REGISTER_BYTES.get(register)
        if size_bytes is None or at + size_bytes > len(data):
            return None
        values[register] = int.from_bytes(data[at : at + size_bytes], "little")
        at += size_bytes
    return values if at == len(data) else None


def encode_values(values: Mapping[int, int]) -> bytes:
    """Encode values by register. Raises OverflowError for one that its register cannot hold."""
    return b"".join(
        value.to_bytes(REGISTER_BYTES[register], "little")
        for register, value in sorted(values.items())
    )


class Ifit(StartableProtocol):
    """One connection. The resistance is in 1/100 % of the console's range.

    `start`: requests before the first reading, each a command and its body.
    """

    evidence = Evidence.EXAMPLES
    gatts = (
        Gatt(
            service="00001533-1412-efde-1523-785feabcd123",
            notify=("00001535-1412-efde-1523-785feabcd123",),
            command="00001534-1412-efde-1523-785feabcd123",
        ),
    )

    def __init__(self, start: Sequence[bytes] = ()) -> None:
        super().__init__()
        self._start = start
        self._sent, self._heard = ChunkJoiner(), ChunkJoiner()
        self._equipment = BIKE
        self._registers = WANTED
        #: The registers of the last request, whose values its answer has.
        self._asked = WANTED
        self._requests = self._all_requests()
        self._chunks: list[bytes] = []
        self._next_ns: int | None = None
        #: The last distance, cadence and power, and since when they have been the same.
        self._ride: tuple[int | None, ...] = ()
        self._same_since_ns = 0
        self._has_moved = False

    def request(self, now_ns: int) -> bytes:
        """Return the chunks of a request one by one, and then none until the next is due."""
        if not self._chunks:
            if self._next_ns is not None and now_ns < self._next_ns:
                return b""
            self._chunks = chunks_of(encode_message(next(self._requests)))
            self._next_ns = now_ns + REQUEST_EVERY_NS
        return self._chunks.pop(0)

    def _all_requests(self) -> Iterator[IfitMessage]:
        """Yield the questions that all apps ask first, `start`, and then readings forever."""
        yield IfitMessage(GENERAL, INFORMATION)
        yield IfitMessage(self._equipment, CAPABILITIES)
        yield IfitMessage(self._equipment, COMMANDS)
        yield IfitMessage(GENERAL, REFERENCE, bytes(2))
        yield IfitMessage(GENERAL, FIRMWARE, bytes(2))
        yield IfitMessage(GENERAL, SERIAL_NUMBER)
        for command in self._start:
            yield IfitMessage(self._equipment, command[0], command[1:])
        while True:
            yield encode_read(self._equipment, self._registers)

    def feed(self, frame: Frame) -> list[Reading]:
        """Return at most one Reading, and none from a machine that is no bike."""
        if frame.sent:
            self._remember(decode_message(self._sent.join(frame.data)))
            return []
        raw = self._heard.join(frame.data)
        message = decode_message(raw)
        if message is None:
            self._heard.unusable_bytes += len(raw)
        self.unusable_bytes = self._heard.unusable_bytes
        if message is None or not message.is_answer or not message.body.startswith(OK):
            return []
        if message.command == INFORMATION:
            self._equipment = message.equipment
            self._registers = WANTED & decode_bitmap(message.body[_BITMAP_AT:]) or WANTED
        if message.command != READ or message.equipment not in _BIKES:
            return []
        if not message.body[1:].strip(_NOT_READY):
            return []
        values = decode_values(self._asked, message.body[1:])
        return [] if values is None else self._readings(frame.at_ns, values)

    def _remember(self, request: IfitMessage | None) -> None:
        """Keep the registers of a request that writes none."""
        if request is not None and request.command == READ and request.body.startswith(b"\0"):
            self._asked = decode_bitmap(request.body[1:])

    def _readings(self, at_ns: int, values: Mapping[int, int]) -> list[Reading]:
        cadence_rpm, power_w = values.get(CADENCE), values.get(POWER)
        if cadence_rpm is None:
            return []
        if self._is_stuck(at_ns, values):
            cadence_rpm, power_w = 0, 0
        resistance, speed = values.get(RESISTANCE), values.get(SPEED)
        return [
            Reading(
                at_ns,
                cadence_rpm=cadence_rpm,
                resistance_raw=resistance,
                resistance_percent=None if resistance is None else min(resistance / 100, 100.0),
                power_w=power_w,
                speed_kmh=None if speed is None else speed / 100,
                heart_rate_bpm=values.get(PULSE, 0) & 0xFF or None,
            )
        ]

    def _is_stuck(self, at_ns: int, values: Mapping[int, int]) -> bool:
        """Return whether nothing changes any more, not even the distance, which did before."""
        ride = tuple(values.get(register) for register in (DISTANCE, CADENCE, POWER))
        if ride != self._ride:
            self._has_moved |= bool(self._ride) and ride[0] != self._ride[0]
            self._ride, self._same_since_ns = ride, at_ns
        return self._has_moved and at_ns - self._same_since_ns > STUCK_AFTER_NS
