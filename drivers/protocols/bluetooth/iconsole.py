"""iConsole+ and Toorx: the protocol of their consoles, which answer once they have been taken over.

    F0 <op> <client> <meter> <body> <sum of all bytes before it>

The op of an answer is 10 (hex) above that of its request. Each byte of a body is a number plus 1; a
number of two bytes is in base 100, its big end first. A2 reads, and B2 answers:

    0 minutes   1 seconds    2-3 speed, 0.1 km/h   4-5 cadence, 1/min   6-7 distance, 0.1 km
    8-9 energy, kcal   10-11 heart rate, 1/min   12-13 power, 0.1 W   14 level   15 1: running,
    left out by some consoles (Tunturi)

A console reports zeros until A0 has taken it over. Its display then goes dark and its keys do
nothing, until some seconds after the last request. The level is never set (A6). A console that
expects other numbers of client and meter answers A0 with B7, which contains them. Answers of 19
bytes (JLL IC400, Asviva, Fytter RI-08, Hammer Speed Bike S, Pasyou) have another layout, of which
only a part is known; they are not decoded.

Source: haraldh/iconsole, #2; vmedea/iconsole; gissleh/iconsole-bike-client; which models speak it:
cagnulein/qdomyos-zwift src/devices/trxappgateusbbike, src/devices/bluetooth.cpp.
"""

from dataclasses import dataclass, replace

from drivers.protocols.base import Evidence, Gatt, WireProtocol, sig_uuid
from drivers.protocols.bluetooth.sum_frames import OVERHEAD_BYTES, SumFrames, is_sealed, seal
from drivers.protocols.bluetooth.turns import Restarts, Turns
from drivers.reading import Frame, Reading

HELLO = 0xA0
STATUS = 0xA1
READ = 0xA2
MODE = 0xA3
TARGETS = 0xA4
START = 0xA5
#: Added to the op of a request, it gives that of the answer.
ANSWER = 0x10
#: The answer to a request with other ids than the console's.
OTHER_IDS = 0xB7

#: The numbers of client and meter that most consoles expect.
IDS = (0x01, 0x01)
#: The numbers of the meter of a rower, whose data has another layout.
_ROWERS = frozenset({0xE7, 0xE8})

#: With and without the last byte.
_DATA_BYTES = (16, 15)
#: The highest digit in base 100.
_DIGIT_MAX = 99
_LENGTHS = {
    0xB0: (5,),
    0xB1: (6,),
    0xB2: tuple(OVERHEAD_BYTES + len(IDS) + size for size in _DATA_BYTES),
    0xB3: (6,),
    0xB4: (15,),
    0xB5: (6,),
    0xB6: (6,),
    OTHER_IDS: (6, 5),
}

#: How often a console may expect other ids than it did before.
MAX_OTHER_IDS = 5

#: The interval between two requests, as the consoles' own app keeps it.
EVERY_NS = 500_000_000
#: How long a console may be stopped with its pedals at rest before it is started again, at first.
STOPPED_NS = 3_000_000_000
#: A jump of the cadence by more than the first, to the second or more, is believed once it has
#: lasted: the Ride6 iPlus sends 02 as the first byte of its cadence now and then.
JUMP_RPM, JUMP_TO_RPM = 60, 100
JUMP_NS = 3_000_000_000


@dataclass(frozen=True, slots=True)
class IconsoleData:
    """The body of B2. None: the console has sent no valid number."""

    cadence_rpm: int | None = None
    power_w: float | None = None
    level: int | None = None
    speed_kmh: float | None = None
    distance_km: float | None = None
    energy_kcal: int | None = None
    #: 0: no sensor.
    heart_rate_bpm: int | None = None
    minutes: int | None = None
    seconds: int | None = None
    is_running: bool = True


@dataclass(frozen=True, slots=True)
class IconsoleMessage:
    """A request or an answer."""

    op: int
    ids: tuple[int, int] = IDS
    body: bytes = b""


