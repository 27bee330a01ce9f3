"""`scan`: lists the bikes in range and the config entries for each."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import AdapterOption, JsonOption, ScanSecondsOption
from gateway.host.errors import FAILED

if TYPE_CHECKING:
    from drivers.discovery import Discoverer


def scan(
    seconds: ScanSecondsOption = 20,
    adapter: AdapterOption = None,
    fake_bike: Annotated[
        bool, typer.Option("--fake-bike", help="Find only the fake bike.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Find bikes over Bluetooth, USB serial and ANT+.

    Prints the config entries for each bike. Wake the bikes first: most wake when pedalled. Exit
    code 1 if no bike was found.
    """
    import asyncio

    from gateway.setup.scan import scan_all, scan_json, show_found, show_summary
    from gateway.terminal.console import Console

    discoverers = _discoverers(adapter, fake_bike=fake_bike)
    console = Console(stderr=json)
    console.print(f"looking for bikes for {seconds:g} s: {', '.join(discoverers)} …")
    found = asyncio.run(
        scan_all(discoverers, seconds, lambda driver, bike: show_found(console, driver, bike))
    )
    if json:
        typer.echo(scan_json(found))
    else:
        show_summary(console, found)
    if not found.bikes:
        raise typer.Exit(FAILED)


def _discoverers(adapter: str | None, *, fake_bike: bool) -> "dict[str, Discoverer]":
    """Return the drivers that can scan, each with the adapter if it scans with one."""
    from drivers.discovery import AdapterDiscoverer, Discoverer
    from drivers.registry import load_drivers
    from gateway.setup.scan import ScanWithAdapter

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
