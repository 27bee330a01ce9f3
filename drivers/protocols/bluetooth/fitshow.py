"""FitShow and FitPlus: the protocol of their consoles, which answer one request at a time.

    02 <op> <body> <exclusive or of op and body> 03

Each request is one message, each notification one or two. An answer has the op of its request.
Numbers are little-endian. 42 asks for the status:

    0 state   1-2 speed, 0.01 km/h   3 level   4-5 cadence, 1/min   6 heart rate, 1/min
    7-8 power, 0.1 W   9 incline   10 segment of the programme, left out by some consoles

Only a running or paused workout has values. So a console that stays idle is started, as its own app
would do. Its display then shows the workout that the gateway has started, and its keys still work.
The level is never set. The power is approximate: a console may even count it in whole W.

Source: the FitShow SDK for iOS; cagnulein/qdomyos-zwift src/devices/fitplusbike, #595, #1526, and
its test of a Sportstech FS-IB50.
"""

import struct
from dataclasses import dataclass
from functools import reduce
from operator import xor

from drivers.protocols.base import Evidence, Gatt, WireProtocol, sig_uuid
from drivers.protocols.bluetooth.turns import Restarts, Turns
from drivers.reading import Frame, Reading

LIMITS = 0x41
STATUS = 0x42
CONTROL = 0x44
_OPS = (LIMITS, STATUS, CONTROL)

IDLE = 0
STARTING = 1
RUNNING = 2
PAUSED = 3

_BEGIN, _END = 0x02, 0x03
#: 02 and op before the body, the exclusive or and 03 after it.
_OVERHEAD_BYTES = 4
#: More than any message.
_LONGEST_BYTES = 40
#: Speed, level, cadence, heart rate, power and incline, after the state.
_VALUES = struct.Struct("<HBHBHB")
#: The position of the settings in the body of the limits, and their bit for miles.
_SETTINGS_AT, _MILES = 3, 0x01
#: No console has more levels.
LEVEL_MAX = 32
#: A higher number is not a cadence. Some consoles send a status of another layout, of which only a
#: part is known: there, this field is ten times the speed in km/h, and the heart rate the cadence.
CADENCE_MAX_RPM = 200

#: The interval between two requests.
EVERY_NS = 300_000_000
#: How long the rest of a message may take: less than the next answer does.
REST_NS = 200_000_000
#: How long a console may be idle before it is started for the first time.
IDLE_NS = 3_000_000_000


@dataclass(frozen=True, slots=True)
class FitshowMessage:
    """A request or an answer."""

    op: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class FitshowStatus:
    """The body of 42. All values are 0 unless the workout runs or is paused."""

    state: int = RUNNING
    speed_kmh: float = 0.0
    level: int = 0
    cadence_rpm: int = 0
    #: 0: no sensor.
    heart_rate_bpm: int = 0
    power_w: float = 0.0
    incline: int = 0
    segment: int | None = None

    @property
    def has_values(self) -> bool:
        return self.state in (RUNNING, PAUSED)


def decode_fitshow_message(data: bytes) -> FitshowMessage | None:
    """Decode a message; return None unless `data` is exactly one."""
    if len(data) < _OVERHEAD_BYTES or data[0] != _BEGIN or data[-1] != _END:
        return None
    op_and_body = data[1:-2]
    if reduce(xor, op_and_body) != data[-2]:
        return None
    return FitshowMessage(op_and_body[0], op_and_body[1:])


def _messages_in(data: bytes) -> tuple[list[FitshowMessage], int]:
    """Return the messages that end `data`, without a gap, and the number of bytes before them.

    The check is a single byte, so a message after other bytes counts only if its op is known. The
    shortest messages are taken, because three in a row also pass the check as a single one.
    """
    found: dict[int, list[FitshowMessage]] = {len(data): []}
    for start in reversed(range(len(data) - _OVERHEAD_BYTES + 1)):
        for end in sorted(found):
            message = decode_fitshow_message(data[start:end])
            if message is not None and (start == 0 or message.op in _OPS):
                found[start] = [message, *found[end]]
                break
    start = min(found)
    return found[start], start


def _beginning_in(data: bytes) -> bytes:
    """Return the end of `data` that may be the beginning of a message."""
    end = data[-_LONGEST_BYTES:]
    at = end.find(_BEGIN)
    return b"" if at < 0 else end[at:]


def encode_fitshow_message(message: FitshowMessage) -> bytes:
    """Encode a message. Raises ValueError unless the op fits a byte."""
    op_and_body = bytes((message.op,)) + message.body
    return bytes((_BEGIN, *op_and_body, reduce(xor, op_and_body), _END))


