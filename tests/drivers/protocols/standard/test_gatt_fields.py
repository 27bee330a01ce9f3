"""Values behind flag bits: which are there, how many bytes they leave, both directions."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.standard.gatt_fields import (
    Field,
    flagged,
    narrowed,
    present_bits,
    read_fields,
    write_fields,
)

SPEED = Field(0, "speed_kmh", 2, counts_per_unit=100)
LEVEL = Field(1, "level", 2, signed=True)
NARROW_LEVEL = Field(1, "level", 1)
ENERGY = Field(3, "energy_kcal", 2, not_available=0xFFFF)
RATE = Field(3, "rate_kcal", 1, not_available=0xFF)
FIELDS = (SPEED, LEVEL, ENERGY, RATE)


def values(**said: float) -> SimpleNamespace:
    return SimpleNamespace(**{one.name: said.get(one.name) for one in FIELDS})


@pytest.mark.parametrize(
    ("field", "frame", "value"),
    [
        (SPEED, "e803", 10.0),
        (SPEED, "ffff", 655.35),
        (LEVEL, "0080", -32768),
        (LEVEL, "ffff", -1),
        (ENERGY, "feff", 65534),
        (ENERGY, "ffff", None),
        (RATE, "ff", None),
    ],
)
def test_a_field_reads_and_writes(field: Field, frame: str, value: float | None) -> None:
    data = bytes.fromhex(frame)
    assert field.decode(data) == value
    assert field.encode(value) == data


@pytest.mark.parametrize(
    ("field", "value"),
    [(SPEED, 655.36), (SPEED, -0.01), (LEVEL, 32768), (LEVEL, -32769), (ENERGY, 0xFFFF)],
    ids=["too much", "negative", "too much, signed", "too little", "the marker"],
)
def test_a_value_that_does_not_fit_is_refused(field: Field, value: float) -> None:
    with pytest.raises(OverflowError):
        field.encode(value)


def test_fields_are_found_by_their_bits_in_the_order_of_the_wire() -> None:
    assert flagged(FIELDS, 0b0000) == []
    assert flagged(FIELDS, 0b0011) == [SPEED, LEVEL]
    assert flagged(FIELDS, 0b1100) == [ENERGY, RATE]


def test_flag_bits_follow_from_the_values_present() -> None:
    assert present_bits(FIELDS, values()) == 0
    assert present_bits(FIELDS, values(speed_kmh=0)) == 0b0001
    assert present_bits(FIELDS, values(level=1, rate_kcal=2)) == 0b1010
    assert present_bits(FIELDS, values(energy_kcal=1, rate_kcal=2)) == 0b1000


@pytest.mark.parametrize(
    ("frame", "read", "left_bytes"),
    [
        ("", [], 0),
        ("e8", [], 1),
        ("e803", [10.0], 0),
        ("e803 feff 01", [10.0, -2], 1),
        ("e803 feff 0100 ff", [10.0, -2, 1, None], 0),
        ("e803 feff 0100 02 aabb", [10.0, -2, 1, 2], 2),
    ],
    ids=["empty", "cut at once", "ended early", "cut later", "whole", "trailing"],
)
def test_fields_are_read_while_bytes_last(
    frame: str, read: list[float | None], left_bytes: int
) -> None:
    names = [field.name for field in FIELDS]
    by_name = dict(zip(names, read, strict=False))
    assert read_fields(FIELDS, bytes.fromhex(frame)) == (by_name, left_bytes)


@given(st.binary(max_size=12), st.integers(0, 0xF))
def test_any_bytes_read(data: bytes, bits: int) -> None:
    _, left_bytes = read_fields(flagged(FIELDS, bits), data)
    assert 0 <= left_bytes <= len(data)


counts = {
    "speed_kmh": st.integers(0, 0xFFFF).map(lambda count: count / 100),
    "level": st.integers(-0x8000, 0x7FFF),
    "energy_kcal": st.integers(0, 0xFFFE),
    "rate_kcal": st.integers(0, 0xFE),
}


@given(st.fixed_dictionaries({}, optional=counts))
def test_flagged_fields_read_the_same_as_written(said: dict[str, float]) -> None:
    fields = flagged(FIELDS, present_bits(FIELDS, values(**said)))
    read, left_bytes = read_fields(fields, write_fields(fields, values(**said)))
    assert {name: value for name, value in read.items() if value is not None} == said
    assert left_bytes == 0


@pytest.mark.parametrize(
    ("bits", "size_bytes", "fields"),
    [
        (0b0011, 4, [SPEED, LEVEL]),
        (0b0011, 3, [SPEED, NARROW_LEVEL]),
        (0b0011, 2, [SPEED, LEVEL]),
        (0b0011, 5, [SPEED, LEVEL]),
        (0b0001, 1, [SPEED]),
    ],
    ids=["as wide as said", "one byte short", "two bytes short", "too long", "without it"],
)
def test_one_byte_short_is_a_narrow_field(bits: int, size_bytes: int, fields: list[Field]) -> None:
    found = narrowed(
        flagged(FIELDS, bits), LEVEL, NARROW_LEVEL, body_bytes=size_bytes, flags_bytes=2
    )
    assert found == fields


def test_notification_of_the_shortest_link_was_cut_and_has_no_narrow_field() -> None:
    fields = flagged(FIELDS, 0b0011)
    cut = narrowed(fields, LEVEL, NARROW_LEVEL, body_bytes=3, flags_bytes=17)
    assert cut == fields
