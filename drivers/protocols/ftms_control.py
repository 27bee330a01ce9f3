"""FTMS beside its stream of data: what a bike says of itself, and how it answers commands.

Source: Fitness Machine Service 1.0.1, sections 4.3, 4.10 … 4.17; the oddities from
dudanov/python-pyftms #17, zacharyedwardbull/pycycling #4 and #47, doudar/SmartSpin2k #573. All
numbers little-endian. Every decoder is total; None or an empty answer means that the bytes said
nothing.
"""

from dataclasses import dataclass

from drivers.protocols.base import sig_uuid

FEATURE_UUID = sig_uuid(0x2ACC)
TRAINING_STATUS_UUID = sig_uuid(0x2AD3)
RESISTANCE_RANGE_UUID = sig_uuid(0x2AD6)
CONTROL_POINT_UUID = sig_uuid(0x2AD9)

FEATURES = (
    *("average speed", "cadence", "total distance", "inclination", "elevation gain", "pace"),
    *("step count", "resistance level", "stride count", "expended energy", "heart rate"),
    *("metabolic equivalent", "elapsed time", "remaining time", "power", "force on belt"),
    "user data",
)
_COMMANDS = {0x00: "request control", 0x01: "reset", 0x07: "start or resume", 0x08: "stop or pause"}
_RESULTS = {
    0x01: "done",
    0x02: "not supported",
    0x03: "invalid parameter",
    0x04: "failed",
    0x05: "control not permitted",
}
_RESPONSE = 0x80

_INDOOR_BIKE = 1 << 5


def decode_features(data: bytes) -> list[str]:
    """The machine features of 0x2ACC by name; some bikes send fewer than its 8 bytes.

    Good for a log and no more: bikes claim what they never send (pycycling #47).
    """
    bits = int.from_bytes(data[:4], "little")
    return [name for bit, name in enumerate(FEATURES) if bits & (1 << bit)]


@dataclass(frozen=True, slots=True)
class ControlRange:
    """Least, most and step of a resistance (the bike's own unit) or a power (W), as sent."""

    minimum: int
    maximum: int
    step: int

    def __str__(self) -> str:
        return f"{self.minimum} … {self.maximum} by {self.step}"


def decode_range(data: bytes) -> ControlRange | None:
    """0x2AD6 or 0x2AD8: three numbers of two bytes each, or of one."""
    match len(data):
        case 6:
            minimum = int.from_bytes(data[0:2], "little", signed=True)
            maximum = int.from_bytes(data[2:4], "little", signed=True)
            return ControlRange(minimum, maximum, int.from_bytes(data[4:6], "little"))
        case 3:
            return ControlRange(*data)
        case _:
            return None


@dataclass(frozen=True, slots=True)
class ControlResponse:
    """The control point's answer to a command, both by number."""

    command: int
    result: int


def decode_response(data: bytes) -> ControlResponse | None:
    """0x2AD9, an indication; what follows the result is parameters and left out."""
    if len(data) < 3 or data[0] != _RESPONSE:
        return None
    return ControlResponse(data[1], data[2])


def describe_response(data: bytes) -> str:
    """For a log."""
    response = decode_response(data)
    if response is None:
        return f"{data.hex() or 'nothing'}, which is no answer"
    command = _COMMANDS.get(response.command, f"command {response.command:#04x}")
    return f"{command}: {_RESULTS.get(response.result, f'result {response.result:#04x}')}"


_TRAININGS = (
    *("other", "idle", "warming up", "low intensity interval", "high intensity interval"),
    *("recovery interval", "isometric", "heart rate control", "fitness test"),
    *("speed too low", "speed too high", "cool down", "watt control", "manual (quick start)"),
    *("before the workout", "after the workout"),
)
_HAS_TEXT = 1 << 0


@dataclass(frozen=True, slots=True)
class TrainingStatus:
    """The kind of exercise by number, and what the machine says of it in its own words."""

    number: int
    text: str = ""


def decode_training_status(data: bytes) -> TrainingStatus | None:
    """0x2AD3; None if it is shorter than flags and number: some machines send one byte.

    Bytes that are no UTF-8 are replaced by U+FFFD. A long text is cut by the machine.
    """
    if len(data) < 2:
        return None
    text = data[2:] if data[0] & _HAS_TEXT else b""
    return TrainingStatus(data[1], text.decode(errors="replace"))


def describe_training_status(data: bytes) -> str:
    """For a log."""
    status = decode_training_status(data)
    if status is None:
        return f"{data.hex() or 'nothing'}, which is no training status"
    known = status.number < len(_TRAININGS)
    words = _TRAININGS[status.number] if known else f"training status {status.number:#04x}"
    return f"{words}: {status.text!r}" if status.text else words


def is_indoor_bike(service_data: bytes) -> bool | None:
    """Of an advertisement's service data for 0x1826: flags, then the machine's type as bits.

    None if no type is said. The type comes in one byte or in two, in either order: real bikes
    do all of it (pyftms), so the bit is looked for in both.
    """
    types = service_data[1:3]
    if not any(types):
        return None
    return any(byte & _INDOOR_BIKE for byte in types)
