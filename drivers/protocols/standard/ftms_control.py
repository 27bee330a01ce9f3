"""FTMS apart from its stream of data: a bike's features, and its answers to commands.

Source: Fitness Machine Service 1.0.1, sections 4.3, 4.10 … 4.17; the oddities are from
dudanov/python-pyftms #17, zacharyedwardbull/pycycling #4 and #47, doudar/SmartSpin2k #573. All
numbers are little-endian. Every decoder is total: it returns None or an empty value for bytes
that cannot be decoded.
"""

from dataclasses import dataclass

from drivers.protocols.base import sig_uuid

SERVICE_UUID = sig_uuid(0x1826)
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
#: The result of a command that was carried out.
SUCCESS = 0x01

_CROSS_TRAINER = 1 << 1
_INDOOR_BIKE = 1 << 5


def decode_features(data: bytes) -> list[str]:
    """Return the names of the features in 0x2ACC; some bikes send fewer than its 8 bytes.

    Use them for a log only: bikes claim features that they do not have (pycycling #47). What
    they do not claim is more reliable: see `rules_out_start`.
    """
    bits = int.from_bytes(data[:4], "little")
    return [name for bit, name in enumerate(FEATURES) if bits & (1 << bit)]


#: Elapsed time, remaining time.
_TIMES = 1 << 12 | 1 << 13


def rules_out_start(features: bytes) -> bool:
    """Return whether 0x2ACC shows that the bike has nothing to start: it measures no time.

    False for a value that is too short to contain this.
    """
    return len(features) >= 2 and not int.from_bytes(features[:4], "little") & _TIMES


@dataclass(frozen=True, slots=True)
class ControlRange:
    """The range and step of a resistance (in the bike's own unit) or a power (W), as sent."""

    minimum: int
    maximum: int
    step: int

    def __str__(self) -> str:
        return f"{self.minimum} … {self.maximum} in steps of {self.step}"


def decode_range(data: bytes) -> ControlRange | None:
    """Decode 0x2AD6 or 0x2AD8: three numbers of two bytes each, or of one byte each."""
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
    """The control point's answer to a command: the number of each."""

    command: int
    result: int


def decode_response(data: bytes) -> ControlResponse | None:
    """Decode an indication of 0x2AD9, without the parameters that may follow the result."""
    if len(data) < 3 or data[0] != _RESPONSE:
        return None
    return ControlResponse(data[1], data[2])


def describe_response(data: bytes) -> str:
    """Describe a control point's answer for a log."""
    response = decode_response(data)
    if response is None:
        return f"{data.hex() or 'nothing'}, which is not a valid response"
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
    """The number of the kind of exercise, with the bike's own description of it."""

    number: int
    text: str = ""


def decode_training_status(data: bytes) -> TrainingStatus | None:
    """Decode 0x2AD3; None if it is shorter than flags and number: some bikes send one byte.

    Bytes that are not UTF-8 are replaced by U+FFFD. The bike cuts a long text.
    """
    if len(data) < 2:
        return None
    text = data[2:] if data[0] & _HAS_TEXT else b""
    return TrainingStatus(data[1], text.decode(errors="replace"))


def describe_training_status(data: bytes) -> str:
    """Describe a training status for a log."""
    status = decode_training_status(data)
    if status is None:
        return f"{data.hex() or 'nothing'}, which is not a valid training status"
    known = status.number < len(_TRAININGS)
    words = _TRAININGS[status.number] if known else f"training status {status.number:#04x}"
    return f"{words}: {status.text!r}" if status.text else words


def is_indoor_bike(service_data: bytes) -> bool | None:
    """Return whether an advertisement's service data for 0x1826 has the type "indoor bike".

    None if it has no type. The data is a byte of flags, then the bits of the types in one byte,
    or in two in either order: real bikes do all of these (pyftms), so both bytes are checked.
    """
    return _has_type(service_data, _INDOOR_BIKE)


def is_cross_trainer(service_data: bytes) -> bool | None:
    """Return whether the service data has the type "cross trainer", as `is_indoor_bike` does."""
    return _has_type(service_data, _CROSS_TRAINER)


def _has_type(service_data: bytes, machine_type: int) -> bool | None:
    types = service_data[1:3]
    if not any(types):
        return None
    return any(byte & machine_type for byte in types)
