"""`demo`: runs the whole path from bike to leaderboard on this machine."""

from typing import Annotated

import typer

from gateway.host.errors import FAILED

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


def demo(
    bikes: BikesOption = 8,
    race: RaceOption = 20,
    outage: OutageOption = 6,
    seed: SeedOption = 1,
    json: JsonOption = False,
) -> None:
    """Race fake bikes through a simulated cloud on this machine.

    Messages pass through a broker, the IoT rule and Kinesis; after a third of the race, the network
    is cut. The demo ends by itself, with the results of the original backend: the output of the
    last second decides. Exit code 1 if a message was lost, a race is on several shards, or results
    are not as expected.
    """
    import asyncio

    import structlog

    from gateway.simulation.extra import require_demo_extra
    from gateway.terminal.console import Console

    require_demo_extra()
    from gateway.simulation.demo.session import DemoOptions, run_demo
    from gateway.simulation.demo.view import print_introduction
    from gateway.simulation.view import open_view, print_summary, summary_json

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the view replaces logs
    console = Console(stderr=json)
    options = DemoOptions(bikes, race, outage, seed)
    print_introduction(console, options)
    with open_view(console) as show:
        summary = asyncio.run(run_demo(options, show))
    print_summary(console, summary)
    if json:
        typer.echo(summary_json(summary))
    if not summary.ok:
        raise typer.Exit(FAILED)
