"""A scan by all drivers at once, shown as a table with config snippets to paste."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count

from rich.console import Console
from rich.table import Table
from rich.text import Text

from drivers import BikeLost
from drivers.discovery import AdapterDiscoverer, Discoverer, FoundBike
from drivers.registry import load_drivers
from gateway.config.toml import toml_pairs, toml_value
from gateway.terminal.printable import one_line

#: Is called with the driver's name and the bike whenever a bike is found.
OnFound = Callable[[str, FoundBike], None]


@dataclass(slots=True)
class Scan:
    """The bikes found, with their drivers. `problems`: why a driver could not scan."""

    bikes: list[tuple[str, FoundBike]] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScanWithAdapter:
    """The scan of a driver with one adapter of the computer, in place of the first that is on."""

    driver: AdapterDiscoverer
    adapter: str

    def discover(self, seconds: float) -> AsyncIterator[FoundBike]:
        return self.driver.discover_with(self.adapter, seconds)


def discoverers(adapter: str | None = None, *, fake_bike: bool = False) -> dict[str, Discoverer]:
    """Return the drivers that can scan, each with `adapter` if it scans with one.

    `fake_bike`: only the driver of the fake bike, which is left out otherwise.
    """
    found: dict[str, Discoverer] = {}
    for name, status in load_drivers().items():
        driver: object = status.driver
        if (name == "fake") != fake_bike:
            continue
        if adapter is not None and isinstance(driver, AdapterDiscoverer):
            found[name] = ScanWithAdapter(driver, adapter)
        elif isinstance(driver, Discoverer):
            found[name] = driver
    return found


async def scan_all(looking: Mapping[str, Discoverer], seconds: float, on_found: OnFound) -> Scan:
    """Scan with every driver; one that cannot scan is reported in `problems`."""
    scan = Scan()

    async def look(name: str, discoverer: Discoverer) -> None:
        try:
            async for bike in discoverer.discover(seconds):
                scan.bikes.append((name, bike))
                on_found(name, bike)
        except BikeLost as error:
            scan.problems[name] = one_line(str(error))
        # A driver may be a third-party plugin: its bug must not hide the bikes of other drivers.
        except Exception as error:
            scan.problems[name] = one_line(f"{type(error).__name__}: {error}")

    await asyncio.gather(*(look(*one) for one in looking.items()))
    return scan


def look_alikes(scan: Scan) -> list[str]:
    """Return, in words, which of the bikes that were found no config can distinguish."""
    places: dict[tuple[str, str], list[str]] = {}
    for driver, bike in scan.bikes:
        key = driver, json.dumps(dict(bike.options), sort_keys=True)
        places.setdefault(key, []).append(one_line(bike.where))
    return [
        f"{', '.join(where)} cannot be distinguished: they have the same name and change their "
        f"addresses, so the options {options} of the driver {driver} select any of them. If they "
        "are different bikes, give each its own name in the maker's app, or switch on only one"
        for (driver, options), where in places.items()
        if len(where) > 1
    ]


def snippets(scan: Scan) -> list[str]:
    """Return config for each bike, with placeholders for the racer, and for each companion."""
    numbers = count(1)
    return [
        _for_a_bike(driver, bike) if bike.is_companion else _table(next(numbers), driver, bike)
        for driver, bike in scan.bikes
    ]


def _table(number: int, driver: str, bike: FoundBike) -> str:
    return "\n".join(
        (
            _comment(bike),
            "[[bikes]]",
            f'id = "bike-{number:03}"',
            f"racer_id = {number}",
            f'racer_name = "Rider {number}"',
            "class_id = 1",
            f"driver = {toml_value(driver)}",
            f"options = {toml_value(bike.options)}",
        )
    )


def _for_a_bike(driver: str, companion: FoundBike) -> str:
    options = toml_pairs(companion.options)
    return "\n".join(
        (
            _comment(companion),
            f"# add to the options of a bike with driver {one_line(driver)}:",
            *(f"#   {option}" for option in options),
        )
    )


def _comment(bike: FoundBike) -> str:
    return one_line(f"# {bike.name}: {bike.why}")


def show_found(console: Console, driver: str, bike: FoundBike) -> None:
    """Print a bike on finding it, so that the screen does not stay empty during the scan."""
    line = "  ".join(map(one_line, ("", bike.name, bike.where, f"{driver}: {bike.why}")))
    console.print(line, soft_wrap=True, markup=False, highlight=False)


def show_summary(console: Console, scan: Scan) -> None:
    """Print a table of all bikes, and a config snippet for each."""
    console.print()
    for name, problem in scan.problems.items():
        console.print(Text(f"{name}: {problem}", style="yellow"), soft_wrap=True)
    if not scan.bikes:
        console.print(
            "no bike was found. Wake the bike by pedalling, bring it closer, check its cable, and "
            "disconnect it from other apps and from a running gateway"
        )
        return
    table = Table(box=None, pad_edge=False)
    for column in ("bike", "where", "driver", "signal", "state"):
        table.add_column(column, overflow="fold")
    for name, bike in scan.bikes:
        signal = "" if bike.rssi_dbm is None else f"{bike.rssi_dbm} dBm"
        cells = (bike.name, bike.where, name, signal, _state(bike))
        table.add_row(*(Text(one_line(cell)) for cell in cells))
    console.print(table)
    for warning in look_alikes(scan):
        console.print(Text(f"\n{warning}", style="yellow"), soft_wrap=True)
    console.print(
        "\nTo add these bikes to the config, copy what you need; change ids and racers as you "
        "like:\n"
    )
    for snippet in snippets(scan):
        console.print(f"{snippet}\n", soft_wrap=True, markup=False)


def scan_json(scan: Scan) -> str:
    """Return the result as one line of JSON, for programs."""
    bikes = [
        {"driver": name, **asdict(bike), "snippet": snippet}
        for (name, bike), snippet in zip(scan.bikes, snippets(scan), strict=True)
    ]
    return json.dumps({"bikes": bikes, "problems": scan.problems})


def _state(bike: FoundBike) -> str:
    if bike.reading is None:
        return ""
    cadence_rpm = bike.reading.cadence_rpm
    return "awake" if cadence_rpm is None else f"{cadence_rpm:.0f} rpm"
