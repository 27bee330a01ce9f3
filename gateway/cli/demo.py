"""`demo`: runs the whole path from bike to leaderboard on this computer."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import fail
from gateway.host.errors import FAILED

if TYPE_CHECKING:
    from gateway.simulation.demo.session import DemoOptions
    from gateway.simulation.page.server import RacePage
    from gateway.simulation.scene import Summary
    from gateway.terminal.console import Console

BikesOption = Annotated[int, typer.Option(min=1, max=500, help="Racers, each with a gateway.")]
RaceOption = Annotated[int, typer.Option(min=10, max=3600, help="Length of the race, in s.")]
OutageOption = Annotated[
    int,
    typer.Option(
        min=0, max=3600, help="Length of the network outage after a third of the race, in s."
    ),
]
SeedOption = Annotated[
    int, typer.Option(min=0, help="Seed of the rides; the same seed repeats them.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="End with the summary as JSON.")]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the page of the race in a browser.")]


def demo(
    bikes: BikesOption = 8,
    race: RaceOption = 20,
    outage: OutageOption = 6,
    seed: SeedOption = 1,
    json: JsonOption = False,
    in_browser: OpenOption = False,
) -> None:
    """Race fake bikes through a simulated cloud on this computer.

    Messages pass through a broker, the IoT rule and Kinesis; after a third of the race, the network
    is cut. The demo ends by itself, with the results of the original backend: the output of the
    last second decides. Exit code 1 if a message was lost, a race is on several shards, or results
    are not as expected.
    """
    import structlog

    from gateway.simulation.extra import require_demo_extra
    from gateway.terminal.console import Console

    require_demo_extra()
    from gateway.simulation.demo.session import DemoOptions
    from gateway.simulation.demo.view import print_introduction
    from gateway.simulation.view import print_summary, summary_json

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the view replaces logs
    console = Console(stderr=json)
    options = DemoOptions(bikes, race, outage, seed)
    page = _page(in_browser=in_browser)
    print_introduction(console, options, page.url if page else None)
    summary = _race(console, options, page)
    print_summary(console, summary)
    if json:
        typer.echo(summary_json(summary))
    if not summary.ok:
        raise typer.Exit(FAILED)


def _page(*, in_browser: bool) -> "RacePage | None":
    """Return the page of the race; None if its package is missing and `in_browser` is not set."""
    from gateway.simulation.page.server import PageError, open_page

    try:
        return open_page(in_browser=in_browser)
    except PageError as error:
        if in_browser:
            fail(str(error), FAILED)
        return None


def _race(console: "Console", options: "DemoOptions", page: "RacePage | None") -> "Summary":
    import asyncio
    from functools import partial

    from gateway.simulation.demo.session import run_demo
    from gateway.simulation.page.server import shown
    from gateway.simulation.view import open_view

    offer = page.offer if page else lambda _demo: None
    with open_view(console) as show:
        return asyncio.run(shown(page, show, partial(run_demo, options, offer)))
