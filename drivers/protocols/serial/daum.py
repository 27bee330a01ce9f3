"""Daum Ergobike classic (8008, 8080, TRS, Fitness, Vita …): a serial line, binary.

9600 baud (old models: 4800), 8N1. Each request has one answer, which begins like the request:

    11                 which address?     11 <address>
    40 <address>       how is the ride?   40 <address> … 19 bytes in all, 17 from old models

The known bytes of the second answer:

    [4] above 0 while pedalled   [5] brake, 5 W         [6] rpm       [7] km/h
    [8-9] distance, 100 m        [10-11] time, s        [14] heart rate
    [16] gear, 1 to 28

Numbers of two bytes are little-endian. There is no checksum. Therefore an answer is accepted only
once after its request, and only if the length, the first two bytes and all values are plausible.

Source: incyclist/devices (serial/daum/classic), GoldenCheetah/GoldenCheetah (Daum).
"""

from dataclasses import dataclass
from enum import IntEnum

from drivers.protocols.base import Evidence, SerialLine, WireProtocol
from drivers.reading import Frame, Reading


class DaumOp(IntEnum):
    """The first byte of a request, and of its answer."""

    ADDRESS = 0x11
    RIDE = 0x40


RIDE_BYTES = 19
OLD_RIDE_BYTES = 17

#: The interval between requests; 8008 and 8080 need at least 50 ms, and answer within 20 ms.
ASK_EVERY_NS = 500_000_000
#: After this many requests in a row without an answer, the address may be wrong.
MAX_UNANSWERED = 3

#: 800 W, the largest brake power of any model.
_MAX_POWER_5W = 160
_MAX_RPM = 250
_MAX_KMH = 99
_MAX_BPM = 250
_GEARS = range(1, 29)


@dataclass(frozen=True, slots=True)
class DaumRequest:
    """A request to the bike. Only RIDE has an `address` (0 to 255)."""

    op: DaumOp
    address: int | None = None


@dataclass(frozen=True, slots=True)
class DaumRide:
    """The answer to a RIDE request, in the bike's own units."""

    address: int
    is_pedalled: bool
    #: The power that the brake is set to, even while the pedals are still.
    power_5w: int
    cadence_rpm: int
    speed_kmh: int
    distance_100m: int
    time_s: int
    #: 0: not measured.
    heart_rate_bpm: int
    #: 1 to 28 if the bike has gears.
    gear: int


def encode_request(request: DaumRequest) -> bytes:
    """Encode a request: 1 byte, or 2 with an address."""
    return bytes((request.op,) if request.address is None else (request.op, request.address))


def decode_request(data: bytes) -> DaumRequest | None:
    """Decode a request; return None unless `data` is exactly one."""
    match tuple(data):
        case (DaumOp.ADDRESS,):
            return DaumRequest(DaumOp.ADDRESS)
        case (DaumOp.RIDE, address):
            return DaumRequest(DaumOp.RIDE, address)
        case _:
            return None


def encode_address(address: int) -> bytes:
    """Encode the 2-byte answer with the bike's address."""
    return bytes((DaumOp.ADDRESS, address))


def decode_address(data: bytes) -> int | None:
    """Decode the answer with the bike's address; return None for anything else."""
    return data[1] if len(data) == 2 and data[0] == DaumOp.ADDRESS else None


def encode_ride(ride: DaumRide, size_bytes: int = RIDE_BYTES) -> bytes:
    """Encode the answer to a RIDE request, with 0 in the unknown bytes."""
    data = bytearray(size_bytes)
    data[:2] = DaumOp.RIDE, ride.address
    data[4:8] = ride.is_pedalled, ride.power_5w, ride.cadence_rpm, ride.speed_kmh
    data[8:10] = ride.distance_100m.to_bytes(2, "little")
    data[10:12] = ride.time_s.to_bytes(2, "little")
    data[14] = ride.heart_rate_bpm
    data[16] = ride.gear
    return bytes(data)


