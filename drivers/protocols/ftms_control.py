"""FTMS beside its stream of data: what a bike says of itself, and how it answers commands.

Source: Fitness Machine Service 1.0.1, sections 4.3, 4.10 … 4.17; the oddities from
dudanov/python-pyftms #17, zacharyedwardbull/pycycling #4 and #47, doudar/SmartSpin2k #573. All
numbers little-endian. Every decoder is total; None or an empty answer means that the bytes said
nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from drivers.protocols.base import sig_uuid

FEATURE_UUID = sig_uuid(0x2ACC)
TRAINING_STATUS_UUID = sig_uuid(0x2AD3)
RESISTANCE_RANGE_UUID = sig_uuid(0x2AD6)
CONTROL_POINT_UUID = sig_uuid(0x2AD9)

_FEATURES = (
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

_MACHINE_AVAILABLE = 1 << 0
_INDOOR_BIKE = 1 << 5


def decode_features(data: bytes) -> list[str]:
    """The machine features of 0x2ACC by name; some bikes send fewer than its 8 bytes.

    Good for a log and no more: bikes claim what they never send (pycycling #47).
    """
    bits = int.from_bytes(data[:4], "little")
    return [name for bit, name in enumerate(_FEATURES) if bits & (1 << bit)]


def encode_features(names: list[str]) -> bytes:
    """0x2ACC with these machine features and no target settings."""
    bits = sum(1 << _FEATURES.index(name) for name in names)
    return bits.to_bytes(4, "little") + bytes(4)


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


def encode_range(value: ControlRange) -> bytes:
    """In two bytes each. Raises OverflowError for what they cannot hold."""
    return (
        value.minimum.to_bytes(2, "little", signed=True)
        + value.maximum.to_bytes(2, "little", signed=True)
        + value.step.to_bytes(2, "little")
    )


class ControlCommand(Enum):
    """What the control point (0x2AD9) may be told. No targets: a bike is read, never steered."""

    REQUEST_CONTROL = b"\x00"
    RESET = b"\x01"
    START_OR_RESUME = b"\x07"
    STOP = b"\x08\x01"
    PAUSE = b"\x08\x02"


def decode_command(data: bytes) -> ControlCommand | None:
    """None for any other command."""
    return next((command for command in ControlCommand if command.value == data), None)


def encode_command(command: ControlCommand) -> bytes:
    return command.value


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


def encode_response(response: ControlResponse) -> bytes:
    return bytes((_RESPONSE, response.command, response.result))


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


def encode_training_status(status: TrainingStatus) -> bytes:
    """Raises ValueError for what does not fit."""
    flags = _HAS_TEXT if status.text else 0
    return bytes((flags, status.number)) + status.text.encode()


def describe_training_status(data: bytes) -> str:
    """For a log."""
    status = decode_training_status(data)
    if status is None:
        return f"{data.hex() or 'nothing'}, which is no training status"
    known = status.number < len(_TRAININGS)
    words = _TRAININGS[status.number] if known else f"training status {status.number:#04x}"
    return f"{words}: {status.text!r}" if status.text else words


@dataclass(frozen=True, slots=True)
class _Number:
    """How one parameter of a machine status lies on the wire."""

    size_bytes: int
    #: Stands behind the value.
    unit: str = ""
    counts_per_unit: int = 1
    signed: bool = False
    #: For those that are no quantity.
    words: Mapping[float, str] = field(default_factory=dict)

    def decode(self, data: bytes) -> float:
        count = int.from_bytes(data, "little", signed=self.signed)
        return count if self.counts_per_unit == 1 else count / self.counts_per_unit

    def encode(self, value: float) -> bytes:
        count = round(value * self.counts_per_unit)
        return count.to_bytes(self.size_bytes, "little", signed=self.signed)

    def describe(self, value: float) -> str:
        return self.words.get(value, f"{value:.10g} {self.unit}".rstrip())


_ZONE_TIME = _Number(2, "s")
_RESISTANCE_CHANGED = 0x07
_RESISTANCE = _Number(2, counts_per_unit=10, signed=True)
#: As the control point takes it, and some machines send it back.
_NARROW_RESISTANCE = _Number(1, counts_per_unit=10)

#: By op code: what happened, and the parameters that follow.
_EVENTS: Mapping[int, tuple[str, tuple[_Number, ...]]] = {
    0x01: ("reset", ()),
    0x02: ("ended by the rider", (_Number(1, words={1: "stopped", 2: "paused"}),)),
    0x03: ("stopped by the safety key", ()),
    0x04: ("started or resumed by the rider", ()),
    0x05: ("target speed", (_Number(2, "km/h", 100),)),
    0x06: ("target incline", (_Number(2, "%", 10, signed=True),)),
    _RESISTANCE_CHANGED: ("target resistance", (_RESISTANCE,)),
    0x08: ("target power", (_Number(2, "W", signed=True),)),
    0x09: ("target heart rate", (_Number(1, "bpm"),)),
    0x0A: ("target energy", (_Number(2, "kcal"),)),
    0x0B: ("target steps", (_Number(2),)),
    0x0C: ("target strides", (_Number(2),)),
    0x0D: ("target distance", (_Number(3, "m"),)),
    0x0E: ("target time", (_Number(2, "s"),)),
    0x0F: ("target times in 2 heart rate zones", (_ZONE_TIME,) * 2),
    0x10: ("target times in 3 heart rate zones", (_ZONE_TIME,) * 3),
    0x11: ("target times in 5 heart rate zones", (_ZONE_TIME,) * 5),
    0x12: (
        "simulation",
        (
            _Number(2, "m/s wind", 1000, signed=True),
            _Number(2, "% grade", 100, signed=True),
            _Number(1, "rolling resistance", 10_000),
            _Number(1, "kg/m wind resistance", 100),
        ),
    ),
    0x13: ("wheel circumference", (_Number(2, "mm", 10),)),
    0x14: (
        "spin down",
        (_Number(1, words={1: "requested", 2: "succeeded", 3: "failed", 4: "stop pedalling"}),),
    ),
    0x15: ("target cadence", (_Number(2, "rpm", 2),)),
    0xFF: ("control was taken away", ()),
}


@dataclass(frozen=True, slots=True)
class MachineStatus:
    """What happened to the machine: the op code, and its parameters in the units of the words."""

    op: int
    values: tuple[float, ...] = ()


def decode_machine_status(data: bytes) -> MachineStatus | None:
    """0x2ADA; None for no bytes. Parameters are read for as long as their bytes last.

    Those of an unknown op code are left out.
    """
    if not data:
        return None
    op, values, at = data[0], [], 1
    for number in _parameters(op, len(data)):
        end = at + number.size_bytes
        if end > len(data):
            break
        values.append(number.decode(data[at:end]))
        at = end
    return MachineStatus(op, tuple(values))


def _parameters(op: int, length_bytes: int) -> tuple[_Number, ...]:
    """A resistance is sent in two bytes or, in a status of this length, in one."""
    if op == _RESISTANCE_CHANGED and length_bytes == 2:
        return (_NARROW_RESISTANCE,)
    return _EVENTS[op][1] if op in _EVENTS else ()


def encode_machine_status(status: MachineStatus) -> bytes:
    """A resistance in two bytes.

    Raises ValueError unless the values are those that the op code takes, OverflowError for one
    that does not fit.
    """
    numbers = _parameters(status.op, length_bytes=0)
    body = (number.encode(value) for number, value in zip(numbers, status.values, strict=True))
    return bytes((status.op,)) + b"".join(body)


def describe_machine_status(data: bytes) -> str:
    """For a log."""
    status = decode_machine_status(data)
    if status is None:
        return "nothing, which is no machine status"
    if status.op not in _EVENTS:
        return f"machine status {data.hex()}"
    words, numbers = _EVENTS[status.op]
    said = ", ".join(n.describe(v) for n, v in zip(numbers, status.values, strict=False))
    return f"{words}: {said}" if said else words


def is_indoor_bike(service_data: bytes) -> bool | None:
    """Of an advertisement's service data for 0x1826: flags, then the machine's type as bits.

    None if no type is said. The type comes in one byte or in two, in either order: real bikes
    do all of it (pyftms), so the bit is looked for in both.
    """
    types = service_data[1:3]
    if not any(types):
        return None
    return any(byte & _INDOOR_BIKE for byte in types)


def encode_service_data() -> bytes:
    """That of an indoor bike that can be used."""
    return bytes((_MACHINE_AVAILABLE,)) + _INDOOR_BIKE.to_bytes(2, "little")
