"""A bike shown live for some seconds, so that the user sees that it is the right one."""

import asyncio
from random import Random

from rich.console import Console

from drivers.registry import load_drivers, make_driver
from gateway.bike.link import BikeLink
from gateway.config.editor import Machine
from gateway.terminal.keyboard import without_echo
from gateway.timing.clock import SystemClock
from gateway.watch.session import Watch
from gateway.watch.view import open_view

#: Seconds to wait for the first value, which includes connecting.
FIRST_WITHIN_S = 20.0
#: Seconds for which the values are then shown.
SHOWN_S = 5.0
EVERY_S = 0.25


def show_live(
    console: Console,
    machine: Machine,
    first_within_s: float = FIRST_WITHIN_S,
    shown_s: float = SHOWN_S,
) -> bool:
    """Connect to the bike, and show its values; return whether there were any."""
    clock = SystemClock()
    driver = make_driver(load_drivers()[machine.driver], machine.options, clock)
    seen = asyncio.Event()
    watch = Watch(lambda _: seen.set())
    link = BikeLink("the bike", driver, watch, clock, Random())

    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(link.run()), tasks.create_task(redraw())]
            try:
                async with asyncio.timeout(first_within_s):
                    await seen.wait()
                await asyncio.sleep(shown_s)
            except TimeoutError:
                pass
            for task in running:
                task.cancel()

    with without_echo(), open_view(console, link, watch) as show:

        async def redraw() -> None:
            while True:
                show(clock.monotonic_ns(), "")
                await asyncio.sleep(EVERY_S)

        console.print("Pedal, and compare these values with the bike's display:")
        asyncio.run(run())
    return seen.is_set()
