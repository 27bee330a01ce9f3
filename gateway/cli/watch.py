"""`watch`: shows live what a bike sends, and publishes none of it."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import BikeArgument, BikeConfigOption, ProtocolOption, chosen_driver

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.bike.link import BikeLink
    from gateway.timing.clock import GatewayClock

#: Time between two updates of the view, in seconds.
EVERY_S = 0.25


def watch(
    bike: BikeArgument,
    config: BikeConfigOption = None,
    protocol: ProtocolOption = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="How many seconds to run; default: until Ctrl-C.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON Reading per line.")] = False,
) -> None:
    """Show live what a bike sends: values, ages, rates, sources.

    Publishes nothing. Reconnects as `run` does. For race and rank of a bike that the gateway uses,
    see `status --watch`.
    """
    import asyncio
    from contextlib import suppress
    from random import Random

    import structlog
    from rich.console import Console

    from gateway.bike.link import BikeLink
    from gateway.timing.clock import SystemClock
    from gateway.watch.session import Watch
    from gateway.watch.view import open_view, reading_json

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the view replaces logs
    clock = SystemClock()
    _, driver = chosen_driver(bike, config, protocol, clock)
    start_ns = clock.monotonic_ns()
    watched = (
        Watch(lambda reading: typer.echo(reading_json(reading, start_ns))) if json else Watch()
    )
    link = BikeLink(bike, driver, watched, clock, Random(bike))
    console = Console(stderr=True, force_terminal=False) if json else Console()
    with (
        suppress(KeyboardInterrupt, TimeoutError),
        open_view(console, link, None if json else watched) as show,
    ):
        asyncio.run(_watch(link, show, clock, seconds))


async def _watch(
    link: "BikeLink", show: "Callable[[int], None]", clock: "GatewayClock", seconds: float | None
) -> None:
    import asyncio

    linking = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(seconds):
            while True:
                show(clock.monotonic_ns())
                await asyncio.sleep(EVERY_S)
    finally:
        linking.cancel()
        await asyncio.wait([linking])
