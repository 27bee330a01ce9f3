"""FTMS beside its stream of data: what a bike says of itself, and how it answers commands.

Source: Fitness Machine Service 1.0.1; the oddities from dudanov/python-pyftms,
zacharyedwardbull/pycycling #4 and #47, doudar/SmartSpin2k #573. All numbers little-endian. Every
decoder is total; None or an empty answer means that the bytes said nothing.
"""

from dataclasses import dataclass

from drivers.protocols.wire_protocol import sig_uuid

FEATURE_UUID = sig_uuid(0x2ACC)
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
class Range:
    """Least, most and step of a resistance (the bike's own unit) or a power (W), as sent."""

    minimum: int
    maximum: int
    step: int


def decode_range(data: bytes) -> Range | None:
    """0x2AD6 or 0x2AD8: three numbers of two bytes each, or of one."""
    match len(data):
        case 6:
            minimum = int.from_bytes(data[0:2], "little", signed=True)
            maximum = int.from_bytes(data[2:4], "little", signed=True)
            return Range(minimum, maximum, int.from_bytes(data[4:6], "little"))
        case 3:
            return Range(*data)
        case _:
            return None


def encode_range(value: Range) -> bytes:
    """In two bytes each. Raises OverflowError for what they cannot hold."""
    return (
        value.minimum.to_bytes(2, "little", signed=True)
        + value.maximum.to_bytes(2, "little", signed=True)
        + value.step.to_bytes(2, "little")
    )


@dataclass(frozen=True, slots=True)
class Response:
    """The control point's answer to a command, both by number."""

    command: int
    result: int


def decode_response(data: bytes) -> Response | None:
    """0x2AD9, an indication; what follows the result is parameters and left out."""
    if len(data) < 3 or data[0] != _RESPONSE:
        return None
    return Response(data[1], data[2])


def encode_response(response: Response) -> bytes:
    return bytes((_RESPONSE, response.command, response.result))


def describe_response(data: bytes) -> str:
    """For a log."""
    response = decode_response(data)
    if response is None:
        return f"{data.hex() or 'nothing'}, which is no answer"
    command = _COMMANDS.get(response.command, f"command {response.command:#04x}")
    return f"{command}: {_RESULTS.get(response.result, f'result {response.result:#04x}')}"


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
