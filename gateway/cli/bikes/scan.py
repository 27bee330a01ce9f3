"""`scan`: lists the bikes in range and the config entries for each."""

from typing import Annotated

import typer

from gateway.cli.options import JsonOption, ScanSecondsOption
from gateway.host.errors import FAILED


def scan(
    seconds: ScanSecondsOption = 20,
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

    from rich.console import Console

    from drivers.discovery import Discoverer
    from drivers.registry import load_drivers
    from gateway.setup.scan import scan_all, scan_json, show_found, show_summary

    discoverers: dict[str, Discoverer] = {}
    for name, status in load_drivers().items():
        driver: object = status.driver
        if isinstance(driver, Discoverer) and (name == "fake") == fake_bike:
            discoverers[name] = driver
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
