"""`demo`: the whole way, on this machine."""

from typing import Annotated

import typer

from gateway.host.errors import FAILED


def demo(
    bikes: Annotated[int, typer.Option(min=1, max=500, help="Racers; each has a gateway.")] = 8,
    race: Annotated[int, typer.Option(min=10, max=3600, help="Length of the race in s.")] = 40,
    outage: Annotated[
        int, typer.Option(min=0, max=3600, help="How long the network is cut in mid-race, in s.")
    ] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same race.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Last line: the summary as JSON.")] = False,
) -> None:
    """Race fake bikes through a cloud on this machine.

    Through broker, IoT rule and Kinesis, with an outage in mid-race. Ends by itself; exit code 1
    if a message was lost, a race lies on more than one shard, or a racer is scored differently.
    """
    import asyncio

    import structlog
    from rich.console import Console

    from gateway.simulation.extra import require_demo_extra

    require_demo_extra()
    from gateway.simulation.demo.session import DemoOptions, run_demo
    from gateway.simulation.view import open_view, print_summary, summary_json

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the view says it all
    console = Console(stderr=json)
    console.print(f"starting broker, Kinesis and {bikes} gateways …")
    with open_view(console) as show:
        summary = asyncio.run(run_demo(DemoOptions(bikes, race, outage, seed), show))
    print_summary(console, summary)
    if json:
        typer.echo(summary_json(summary))
    if not summary.ok:
        raise typer.Exit(FAILED)
