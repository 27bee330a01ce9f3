"""`watch`: shows live what a bike sends, and publishes none of it."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import (
    AdapterOption,
    BikeArgument,
    BikeConfigOption,
    DriverOption,
    ProtocolOption,
    SecondsOption,
    chosen_driver,
    config_of,
)
from gateway.host.errors import FAILED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from structlog.typing import EventDict

    from drivers import Reading
    from gateway.bike.link import BikeLink
    from gateway.cli.status import Ask
    from gateway.timing.clock import GatewayClock

#: Time between two updates of the view, in seconds.
EVERY_S = 0.25
#: Time between two questions to the running gateway, in seconds.
RACE_EVERY_S = 1.0


def watch(
    bike: BikeArgument,
    config: BikeConfigOption = None,
    protocol: ProtocolOption = None,
    option: DriverOption = None,
    adapter: AdapterOption = None,
    seconds: SecondsOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON Reading per line.")] = False,
) -> None:
    """Show live what a bike sends: values, ages, rates, sources.

    Publishes nothing. Reconnects as `run` does. If BIKE is an id in a config, and two programs can
    read that bike at once, also shows its racer's race and rank while a gateway with this config is
    running. Exit code 1 if the bike sent nothing.
    """
    import asyncio
    from contextlib import suppress
    from functools import partial
    from random import Random

    from rich.console import Console

    from gateway.bike.link import BikeLink
    from gateway.timing.clock import SystemClock
    from gateway.watch.session import Watch
    from gateway.watch.view import open_view

    _drop_the_log()
    clock, config = SystemClock(), config_of(bike, config)
    _, driver = chosen_driver(bike, config, protocol, clock, option or (), adapter)
    watched = Watch(partial(_print_json, clock.monotonic_ns())) if json else Watch()
    link = BikeLink(bike, driver, watched, clock, Random(bike))
    console = Console(stderr=True, force_terminal=False) if json else Console()
    race = _RaceLine(bike, config)
    view = open_view(console, link, None if json else watched)
    with suppress(KeyboardInterrupt, TimeoutError), view as show:
        asyncio.run(_watch(link, show, race, clock, seconds))
    if not watched.has_heard:
        raise typer.Exit(FAILED)


def _drop_the_log() -> None:
    """Log nothing: the view replaces the log, and no traceback is formatted meanwhile."""
    import structlog

    def drop(_logger: object, _method: str, _event: "EventDict") -> "EventDict":
        raise structlog.DropEvent

    structlog.configure(processors=[drop])


def _print_json(start_ns: int, reading: "Reading") -> None:
    from gateway.watch.view import reading_json

    typer.echo(reading_json(reading, start_ns))


class _RaceLine:
    """A line on the race of a bike's racer, as the running gateway knows it, else empty.

    It is always empty without a `config`.
    """

    def __init__(self, bike_id: str, config: "Path | None") -> None:
        from gateway.cli.status import asker, command_for

        self._race = ""
        self._gateway = ""
        self._bike_id = bike_id
        self._ask = None if config is None else asker(config)
        self._status = command_for(config)("status --watch")

    def of(self, link: "BikeLink") -> str:
        """Return the line; without the bike, which gateway reads it instead."""
        from gateway.bike.link import LinkState

        if link.state is LinkState.CONNECTED or not self._gateway:
            return self._race
        return (
            f"the gateway {self._gateway} is running and reads {self._bike_id}: `{self._status}` "
            "shows its race"
        )

    async def run(self) -> None:
        """Ask the gateway every second."""
        import asyncio

        while self._ask is not None:
            self._gateway, self._race = await asyncio.to_thread(self._answer, self._ask)
            await asyncio.sleep(RACE_EVERY_S)

    def _answer(self, ask: "Ask") -> tuple[str, str]:
        """Return the name of the gateway that reads the bike, and the line on its race."""
        from gateway.host.errors import GatewayError
        from gateway.status.line import race_line
        from gateway.status.report import status_from_json

        try:
            status = status_from_json(ask())
        except GatewayError:
            return "", ""  # the bike can be watched without a gateway
        for bike in status.bikes:
            if bike.bike_id == self._bike_id:
                return status.thing_name, race_line(bike)
        return "", ""


async def _watch(
    link: "BikeLink",
    show: "Callable[[int, str], None]",
    race: _RaceLine,
    clock: "GatewayClock",
    seconds: float | None,
) -> None:
    import asyncio

    from gateway.bike.bikes import cancel
    from gateway.watch.background import report_background_errors

    report_background_errors(
        link.driver, lambda what: typer.echo(f"{link.bike_id}: {what}", err=True)
    )
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(race.run())]
    try:
        async with asyncio.timeout(seconds):
            while True:
                show(clock.monotonic_ns(), race.of(link))
                await asyncio.sleep(EVERY_S)
    finally:
        await cancel(tasks)
