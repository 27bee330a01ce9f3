"""The layout of the Bluetooth SIG's notifications: optional fields, each with a flag bit.

The flags come first, then the fields whose bit is set, in the order of the bits. Little-endian.
Source: GATT Specification Supplement, "Indoor Bike Data", "Cross Trainer Data", "Cycling Power
Measurement".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

#: The length of a notification at Bluetooth's default ATT_MTU of 23. Some bikes cut theirs there.
CUT_BYTES = 20


class AnyField(Protocol):
    """The encoding of one named value on the wire. Fields may share a bit."""

    @property
    def bit(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    def decode(self, data: bytes, /) -> Any:
        """Decode `size_bytes` bytes."""

    def encode(self, value: Any, /) -> bytes:
        """Encode a value. Raises OverflowError if it does not fit."""


@dataclass(frozen=True, slots=True)
class Field:
    """A number. None is encoded as `not_available`, if the field has such a marker."""

    bit: int
    name: str
    size_bytes: int
    counts_per_unit: int = 1
    signed: bool = False
    not_available: int | None = None

    def decode(self, data: bytes) -> float | None:
        count = int.from_bytes(data, "little", signed=self.signed)
        if count == self.not_available:
            return None
        return count if self.counts_per_unit == 1 else count / self.counts_per_unit

    def encode(self, value: float | None) -> bytes:
        if value is None:  # Only fields that share a bit can be None, and each has a marker.
            assert self.not_available is not None
            return self.not_available.to_bytes(self.size_bytes, "little")
        count = round(value * self.counts_per_unit)
        if count == self.not_available:
            raise OverflowError(f"{self.name}={value} would be decoded as not available")
        return count.to_bytes(self.size_bytes, "little", signed=self.signed)


F = TypeVar("F", bound=AnyField)


def flagged(fields: Iterable[F], bits: int) -> list[F]:
    """Return the fields whose bit is set in `bits`."""
    return [one for one in fields if bits & (1 << one.bit)]


def present_bits(fields: Iterable[AnyField], values: object) -> int:
    """Return the bits of the fields whose attribute in `values` is not None."""
    bits = 0
    for one in fields:
        if getattr(values, one.name) is not None:
            bits |= 1 << one.bit
    return bits


def read_fields(fields: Iterable[AnyField], data: bytes) -> tuple[dict[str, Any], int]:
    """Decode fields until the bytes run out; return values by name and the number of bytes left."""
    values: dict[str, Any] = {}
    at = 0
    for one in fields:
        end = at + one.size_bytes
        if end > len(data):
            break
        values[one.name] = one.decode(data[at:end])
        at = end
    return values, len(data) - at


def write_fields(fields: Iterable[AnyField], values: object) -> bytes:
    """Encode the fields of `values`. Raises OverflowError if a value does not fit its field."""
    return b"".join(one.encode(getattr(values, one.name)) for one in fields)


def narrowed(
    fields: Sequence[Field], wide: Field, narrow: Field, *, body_bytes: int, flags_bytes: int
) -> list[Field]:
    """Return `fields` for a notification, with `narrow` for `wide` if that fits exactly.

    If the body is one byte short, `wide` was sent as `narrow`. The exception is a notification of
    CUT_BYTES: its last byte was cut off.
    """
    is_short = sum(one.size_bytes for one in fields) - body_bytes == 1
    is_narrow = is_short and flags_bytes + body_bytes != CUT_BYTES
    return [narrow if is_narrow and one is wide else one for one in fields]