def decode_ride(data: bytes) -> DaumRide | None:
    """Decode the answer to a RIDE request; return None if its length or a value is impossible."""
    if len(data) not in (OLD_RIDE_BYTES, RIDE_BYTES) or data[0] != DaumOp.RIDE:
        return None
    ride = DaumRide(
        address=data[1],
        is_pedalled=data[4] > 0,
        power_5w=data[5],
        cadence_rpm=data[6],
        speed_kmh=data[7],
        distance_100m=int.from_bytes(data[8:10], "little"),
        time_s=int.from_bytes(data[10:12], "little"),
        heart_rate_bpm=data[14],
        gear=data[16],
    )
    can_be_one = (
        ride.power_5w <= _MAX_POWER_5W
        and ride.cadence_rpm <= _MAX_RPM
        and ride.speed_kmh <= _MAX_KMH
    )
    return ride if can_be_one else None


class Daum(WireProtocol):
    """The client of a Daum bike: it requests the address, then the ride. One Reading per answer."""

    evidence = Evidence.EXAMPLES
    line = SerialLine(baud_rates=(9600, 4800))
    stale_after_s = 3.0
    reports_own_number = True

    def __init__(self) -> None:
        super().__init__()
        self._address: int | None = None
        self._ask_ns = 0
        self._unanswered = 0
        #: The request that has not been answered yet.
        self._asked: DaumRequest | None = None
        #: The bytes received since that request, at most an answer's length.
        self._held = bytearray()
        self._ride_bytes: int | None = None

    def feed(self, frame: Frame) -> list[Reading]:
        """Return the Reading of the answer that ends within `frame`, if it was requested."""
        if frame.sent:
            self._expect_answer(decode_request(frame.data))
            return []
        readings = []
        for byte in frame.data:
            self._held.append(byte)
            ride = self._take_answer()
            if ride is not None:
                readings.append(_reading(frame.at_ns, ride))
            elif self._asked is None or len(self._held) > RIDE_BYTES:
                # After an answer with an address, `_held` is empty.
                self.unusable_bytes += len(self._held[:1])
                del self._held[:1]
        return readings

    def request(self, now_ns: int) -> bytes:
        """Request the address until it is known, then the ride; the address again after silence."""
        if now_ns < self._ask_ns:
            return b""
        self._ask_ns = now_ns + ASK_EVERY_NS
        if self._unanswered == MAX_UNANSWERED:
            self._address = None
        if self._address is None:
            return encode_request(DaumRequest(DaumOp.ADDRESS))
        self._unanswered += 1
        return encode_request(DaumRequest(DaumOp.RIDE, self._address))

    def _expect_answer(self, request: DaumRequest | None) -> None:
        """Expect the answer to `request`, and no longer that to the previous one."""
        if self._ride_bytes is None and self._answer(OLD_RIDE_BYTES):
            # Only now is it certain that the answer was complete with 17 bytes.
            self._ride_bytes = OLD_RIDE_BYTES
        else:
            self.unusable_bytes += len(self._held)
        self._held.clear()
        self._asked = request

    def _answer(self, size_bytes: int) -> DaumRide | None:
        """Return the requested ride, if it is in the last `size_bytes` bytes."""
        data = bytes(self._held[-size_bytes:])
        ride = decode_ride(data) if len(data) == size_bytes else None
        return ride if ride and self._asked == DaumRequest(DaumOp.RIDE, ride.address) else None

    def _take_answer(self) -> DaumRide | None:
        """Take the answer that ends here, if any: remember an address, return a ride."""
        if self._asked == DaumRequest(DaumOp.ADDRESS):
            address = decode_address(bytes(self._held[-2:]))
            if address is not None:
                self._address = address
                self._use_up(2)
            return None
        size_bytes = self._ride_bytes or RIDE_BYTES
        ride = self._answer(size_bytes)
        if ride is not None:
            self._ride_bytes = size_bytes
            self._use_up(size_bytes)
        return ride

    def _use_up(self, size_bytes: int) -> None:
        self.unusable_bytes += len(self._held) - size_bytes
        self._held.clear()
        self._asked = None
        self._unanswered = 0


def _reading(at_ns: int, ride: DaumRide) -> Reading:
    has_heart_rate = 0 < ride.heart_rate_bpm <= _MAX_BPM
    return Reading(
        at_ns,
        cadence_rpm=ride.cadence_rpm,
        resistance_raw=ride.gear if ride.gear in _GEARS else None,
        power_w=ride.power_5w * 5 if ride.is_pedalled else 0,
        speed_kmh=ride.speed_kmh,
        distance_m=ride.distance_100m * 100,
        heart_rate_bpm=ride.heart_rate_bpm if has_heart_rate else None,
    )
