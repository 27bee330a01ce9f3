"""All drivers look around at once; what they find can be pasted into a config."""

import io
import json
import tomllib
from collections.abc import AsyncIterator

import pytest
from rich.console import Console

from drivers import BikeLost, Reading
from drivers.discovery import FoundBike
from gateway.config.schema import BikeConfig
from gateway.setup.scan import (
    Scan,
    ScanWithAdapter,
    look_alikes,
    scan_all,
    scan_json,
    show_found,
    show_summary,
    snippets,
)

BIKE = FoundBike(
    'The "best" bike',
    "C0:FF:EE:00:00:01",
    "advertises itself as an indoor bike",
    {"address": "C0:FF:EE:00:00:01"},
    rssi_dbm=-61,
)
STRAP = FoundBike(
    "Strap",
    "C0:FF:EE:00:00:03",
    "advertises the heart_rate service; use it together with a bike",
    {"heart_rate": "C0:FF:EE:00:00:03"},
    is_companion=True,
)
PORT = FoundBike(
    "FT232R",
    "/dev/serial/by-id/usb-FTDI",
    "speaks peloton at 19200 baud",
    {"port": "/dev/serial/by-id/usb-FTDI", "protocol": "peloton"},
    reading=Reading(1, cadence_rpm=83.4),
)


class Finds:
    """A driver that finds what it is told, then fails if it is told to."""

    def __init__(self, *bikes: FoundBike, error: Exception | None = None) -> None:
        self._bikes = bikes
        self._error = error
        self.seconds = 0.0

    async def discover(self, seconds: float) -> AsyncIterator[FoundBike]:
        self.seconds = seconds
        for bike in self._bikes:
            yield bike
        if self._error is not None:
            raise self._error


async def test_scan_asks_every_driver_and_shows_each_bike() -> None:
    air, ports = Finds(BIKE), Finds(PORT)
    shown: list[tuple[str, FoundBike]] = []
    scan = await scan_all({"ble": air, "serial": ports}, 7, lambda *one: shown.append(one))
    assert scan.bikes == shown == [("ble", BIKE), ("serial", PORT)]
    assert air.seconds == ports.seconds == 7
    assert scan.problems == {}


class FindsWithAdapter(Finds):
    """A driver that finds its bikes with one adapter only."""

    def discover_with(self, adapter: str, seconds: float) -> AsyncIterator[FoundBike]:
        assert adapter == "hci1"
        return self.discover(seconds)


async def test_scan_with_an_adapter_passes_its_name_to_the_driver() -> None:
    air = ScanWithAdapter(FindsWithAdapter(BIKE), "hci1")
    scan = await scan_all({"ble": air}, 7, lambda *_: None)
    assert scan == Scan([("ble", BIKE)])


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (BikeLost("the adapter is off"), "the adapter is off"),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
async def test_failing_driver_does_not_hide_what_the_others_find(
    error: Exception, problem: str
) -> None:
    scan = await scan_all({"ble": Finds(error=error), "serial": Finds(PORT)}, 7, lambda *_: None)
    assert scan == Scan([("serial", PORT)], {"ble": problem})


def test_a_snippet_is_a_bike_of_a_config() -> None:
    scan = Scan([("ble", BIKE), ("ble", STRAP), ("serial", PORT)])
    tables = tomllib.loads("\n".join(snippets(scan)))["bikes"]
    configs = [BikeConfig.model_validate(table) for table in tables]
    assert [(one.id, one.driver, one.options) for one in configs] == [
        ("bike-001", "ble", BIKE.options),
        ("bike-002", "serial", PORT.options),
    ]


def test_a_companion_goes_into_the_options_of_a_bike() -> None:
    (snippet,) = snippets(Scan([("ble", STRAP)]))
    assert snippet.splitlines() == [
        "# Strap: advertises the heart_rate service; use it together with a bike",
        "# add to the options of a bike with driver ble:",
        '#   heart_rate = "C0:FF:EE:00:00:03"',
    ]


def shown_in(width: int, scan: Scan) -> str:
    file = io.StringIO()
    show_summary(Console(file=file, width=width), scan)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_scan_summary_has_every_bike_and_unbroken_snippets(width: int) -> None:
    scan = Scan([("ble", BIKE), ("serial", PORT)])
    text = shown_in(width, scan)
    assert "-61 dBm" in text
    assert "83 rpm" in text
    assert all(snippet in text for snippet in snippets(scan))


def test_bikes_with_the_same_options_are_said_to_be_indistinguishable() -> None:
    here, there = (
        FoundBike("BIKE", f"40:00:00:00:00:0{n}", "is a bike", {"name": "BIKE"}) for n in (1, 2)
    )
    other = FoundBike("BIKE", "C0:FF:EE:00:00:01", "is a bike", {"address": "C0:FF:EE:00:00:01"})
    scan = Scan([("ble", here), ("ble", other), ("ble", there), ("serial", PORT)])
    (warning,) = look_alikes(scan)
    assert warning.startswith("40:00:00:00:00:01, 40:00:00:00:00:02 cannot be distinguished: ")
    assert warning in shown_in(80, scan)
    assert look_alikes(Scan(scan.bikes[1:])) == []


def test_empty_scan_tells_problems_and_what_to_do() -> None:
    text = shown_in(80, Scan(problems={"ble": "the adapter is off"}))
    assert "ble: the adapter is off" in text
    assert "Wake the bike by pedalling" in text


def test_found_bike_is_shown_on_one_line() -> None:
    file = io.StringIO()
    show_found(Console(file=file, width=80), "ble", BIKE)
    assert file.getvalue() == (
        '  The "best" bike  C0:FF:EE:00:00:01  ble: advertises itself as an indoor bike\n'
    )


def test_bike_name_cannot_inject_config_or_markup() -> None:
    """Anybody nearby can give a device any name."""
    named = FoundBike('[red]x\n[[bikes]]\nid = "y"', "C0:FF:EE:00:00:01", "why", {"name": "[red]x"})
    (snippet,) = snippets(Scan([("ble", named)]))
    assert len(tomllib.loads(snippet)["bikes"]) == 1
    assert "[red]x" in shown_in(120, Scan([("ble", named)]))


def test_scan_json_has_problems_bikes_and_snippets() -> None:
    scan = json.loads(scan_json(Scan([("serial", PORT)], {"ble": "off"})))
    assert scan["problems"] == {"ble": "off"}
    (bike,) = scan["bikes"]
    assert (bike["driver"], bike["where"], bike["why"]) == ("serial", PORT.where, PORT.why)
    assert bike["reading"]["cadence_rpm"] == 83.4
    assert tomllib.loads(bike["snippet"])
