"""`scan`: lists the bikes in range and the config entries for each."""

from typing import Annotated

import typer

from gateway.cli.options import JsonOption, ScanAdapterOption, ScanSecondsOption
from gateway.host.errors import FAILED


def scan(
    seconds: ScanSecondsOption = 20,
    adapter: ScanAdapterOption = None,
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

    from gateway.setup.scan import discoverers, scan_all, scan_json, show_found, show_summary
    from gateway.terminal.console import Console

    looking = discoverers(adapter, fake_bike=fake_bike)
    console = Console(stderr=json)
    console.print(f"looking for bikes for {seconds:g} s: {', '.join(looking)} …")
    found = asyncio.run(
        scan_all(looking, seconds, lambda driver, bike: show_found(console, driver, bike))
    )
    if json:
        typer.echo(scan_json(found))
    else:
        show_summary(console, found)
    if not found.bikes:
        raise typer.Exit(FAILED)