def decode_iconsole_message(data: bytes) -> IconsoleMessage | None:
    """Decode a message; return None unless `data` is exactly one."""
    if not is_sealed(data) or len(data) < OVERHEAD_BYTES + len(IDS):
        return None
    return IconsoleMessage(data[1], (data[2], data[3]), data[4:-1])


def encode_iconsole_message(message: IconsoleMessage) -> bytes:
    """Encode a message. Raises ValueError for a number that does not fit a byte."""
    return seal(message.op, bytes(message.ids) + message.body)


def decode_iconsole_data(body: bytes) -> IconsoleData | None:
    """Decode the body of B2; return None for another length."""
    if len(body) not in _DATA_BYTES:
        return None
    numbers = [byte - 1 if byte else None for byte in body]

    def pair(at: int) -> int | None:
        high, low = numbers[at], numbers[at + 1]
        if high is None or low is None or max(high, low) > _DIGIT_MAX:
            return None
        return 100 * high + low

    return IconsoleData(
        minutes=numbers[0],
        seconds=numbers[1],
        speed_kmh=_tenths(pair(2)),
        cadence_rpm=pair(4),
        distance_km=_tenths(pair(6)),
        energy_kcal=pair(8),
        heart_rate_bpm=pair(10),
        power_w=_tenths(pair(12)),
        level=numbers[14],
        is_running=numbers[15:] in ([], [1]),
    )


def encode_iconsole_data(data: IconsoleData) -> bytes:
    """Encode the body of B2. Raises ValueError for a value that does not fit its field."""
    pairs = (
        _in_tenths(data.speed_kmh),
        data.cadence_rpm,
        _in_tenths(data.distance_km),
        data.energy_kcal,
        data.heart_rate_bpm,
        _in_tenths(data.power_w),
    )
    digits = [digit for pair in pairs for digit in _split(pair)]
    numbers = (data.minutes, data.seconds, *digits, data.level, int(data.is_running))
    known = [number for number in numbers if number is not None]
    if min(known) < 0 or any(digit is not None and digit > _DIGIT_MAX for digit in digits):
        raise ValueError(f"a value does not fit its field: {data}")
    return bytes(0 if number is None else number + 1 for number in numbers)


def _tenths(number: int | None) -> float | None:
    return None if number is None else number / 10


def _in_tenths(value: float | None) -> int | None:
    return None if value is None else round(value * 10)


def _split(number: int | None) -> tuple[int | None, int | None]:
    return (None, None) if number is None else divmod(number, 100)


def start_of(ids: tuple[int, int]) -> tuple[bytes, ...]:
    """Return the requests that make a console report its values, with no target for the ride."""
    requests = (
        IconsoleMessage(HELLO, ids),
        IconsoleMessage(STATUS, ids),
        IconsoleMessage(MODE, ids, b"\x01"),
        IconsoleMessage(TARGETS, ids, b"\x01" * 10),
        IconsoleMessage(START, ids, b"\x02"),
    )
    return tuple(encode_iconsole_message(request) for request in requests)


