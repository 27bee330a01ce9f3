"""Older Domyos bikes, without FTMS (500, 900, E-Fold, EL): requests to the console, and answers.

    F0 <op> <body> <sum of all bytes before it>

The op of an answer is 10 (hex) above that of its request. More than 20 bytes are written and sent
in two parts. Numbers are big-endian; FF means that a field is not set. AC asks for the status, and
BC answers (offsets in its body of 23 bytes):

    4-5 speed, 0.1 km/h   6-7 cadence, 1/min   12 level   15-16 heart rate, 1/min

There is no power. Energy and distance are left out, as their meaning differs between models.

A console is silent until it is asked in a certain order. If the first requests bring no turn of the
pedals, the rest of the start follows, which lights symbols on its display. While the gateway is
connected, the display shows only what is written to it, so it stays blank or frozen. The level is
never set.

Source: cagnulein/qdomyos-zwift src/devices/domyosbike, #22, #203, #248, #1725;
Palantir555/domyos-el500-hack; Darchek/bike-domyos-reader.
"""

from dataclasses import dataclass

from drivers.protocols.base import Evidence, Gatt, WireProtocol
from drivers.protocols.bluetooth.sum_frames import CUT_BYTES, START, SumFrames, is_sealed, seal
from drivers.protocols.bluetooth.turns import Turns
from drivers.reading import Frame, Reading

ASK_STATUS = 0xAC
STATUS = 0xBC
#: Added to the op of a request, it gives that of the answer.
ANSWER = 0x10

_BODY_BYTES = 23
_SPEED, _CADENCE, _LEVEL, _HEART_RATE = slice(4, 6), slice(6, 8), 12, slice(15, 17)
#: The lengths of the answers; DD is one to a display that the gateway does not write.
_LENGTHS = {
    0xB3: (7,),
    0xB4: (13,),
    0xB5: (7,),
    0xBB: (8,),
    STATUS: (26,),
    0xBD: (23,),
    0xD4: (4,),
    0xD8: (4,),
    0xD9: (8,),
    0xDB: (27,),
    0xDD: (27,),
}
#: The ops of the answer to the probe and of a status.
_SIGNS = (0xD9, STATUS)

#: The bytes that one write can carry.
PART_BYTES = 20
#: The interval between two requests.
EVERY_NS = 300_000_000
#: How long the pedals must be still before the rest of the start follows.
UNMOVED_NS = 2_000_000_000

GREETING = (seal(0xC8, b"\x01"), seal(0xC9, b""))
#: The requests that follow if those do not help. The field of AD that sets the level stays FF.
REST_OF_START = (
    seal(0xA3, b""),
    seal(0xA4, b""),
    seal(0xA5, b""),
    seal(0xAB, b""),
    seal(0xC4, b"\x03"),
    seal(0xAD, b"\xff" * 16 + bytes.fromhex("01ffffff")),
    seal(0xCB, bytes.fromhex("020008") + b"\xff" * 13 + bytes.fromhex("01000001ffffffff")),
    seal(0xAD, bytes.fromhex("ffff0005") + b"\xff" * 7 + bytes.fromhex("0000ffffff01ffffff")),
)


@dataclass(frozen=True, slots=True)
class DomyosStatus:
    """The status of a bike. None: not set."""

    cadence_rpm: int | None
    speed_kmh: float | None = None
    level: int | None = None
    #: 0: no sensor.
    heart_rate_bpm: int | None = None


def decode_domyos_status(message: bytes) -> DomyosStatus | None:
    """Decode a status; return None unless `message` is exactly one."""
    if not is_sealed(message) or message[1] != STATUS or len(message) != _LENGTHS[STATUS][0]:
        return None
    body = message[2:-1]
    speed = _number(body[_SPEED])
    return DomyosStatus(
        cadence_rpm=_number(body[_CADENCE]),
        speed_kmh=None if speed is None else speed / 10,
        level=None if body[_LEVEL] == 0xFF else body[_LEVEL],
        heart_rate_bpm=_number(body[_HEART_RATE]),
    )