def decode_fitshow_status(body: bytes) -> FitshowStatus | None:
    """Decode the body of a status; return None if it is too short for its state."""
    if not body:
        return None
    if not FitshowStatus(body[0]).has_values:
        return FitshowStatus(body[0])
    values, segment = body[1 : 1 + _VALUES.size], body[1 + _VALUES.size :]
    if len(values) < _VALUES.size:
        return None
    speed, level, cadence, heart_rate, power, incline = _VALUES.unpack(values)
    return FitshowStatus(
        state=body[0],
        speed_kmh=speed / 100,
        level=level,
        cadence_rpm=cadence,
        heart_rate_bpm=heart_rate,
        power_w=power / 10,
        incline=incline,
        segment=segment[0] if segment else None,
    )


def encode_fitshow_status(status: FitshowStatus) -> bytes:
    """Encode the body of a status. Raises ValueError for a value that does not fit its field."""
    state = bytes((status.state,))
    if not status.has_values:
        return state
    try:
        values = _VALUES.pack(
            round(status.speed_kmh * 100),
            status.level,
            status.cadence_rpm,
            status.heart_rate_bpm,
            round(status.power_w * 10),
            status.incline,
        )
    except struct.error as error:
        raise ValueError(f"a value does not fit its field: {error}") from error
    return state + values + (b"" if status.segment is None else bytes((status.segment,)))


POLL = encode_fitshow_message(FitshowMessage(STATUS))
ASK_LIMITS = encode_fitshow_message(FitshowMessage(LIMITS, b"\x02"))
#: Prepares and starts a workout.
START = (
    encode_fitshow_message(FitshowMessage(CONTROL, b"\x01")),
    encode_fitshow_message(FitshowMessage(CONTROL, b"\x02")),
)


class Fitshow(WireProtocol):
    """One connection."""

    evidence = Evidence.EXAMPLES
    gatts = (Gatt(service=sig_uuid(0xFFF0), notify=(sig_uuid(0xFFF1),), command=sig_uuid(0xFFF2)),)
    probe = POLL
    reports_own_number = True

    def __init__(self) -> None:
        super().__init__()
        self._turns = Turns((ASK_LIMITS,), POLL, EVERY_NS)
        self._restarts = Restarts(IDLE_NS)
        self._is_in_miles = False
        #: The beginning of a message that may go on in the next notification, and its time.
        self._begun = b""
        self._begun_ns = 0
        self._may_start = True

    @classmethod
    def recognises(cls, data: bytes) -> bool:
        messages, others_bytes = _messages_in(data)
        return not others_bytes and any(one.op == STATUS and one.body for one in messages)

    def feed(self, frame: Frame) -> list[Reading]:
        if frame.sent:
            return []
        messages = self._completed(frame.at_ns, frame.data)
        return [one for message in messages for one in self._understood(frame.at_ns, message)]

    def _completed(self, at_ns: int, notification: bytes) -> list[FitshowMessage]:
        """Return the messages that a notification completes."""
        is_whole = not _messages_in(notification)[1]
        if is_whole or at_ns - self._begun_ns > REST_NS:
            # The rest of what had begun was lost.
            self.unusable_bytes += len(self._begun)
            self._begun = b""
        data = self._begun + notification
        messages, others_bytes = _messages_in(data)
        self._begun = b"" if messages else _beginning_in(data)
        self._begun_ns = at_ns
        self.unusable_bytes += others_bytes - len(self._begun)
        return messages

    def _understood(self, at_ns: int, message: FitshowMessage) -> list[Reading]:
        if message.op == self._turns.awaited[1]:
            self._turns.answered()
        if message.op == LIMITS:
            settings = message.body[_SETTINGS_AT : _SETTINGS_AT + 1]
            self._is_in_miles = any(one & _MILES for one in settings)
        if message.op != STATUS:
            return []
        status = decode_fitshow_status(message.body)
        if status is None:
            self.unusable_bytes += _OVERHEAD_BYTES + len(message.body)
            return []
        self._keep_running(at_ns, status)
        return [self._reading(at_ns, status)] if status.has_values else []

    def request(self, now_ns: int) -> bytes:
        return self._turns.request(now_ns)

    def starts(self, request: bytes) -> bool:
        return request in START

    def never_start(self) -> None:
        self._may_start = False

    def _keep_running(self, at_ns: int, status: FitshowStatus) -> None:
        """Start the workout of a console that stays idle."""
        if status.cadence_rpm:
            self._restarts.turned()
        if self._restarts.is_due(at_ns, self._may_start and status.state == IDLE):
            self._turns.add(START)

    def _reading(self, at_ns: int, status: FitshowStatus) -> Reading:
        """Convert a status to a Reading. While the pedals turn, a power of 0 is unknown."""
        is_power_known = status.power_w > 0 or status.cadence_rpm == 0
        is_cadence = status.cadence_rpm <= CADENCE_MAX_RPM
        return Reading(
            at_ns=at_ns,
            cadence_rpm=status.cadence_rpm if is_cadence else None,
            resistance_raw=status.level if 1 <= status.level <= LEVEL_MAX else None,
            power_w=status.power_w if is_power_known else None,
            # Whether a console that shows miles also sends miles is not known.
            speed_kmh=None if self._is_in_miles else status.speed_kmh,
            heart_rate_bpm=(status.heart_rate_bpm or None) if is_cadence else None,
        )
