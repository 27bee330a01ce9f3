"""An assertion for both directions of a wire format."""

from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def assert_wire(
    value: Value,
    frame: str,
    decode: Callable[[bytes], object],
    encode: Callable[[Value], bytes],
) -> None:
    """Assert that `frame` (hex, spaced for clarity) decodes to `value`, and back."""
    data = bytes.fromhex(frame)
    assert decode(data) == value
    assert encode(value).hex(" ") == data.hex(" ")
