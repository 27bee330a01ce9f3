"""Daum Ergobike premium (8i, 8080 pro …): text on a serial line, or on TCP port 51955.

9600 baud, 8N1; over the network, the port in the config is `socket://HOST:51955`. A message has the
same form in both directions:

    01 <letter and 2 digits> <payload> <2 digits: sum of all bytes since 01, modulo 100> 17

The receiver confirms it with 06, or asks for it again with 15. `X70` requests the ride. The payload
of its answer consists of up to 13 numbers, which are text separated by 1D:

    s, heart rate, m/s, slope in %, m, rpm, W, energy, energy, Nm, gear + 1, state, state of the rpm

Source: incyclist/devices (serial/daum/premium), johanlovgren/DaumErgoAnt.
"""

import re
from dataclasses import dataclass, fields
from enum import IntEnum

from drivers.protocols.base import Evidence, SerialLine, WireProtocol
from drivers.reading import Frame, Reading

RIDE = "X70"
_SEPARATOR = "\x1d"


class DaumControl(IntEnum):
    """A byte that is never part of a message's text."""

    BEGIN = 0x01
    CONFIRM = 0x06
    REFUSE = 0x15
    END = 0x17


CONFIRM = bytes((DaumControl.CONFIRM,))
REFUSE = bytes((DaumControl.REFUSE,))

#: The longest message that is held; a ride has about 80 bytes.
MAX_MESSAGE_BYTES = 200

#: The interval from an answer to the next request …
ASK_EVERY_NS = 500_000_000
#: … and from a request without an answer.
ANSWER_NS = 2_000_000_000
#: A request that the bike refused is sent again after this time.
AGAIN_NS = 100_000_000

_BODY = re.compile(r"([A-Z]\d\d)([^\x01\x06\x15\x17]*)(\d\d)", re.ASCII | re.DOTALL)
_NUMBER = re.compile(r"-?\d{1,7}(\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class DaumMessage:
    """A message in either direction. Its payload is text in Latin-1."""

    command: str
    payload: str = ""


@dataclass(frozen=True, slots=True)
class PremiumRide:
    """The answer to RIDE, in the order of the line; None: not sent, or not a number."""

    time_s: float | None = None
    #: 0: not measured.
    heart_rate_bpm: float | None = None
    speed_m_per_s: float | None = None
    slope_percent: float | None = None
    distance_m: float | None = None
    cadence_rpm: float | None = None
    power_w: float | None = None
    #: The units of both energies are not published.
    physical_energy: float | None = None
    real_energy: float | None = None
    torque_nm: float | None = None
    #: 0: no gear.
    gear_plus_1: float | None = None
    state: float | None = None
    #: 0: right, 1: too low, 2: too high.
    cadence_state: float | None = None


_FIELDS = len(fields(PremiumRide))


def encode_message(message: DaumMessage) -> bytes:
    """Encode a message, from 01 to 17."""
    text = f"{message.command}{message.payload}".encode("latin-1")
    return bytes((DaumControl.BEGIN, *text, *_checksum(text), DaumControl.END))


def decode_message(data: bytes) -> DaumMessage | None:
    """Decode a message, from 01 to 17; return None unless `data` is exactly one."""
    match tuple(data):
        case (DaumControl.BEGIN, *body, DaumControl.END):
            return _decode_body(bytes(body))
        case _:
            return None


def encode_ride(ride: PremiumRide) -> DaumMessage:
    """Encode the answer to RIDE."""
    values = [getattr(ride, field.name) for field in fields(PremiumRide)]
    text = _SEPARATOR.join("" if value is None else str(value) for value in values)
    return DaumMessage(RIDE, text.rstrip(_SEPARATOR))


def decode_ride(message: DaumMessage) -> PremiumRide | None:
    """Decode the answer to RIDE; return None for another message."""
    if message.command != RIDE:
        return None
    return PremiumRide(*map(_number, message.payload.split(_SEPARATOR)[:_FIELDS]))


def _checksum(text: bytes) -> bytes:
    return f"{sum(text) % 100:02d}".encode()


def _decode_body(body: bytes) -> DaumMessage | None:
    """Decode what is between 01 and 17."""
    found = _BODY.fullmatch(body.decode("latin-1"))
    if found is None or _checksum(body[:-2]) != body[-2:]:
        return None
    return DaumMessage(found[1], found[2])


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    return float(text) if "." in text else int(text)


class DaumPremium(WireProtocol):
    """The client of a Daum premium: it requests the ride and confirms the answer."""

    evidence = Evidence.EXAMPLES
    line = SerialLine(baud_rates=(9600,))
    stale_after_s = 3.0
    reports_own_number = True

    def __init__(self) -> None:
        super().__init__()
        self._ask_ns = 0
        self._is_unanswered = False
        #: CONFIRM or REFUSE, if one is due.
        self._reply = b""
        #: The bytes of the message that has begun, without 01.
        self._held = bytearray()

    def feed(self, frame: Frame) -> list[Reading]:
        """Return the Readings of the rides that end within `frame`, in order."""
        readings = []
        for byte in b"" if frame.sent else frame.data:
            match byte:
                case DaumControl.BEGIN:
                    self._drop()
                case DaumControl.CONFIRM:
                    pass
                case DaumControl.REFUSE:
                    self._is_unanswered = False
                    self._ask_ns = min(self._ask_ns, frame.at_ns + AGAIN_NS)
                case DaumControl.END:
                    readings += self._take_message(frame.at_ns)
                case _:
                    self._hold(byte)
        return readings

    def request(self, now_ns: int) -> bytes:
        """Return the reply to the last answer, or the request for the ride.

        A bike that does not answer may still wait for a confirmation that was lost, perhaps on the
        last connection, and gets it first.
        """
        if self._reply:
            reply, self._reply = self._reply, b""
            return reply
        if now_ns < self._ask_ns:
            return b""
        self._ask_ns = now_ns + ANSWER_NS
        confirmation = CONFIRM if self._is_unanswered else b""
        self._is_unanswered = True
        return confirmation + encode_message(DaumMessage(RIDE))

    def _hold(self, byte: int) -> None:
        if len(self._held) == MAX_MESSAGE_BYTES:
            self._drop()
        self._held.append(byte)

    def _drop(self) -> None:
        self.unusable_bytes += len(self._held)
        self._held.clear()

    def _take_message(self, at_ns: int) -> list[Reading]:
        """Return the Reading of the message that ends here, if any, and note the reply to it.

        The message may have lost its 01: its checksum is enough.
        """
        message = _decode_body(bytes(self._held))
        if message is None:
            self._drop()
            self._reply = REFUSE
            return []
        self._held.clear()
        self._reply = CONFIRM
        self._is_unanswered = False
        ride = decode_ride(message)
        if ride is None:
            return []
        self._ask_ns = at_ns + ASK_EVERY_NS
        reading = _reading(at_ns, ride)
        return [] if reading == Reading(at_ns) else [reading]


def _reading(at_ns: int, ride: PremiumRide) -> Reading:
    return Reading(
        at_ns,
        cadence_rpm=ride.cadence_rpm,
        resistance_raw=ride.gear_plus_1 - 1 if ride.gear_plus_1 else None,
        power_w=ride.power_w,
        speed_kmh=None if ride.speed_m_per_s is None else ride.speed_m_per_s * 3.6,
        distance_m=ride.distance_m,
        heart_rate_bpm=ride.heart_rate_bpm or None,
    )
