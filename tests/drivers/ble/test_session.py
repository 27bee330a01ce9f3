"""What a connected bike speaks and has, told from its services alone."""

import pytest

from drivers.ble.connection import Connection
from drivers.ble.session import GATT_PROTOCOLS, at_rest, inventory, spoken
from drivers.protocols.base import Gatt, sig_uuid
from drivers.reading import Reading
from tests.support.virtual_clock import VirtualClock


def having(*services: str, notify: bool = True) -> Connection:
    """A connection to a bike with the services of these protocols."""
    connection = Connection(VirtualClock())
    connection.services = {
        gatt.service: dict.fromkeys(gatt.notify if notify else (), frozenset({"notify"}))
        for name in services
        for gatt in GATT_PROTOCOLS[name]
    }
    return connection


def with_console(**properties: str) -> dict[str, Gatt]:
    """What may be spoken with a device that has FFF0 with these characteristics."""
    connection = Connection(VirtualClock())
    connection.services = {
        sig_uuid(0xFFF0): {
            sig_uuid(int(number, 16)): frozenset({name}) for number, name in properties.items()
        }
    }
    return spoken(connection)


def test_spoken_protocols_come_best_first() -> None:
    assert list(spoken(having("heart_rate", "cycling_power", "ftms"))) == [
        *("ftms", "cycling_power", "heart_rate")
    ]


def test_a_service_without_its_characteristics_is_not_spoken() -> None:
    assert spoken(having("ftms", notify=False)) == {}


def test_characteristic_that_only_can_be_written_sends_nothing() -> None:
    assert with_console(fff1="write", fff4="notify") == {}
    assert set(with_console(fff1="indicate", fff2="write")) == {"iconsole", "fitshow"}


def test_command_that_cannot_be_written_is_none() -> None:
    for others in ({}, {"fff2": "notify"}, {"fff3": "write"}):
        assert with_console(fff1="notify", **others)["fitshow"].command is None
    for name in ("write", "write-without-response"):
        fitshow = with_console(fff1="notify", fff2=name)["fitshow"]
        assert fitshow.command == sig_uuid(0xFFF2)


def test_protocol_of_another_characteristic_of_a_shared_service_is_spoken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gatt = Gatt(sig_uuid(0xFFF0), (sig_uuid(0xFFF4),), sig_uuid(0xFFF1))
    monkeypatch.setitem(GATT_PROTOCOLS, "yesoul", (gatt,))
    assert with_console(fff1="write", fff4="notify") == {"yesoul": gatt}


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ([], "services found: none"),
        (["ftms"], "services found: 1826"),
        (["echelon"], f"services found: {GATT_PROTOCOLS['echelon'][0].service}"),
    ],
)
def test_inventory_names_services_by_their_short_number_or_in_full(
    services: list[str], words: str
) -> None:
    assert inventory(having(*services)) == words


def test_cadence_of_a_flywheel_is_0_while_the_rider_rests() -> None:
    turning, speed = Reading(1, cadence_rpm=60, speed_kmh=9), Reading(2, speed_kmh=9)
    assert at_rest([turning, speed, Reading(3, cadence_rpm=0)]) == [
        Reading(1, cadence_rpm=0, speed_kmh=9),
        speed,
        Reading(3, cadence_rpm=0),
    ]