def encode_domyos_status(status: DomyosStatus) -> bytes:
    """Encode a status; unknown bytes are 0. Raises ValueError for a value that does not fit."""
    speed = None if status.speed_kmh is None else round(status.speed_kmh * 10)
    body = bytearray(_BODY_BYTES)
    try:
        body[_SPEED] = _bytes(speed)
        body[_CADENCE] = _bytes(status.cadence_rpm)
        body[_HEART_RATE] = _bytes(status.heart_rate_bpm)
    except OverflowError as error:
        raise ValueError(f"a value does not fit its field: {status}") from error
    body[_LEVEL] = 0xFF if status.level is None else status.level
    return seal(STATUS, bytes(body))


def _number(field: bytes) -> int | None:
    return None if field == b"\xff\xff" else int.from_bytes(field, "big")


def _bytes(number: int | None) -> bytes:
    return b"\xff\xff" if number is None else number.to_bytes(2, "big")


class Domyos(WireProtocol):
    """One connection."""

    evidence = Evidence.REAL_FRAMES
    gatts = (
        Gatt(
            service="49535343-fe7d-4ae5-8fa9-9fafd205e455",
            notify=("49535343-1e4d-4bd9-ba61-23c647249616",),
            command="49535343-8841-43f4-a8d4-ecbe34729bb3",
        ),
    )
    probe = GREETING[1]
    reports_own_number = True

    def __init__(self) -> None:
        super().__init__()
        self._frames = SumFrames(_LENGTHS)
        self._turns = Turns(GREETING, seal(ASK_STATUS, b""), EVERY_NS)
        self._has_turned = False
        self._rest_of_start: tuple[bytes, ...] = REST_OF_START
        #: When the rest of the start is due.
        self._rest_due_ns: int | None = None
        #: The part of a request that is still to be written.
        self._unwritten = b""

    @classmethod
    def recognises(cls, data: bytes) -> bool:
        # The link may have cut a status.
        is_part = len(data) == CUT_BYTES and data.startswith(bytes((START, STATUS)))
        return is_part or (is_sealed(data) and data[1] in _SIGNS)

    def feed(self, frame: Frame) -> list[Reading]:
        if frame.sent:
            return []
        readings = []
        for message in self._frames.feed(frame.data):
            if message[1] == self._turns.awaited[1] + ANSWER:
                self._turns.answered()
            status = decode_domyos_status(message)
            if status is not None:
                self._has_turned = self._has_turned or bool(status.cadence_rpm)
                readings.append(_reading(frame.at_ns, status))
        self.unusable_bytes = self._frames.unusable_bytes
        return [reading for reading in readings if reading.said()]

    def request(self, now_ns: int) -> bytes:
        data = self._unwritten or self._next(now_ns)
        self._unwritten = data[PART_BYTES:]
        return data[:PART_BYTES]

    def starts(self, request: bytes) -> bool:
        parts = (one[at : at + PART_BYTES] for one in REST_OF_START for at in (0, PART_BYTES))
        return bool(request) and request in parts

    def never_start(self) -> None:
        self._rest_of_start = ()

    def _next(self, now_ns: int) -> bytes:
        if self._turns.is_started and not self._has_turned:
            if self._rest_due_ns is None:
                self._rest_due_ns = now_ns + UNMOVED_NS
            elif now_ns >= self._rest_due_ns:
                self._turns.add(self._rest_of_start)
                self._rest_of_start = ()
        return self._turns.request(now_ns)


def _reading(at_ns: int, status: DomyosStatus) -> Reading:
    return Reading(
        at_ns=at_ns,
        cadence_rpm=status.cadence_rpm,
        # A console reports level 0 while it starts.
        resistance_raw=status.level or None,
        speed_kmh=status.speed_kmh,
        heart_rate_bpm=status.heart_rate_bpm or None,
    )
