"""Protocols that share a service are told apart by what the bike sends."""

from drivers.ble.recognition import rivals_of
from drivers.protocols.base import Gatt

SHARED = Gatt("service", ("notify",), "command")


def test_rivals_are_the_protocols_with_a_characteristic_in_common() -> None:
    other = Gatt("service", ("another",), "command")
    assert rivals_of("a", {"a": SHARED, "b": other, "c": SHARED}) == {"a": SHARED, "c": SHARED}


def test_a_protocol_with_a_service_of_its_own_has_no_rival_but_itself() -> None:
    assert list(rivals_of("a", {"a": SHARED})) == ["a"]
