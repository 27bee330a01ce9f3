"""The bike's end of FTMS's control: its features and ranges, and its answers to commands."""

from drivers.protocols.standard.ftms_control import (
    FEATURES,
    ControlRange,
    ControlResponse,
    TrainingStatus,
)

_RESPONSE = 0x80
_HAS_TEXT = 1 << 0


def encode_features(names: list[str]) -> bytes:
    """Return 0x2ACC with these machine features and no target settings."""
    bits = sum(1 << FEATURES.index(name) for name in names)
    return bits.to_bytes(4, "little") + bytes(4)


def encode_range(value: ControlRange) -> bytes:
    """Return each value in two bytes. Raises OverflowError if one does not fit."""
    return (
        value.minimum.to_bytes(2, "little", signed=True)
        + value.maximum.to_bytes(2, "little", signed=True)
        + value.step.to_bytes(2, "little")
    )


def encode_response(response: ControlResponse) -> bytes:
    return bytes((_RESPONSE, response.command, response.result))


def encode_training_status(status: TrainingStatus) -> bytes:
    """Encode the status. Raises ValueError if it does not fit."""
    flags = _HAS_TEXT if status.text else 0
    return bytes((flags, status.number)) + status.text.encode()
