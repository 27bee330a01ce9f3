"""Options of a driver, as TOML to paste: whatever text is in them."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.toml import toml_pairs, toml_value
from gateway.terminal.printable import printable

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_value_is_read_back_as_it_was(value: object) -> None:
    text = toml_value(value)
    assert tomllib.loads(f"a = {text}")["a"] == value
    assert "\n" not in text
    assert printable(text) == text, "a terminal shows it as it is"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("bike", '"bike"'),
        ("\x1b\U000e0041\ud800", r'"\u001b\U000e0041' + "\ufffd" + '"'),
        (Path("/dev/ttyUSB0"), '"/dev/ttyUSB0"'),
        ({}, "{}"),
        ({"port": 4000, "a b": True}, '{ port = 4000, "a b" = true }'),
    ],
)
def test_value_is_written_as_in_our_configs(value: object, text: str) -> None:
    assert toml_value(value) == text


def test_missing_value_is_left_out() -> None:
    assert list(toml_pairs({"adapter": None, "port": 1})) == ["port = 1"]
