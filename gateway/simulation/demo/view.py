"""The output before a demo races: what runs, what will happen, and what the numbers mean."""

from collections.abc import Iterator

from rich.console import Console

from gateway.simulation.demo.session import DemoOptions


def print_introduction(console: Console, options: DemoOptions) -> None:
    """Explain the demo to a person who has never seen it."""
    for paragraph in _paragraphs(options):
        console.print(paragraph, highlight=False)
    console.print("starting broker, stream and gateways …", style="dim", highlight=False)


def _paragraphs(options: DemoOptions) -> Iterator[str]:
    bikes = (
        "A simulated bike races" if options.bikes == 1 else f"{options.bikes} simulated bikes race"
    )
    yield (
        f"{bikes} for {options.race_s} s on this computer, each with a gateway of its own: "
        "bike → gateway → MQTT broker → IoT rule → Kinesis stream → leaderboard."
    )
    if outage := options.outage:
        yield (
            f"From second {outage.from_s:.0f}, the network is down for {options.outage_s} s: "
            "the gateways buffer their messages on disk, and send them afterwards."
        )
    yield (
        "The score is the backend's output of one second, (rpm + 35) × (% + 65) / 100. "
        '"Here now" is that of the last second (after an outage, the best of those that arrive '
        'together); "final", that of the race\'s last second, decides. More: docs/scores.md'
    )
