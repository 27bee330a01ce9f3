"""What a connected bike speaks and has, told from its services alone."""

import pytest

from drivers.ble.connection import Connection
from drivers.ble.session import GATT_PROTOCOLS, at_rest, inventory, spoken
from drivers.reading import Reading
from tests.support.virtual_clock import VirtualClock


def having(*services: str, notify: bool = True) -> Connection:
    """A connection to a bike with the services of these protocols."""
    connection = Connection(VirtualClock())
    connection.services = {
        gatt.service: frozenset(gatt.notify if notify else ())
        for name in services
        for gatt in GATT_PROTOCOLS[name]
    }
    return connection


def test_spoken_protocols_come_best_first() -> None:
    assert list(spoken(having("heart_rate", "cycling_power", "ftms"))) == [
        *("ftms", "cycling_power", "heart_rate")
    ]


def test_a_service_without_its_characteristics_is_not_spoken() -> None:
    assert spoken(having("ftms", notify=False)) == {}


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
