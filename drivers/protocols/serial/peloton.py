"""Peloton Bike (the original): the RS-232 line between its tablet and its sensors.

19200 baud, 8N1. The tablet sends requests, the bike answers. Each message ends with F6, a byte
that occurs nowhere else in a message:

    request   F5 <op> <checksum> F6            F7 <index> <checksum> F6 for the resistance table
    response  F1 <op> <count> <digits> <checksum> F6

The digits are ASCII, least significant first; the checksum is the sum of all bytes before it.

Source: ihaque/pelomon, ptx2/gymnasticon, doudar/SmartSpin2k, showered/pelonot, and recordings of
the line on real bikes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from drivers.protocols.base import Evidence, SerialLine, WireProtocol
from drivers.protocols.serial.peloton_table import (
    DEFAULT_RESISTANCE_TABLE,
    MAX_UNANSWERED,
    RESISTANCE_TABLE_SIZE,
    TableReader,
    resistance_percent,
)
from drivers.reading import Frame, Reading


class PelotonOp(IntEnum):
    """The subject of a message."""

    #: In rpm.
    CADENCE = 0x41
    #: In steps of 0.1 W.
    POWER = 0x44
    #: In percent, as the tablet displays it. Not every firmware answers this.
    RESISTANCE_PERCENT = 0x49
    #: In counts of the bike's analog-to-digital converter; the bike's table converts to percent.
    RESISTANCE_RAW = 0x4A
    #: One entry of that table, in the same counts.
    RESISTANCE_TABLE = 0xF7
    #: Requested once at start. The answer is not a number and is not decoded here.
    BIKE_ID = 0xFB
    #: The tablet's first message; its meaning is unknown. The answer is not decoded here.
    BOOT = 0xFE


#: The number of digits of an answer; an answer with another number is damaged.
_DIGITS: Mapping[int, int] = {
    PelotonOp.CADENCE: 3,
    PelotonOp.POWER: 5,
    PelotonOp.RESISTANCE_PERCENT: 3,
    PelotonOp.RESISTANCE_RAW: 4,
    PelotonOp.RESISTANCE_TABLE: 4,
}

Mode = Literal["auto", "poll", "listen"]
#: In mode "auto", the time to listen for a tablet before sending requests …
LISTEN_NS = 1_500_000_000
#: … and the interval between the requests, which is that of the tablet.
ASK_EVERY_NS = 100_000_000
_TURNS = (PelotonOp.CADENCE, PelotonOp.POWER, PelotonOp.RESISTANCE_RAW)

_REQUEST_START = 0xF5
_RESPONSE_START = 0xF1
_END = 0xF6
_REQUEST_BYTES = 4
#: F1, op and count before the digits, checksum and F6 after them.
_RESPONSE_OVERHEAD_BYTES = 5
_MESSAGE_SIZES_BYTES = sorted(
    {_REQUEST_BYTES, *(_RESPONSE_OVERHEAD_BYTES + digits for digits in _DIGITS.values())}
)
LONGEST_MESSAGE_BYTES = _MESSAGE_SIZES_BYTES[-1]


@dataclass(frozen=True, slots=True)
class PelotonRequest:
    """A request of the tablet. Only RESISTANCE_TABLE has a `table_index` (0 to 30)."""

    op: PelotonOp
    table_index: int | None = None


@dataclass(frozen=True, slots=True)
class PelotonResponse:
    """An answer of the bike: a number in the unit of its `op`.

    The answer to a RESISTANCE_TABLE request does not contain the index of the entry.
    """

    op: PelotonOp
    value: int


def _sealed(body: bytes) -> bytes:
    """Return `body` with its checksum and F6 appended."""
    return bytes((*body, sum(body) & 0xFF, _END))


def encode_request(op: PelotonOp) -> bytes:
    """Encode the 4-byte request for `op`. Raises ValueError for the table, which needs an index."""
    if op is PelotonOp.RESISTANCE_TABLE:
        raise ValueError("a request for the resistance table needs an index")
    return _sealed(bytes((PelotonOp.BOOT, 0) if op is PelotonOp.BOOT else (_REQUEST_START, op)))


def encode_table_request(index: int) -> bytes:
    """Encode the 4-byte request for entry `index` (0 to 30) of the resistance table."""
    if not 0 <= index < RESISTANCE_TABLE_SIZE:
        raise ValueError(f"the resistance table has no entry {index}")
    return _sealed(bytes((PelotonOp.RESISTANCE_TABLE, index)))


#: All possible requests. They are few, so decoding is a lookup.
_REQUESTS = {
    **{
        encode_request(op): PelotonRequest(op)
        for op in PelotonOp
        if op is not PelotonOp.RESISTANCE_TABLE
    },
    **{
        encode_table_request(index): PelotonRequest(PelotonOp.RESISTANCE_TABLE, index)
        for index in range(RESISTANCE_TABLE_SIZE)
    },
}


def decode_request(data: bytes) -> PelotonRequest | None:
    """Decode a request, from F5, F7 or FE to F6; return None unless `data` is exactly one."""
    return _REQUESTS.get(data)


def encode_response(response: PelotonResponse) -> bytes:
    """Encode the bike's answer, 8 to 10 bytes.

    Raises ValueError for an `op` whose answer is not a number, and for a value that has too many
    digits or is negative.
    """
    count = _DIGITS.get(response.op)
    if count is None:
        raise ValueError(f"{response.op.name}: the answer is not a number")
    if not 0 <= response.value < 10**count:
        raise ValueError(f"{response.op.name} {response.value} does not fit {count} digits")
    digits = f"{response.value:0{count}d}"[::-1].encode("ascii")
    return _sealed(bytes((_RESPONSE_START, response.op, count)) + digits)


def decode_response(data: bytes) -> PelotonResponse | None:
    """Decode a response, from F1 to F6.

    Returns None if a byte is missing, extra or wrong, or if the kind of answer is unknown.
    """
    if len(data) <= _RESPONSE_OVERHEAD_BYTES or data[0] != _RESPONSE_START:
        return None
    op, count, digits = data[1], data[2], data[3:-2]
    if data != _sealed(data[:-2]) or not digits.isdigit():
        return None
    if not len(digits) == count == _DIGITS.get(op):
        return None
    return PelotonResponse(PelotonOp(op), int(digits[::-1]))


class Deframer:
    """A parser that finds the messages of both directions in one stream of bytes, cut anywhere.

    It holds fewer than LONGEST_MESSAGE_BYTES. A message is recognised at its last byte, by looking
    back from there: junk or half a message before it can neither hide nor delay it.
    """

    def __init__(self) -> None:
        #: The number of bytes that belong to no message.
        self.unusable_bytes = 0
        self._tail = bytearray()

    def feed(self, data: bytes) -> list[PelotonRequest | PelotonResponse]:
        """Return the messages that end within `data`, in order."""
        messages = []
        for byte in data:
            self._tail.append(byte)
            if byte == _END:
                message = self._take_message()
                if message is not None:
                    messages.append(message)
            elif len(self._tail) == LONGEST_MESSAGE_BYTES:
                del self._tail[0]
                self.unusable_bytes += 1
        return messages

    def _take_message(self) -> PelotonRequest | PelotonResponse | None:
        """Return the message that ends here, if any; other bytes held so far are unusable."""
        held = bytes(self._tail)
        self._tail.clear()
        for size in _MESSAGE_SIZES_BYTES:
            candidate = held[-size:]
            message = decode_request(candidate) or decode_response(candidate)
            if message is not None:
                self.unusable_bytes += len(held) - len(candidate)
                return message
        self.unusable_bytes += len(held)
        return None


class Peloton(WireProtocol):
    """The line of a Peloton Bike: one Reading per answer with a value.

    It either sends requests to the bike, or listens to those of the tablet: two senders would
    garble each other's requests. Mode `auto` listens first, and keeps listening if there are any
    messages.

    A request for the resistance table determines which entry the answer is. Once all entries are
    known, the bike's own table replaces `table` or the default one. A `known_table`, which the bike
    sent on an earlier connection, is used at once, and a few of its entries are asked for: if one
    differs, this is another bike, which is then asked for all of them.
    """

    evidence = Evidence.REAL_FRAMES
    line = SerialLine(baud_rates=(19200,))
    #: The bike answers every 0.1 s, each metric every 0.3 s.
    stale_after_s = 1.0

    def __init__(
        self,
        mode: Mode = "auto",
        table: Sequence[int] | None = None,
        known_table: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self._substitute = DEFAULT_RESISTANCE_TABLE if table is None else table
        self._deframer = Deframer()
        self._listens = mode == "listen"
        self._listen_until_ns: int | None = 0 if mode == "poll" else None
        self._ask_ns = 0
        self._asks = 0
        self._turn = -1
        self._percents_asked = 0
        self._answers = 0
        self._table_reader = TableReader(known_table)
        self._gets_percent = False

    @property
    def bike_table(self) -> Sequence[int] | None:
        """The bike's own table, as far as known; see TableReader."""
        return self._table_reader.table

    @property
    def table(self) -> Sequence[int]:
        """The table that converts raw resistance to percent."""
        return self.bike_table or self._substitute

    @property
    def is_asked(self) -> bool:
        """Whether the bike answers, and only to requests of this gateway."""
        return self._answers > 0 and not self._listens

    def feed(self, frame: Frame) -> list[Reading]:
        """Return the Readings of the answers that end within `frame`, in order."""
        if frame.sent:
            # Not part of the bike's stream, since it may be sent in the middle of an answer.
            self._note_request(decode_request(frame.data))
            return []
        readings = []
        for message in self._deframer.feed(frame.data):
            if not self._asks:
                self._listens = True
            self._answers += 1
            if isinstance(message, PelotonRequest):
                self._listens = True
                self._note_request(message)
            elif message.op is PelotonOp.RESISTANCE_TABLE:
                self._table_reader.learn(message.value)
            else:
                readings.append(self._reading(frame.at_ns, message))
        self.unusable_bytes = self._deframer.unusable_bytes
        return readings

    def request(self, now_ns: int) -> bytes:
        """Request cadence, power and resistance in turn; in between, the table until complete."""
        if self._listen_until_ns is None:
            self._listen_until_ns = now_ns + LISTEN_NS
        if self._listens or now_ns < max(self._listen_until_ns, self._ask_ns):
            return b""
        self._ask_ns = now_ns + ASK_EVERY_NS
        self._asks += 1
        between = self._between() if self._asks % 2 == 0 else b""
        if between:
            return between
        self._turn = (self._turn + 1) % len(_TURNS)
        return encode_request(_TURNS[self._turn])

    def _between(self) -> bytes:
        """Request the table; if the firmware does not send it, the bike's own percentage."""
        index = self._table_reader.next_index()
        if index is not None:
            return encode_table_request(index)
        if self._table_reader.is_whole or self._percents_asked >= MAX_UNANSWERED:
            return b""
        self._percents_asked += not self._gets_percent
        return encode_request(PelotonOp.RESISTANCE_PERCENT)

    def _note_request(self, request: PelotonRequest | None) -> None:
        self._table_reader.asked_index = None if request is None else request.table_index

    def _reading(self, at_ns: int, response: PelotonResponse) -> Reading:
        value = response.value
        match response.op:
            case PelotonOp.CADENCE:
                return Reading(at_ns, cadence_rpm=value)
            case PelotonOp.POWER:
                return Reading(at_ns, power_w=value / 10)
            case PelotonOp.RESISTANCE_PERCENT:
                self._gets_percent = not self._table_reader.is_whole
                return Reading(at_ns, resistance_percent=value)
            case _:
                percent = resistance_percent(value, self.table)
                return Reading(
                    at_ns,
                    resistance_raw=value,
                    resistance_percent=None if self._gets_percent else percent,
                )