class Iconsole(WireProtocol):
    """One connection. The power is the console's own estimate, far off on some models."""

    evidence = Evidence.REAL_FRAMES
    gatts = (
        Gatt(service=sig_uuid(0xFFF0), notify=(sig_uuid(0xFFF1),), command=sig_uuid(0xFFF2)),
        Gatt(
            service="49535343-fe7d-4ae5-8fa9-9fafd205e455",
            notify=("49535343-1e4d-4bd9-ba61-23c647249616",),
            command="49535343-8841-43f4-a8d4-ecbe34729bb3",
        ),
    )
    probe = encode_iconsole_message(IconsoleMessage(HELLO))
    reports_own_number = True

    def __init__(self) -> None:
        super().__init__()
        self._frames = SumFrames(_LENGTHS)
        self._restarts = Restarts(STOPPED_NS)
        #: The last cadence that was believed, and its time.
        self._cadence: tuple[int, int] | None = None
        self._other_ids = 0
        self._may_start = True
        self._use(IDS)

    @classmethod
    def recognises(cls, data: bytes) -> bool:
        message = decode_iconsole_message(data)
        if message is None or message.ids[1] in _ROWERS:
            return False
        return len(data) in _LENGTHS.get(message.op, ())

    def feed(self, frame: Frame) -> list[Reading]:
        if frame.sent:
            return []
        readings = []
        for data in self._frames.feed(frame.data):
            message = decode_iconsole_message(data)
            if message is None or message.ids[1] in _ROWERS:
                self._frames.unusable_bytes += len(data)
            else:
                readings += self._understood(frame.at_ns, message)
        self.unusable_bytes = self._frames.unusable_bytes
        return readings

    def request(self, now_ns: int) -> bytes:
        return self._turns.request(now_ns)

    def starts(self, request: bytes) -> bool:
        return request == start_of(self._ids)[-1]

    def never_start(self) -> None:
        self._may_start = False
        self._use(self._ids)

    def _use(self, ids: tuple[int, int]) -> None:
        """Start from the beginning, with the numbers of client and meter that are expected."""
        self._ids = ids
        start = start_of(ids) if self._may_start else start_of(ids)[:-1]
        self._turns = Turns(start, encode_iconsole_message(IconsoleMessage(READ, ids)), EVERY_NS)

    def _understood(self, at_ns: int, message: IconsoleMessage) -> list[Reading]:
        if message.op == OTHER_IDS and message.ids != self._ids:
            self._other_ids += 1
            if self._other_ids <= MAX_OTHER_IDS:
                self._use(message.ids)
        elif message.op == self._turns.awaited[1] + ANSWER:
            self._turns.answered()
        if message.op != READ + ANSWER:
            return []
        data = decode_iconsole_data(message.body)
        if data is None:
            self._frames.unusable_bytes += OVERHEAD_BYTES + len(IDS) + len(message.body)
            return []
        if self._is_jump(at_ns, data.cadence_rpm):
            data = replace(data, cadence_rpm=None)
        self._keep_running(at_ns, data)
        reading = _reading(at_ns, data)
        return [reading] if reading.said() else []

    def _is_jump(self, at_ns: int, cadence_rpm: int | None) -> bool:
        """Return whether no rider can have reached a cadence since the one before it."""
        if cadence_rpm is None:
            return False
        if self._cadence is not None and cadence_rpm >= JUMP_TO_RPM:
            before_rpm, before_ns = self._cadence
            if cadence_rpm - before_rpm > JUMP_RPM and at_ns - before_ns < JUMP_NS:
                return True
        self._cadence = cadence_rpm, at_ns
        return False

    def _keep_running(self, at_ns: int, data: IconsoleData) -> None:
        """Start a console again that has stopped, as it reports zeros until then."""
        if data.cadence_rpm:
            self._restarts.turned()
        is_stopped = self._may_start and not (data.is_running or data.cadence_rpm)
        if self._restarts.is_due(at_ns, is_stopped and self._turns.is_started):
            self._turns.add(start_of(self._ids)[-1:])


def _reading(at_ns: int, data: IconsoleData) -> Reading:
    """Convert the data to a Reading. A speed or power of 0 is unknown, unless the pedals rest."""
    is_turning = data.cadence_rpm != 0
    return Reading(
        at_ns=at_ns,
        cadence_rpm=data.cadence_rpm,
        resistance_raw=data.level or None,
        power_w=data.power_w or (None if is_turning else data.power_w),
        speed_kmh=data.speed_kmh or (None if is_turning else data.speed_kmh),
        distance_m=None if data.distance_km is None else data.distance_km * 1000,
        heart_rate_bpm=data.heart_rate_bpm or None,
    )
