"""The name of the pages in the local network."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.problems import NAME_PATTERN
from gateway.web.mdns.local_name import label_of, local_name
from tests.support.gateways import config


@pytest.mark.parametrize(
    ("thing_name", "expected"),
    [
        ("gateway-1", "alleycat-gateway-1"),
        ("Gym_2:Left", "alleycat-gym-2-left"),
        ("7", "alleycat-7"),
        ("-", "alleycat"),
        ("x" * 128, f"alleycat-{'x' * 54}"),
        (f"{'x' * 53}_y", f"alleycat-{'x' * 53}"),
    ],
)
def test_name_begins_with_alleycat_and_the_thing(thing_name: str, expected: str) -> None:
    assert label_of(thing_name) == expected


@given(st.from_regex(re.compile(NAME_PATTERN, re.ASCII), fullmatch=True))
def test_label_is_valid_in_a_host_name(thing_name: str) -> None:
    label = label_of(thing_name)
    assert re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", label)
    assert len(label) <= 63


def test_name_is_local_and_asked_for_in_the_config(tmp_path: Path) -> None:
    asked = config(tmp_path, [{}], web={"listen": "0.0.0.0", "mdns": True})
    assert local_name(asked) == "alleycat-gateway-1.local"
    assert local_name(config(tmp_path, [{}])) is None
