"""The output before a demo races: what runs, what will happen, and what the numbers mean."""

from collections.abc import Iterator

from rich.console import Console

from gateway.simulation.demo.session import DemoOptions


def print_introduction(console: Console, options: DemoOptions, url: str | None) -> None:
    """Explain the demo to a person who has never seen it. `url`: its page, if it has one."""
    for paragraph in _paragraphs(options):
        console.print(paragraph, highlight=False)
    if url:
        console.print(f"Watch it in a browser: {url}", highlight=False, soft_wrap=True)
    console.print("starting broker, stream and gateways …", style="dim", highlight=False)


def _paragraphs(options: DemoOptions) -> Iterator[str]:
    is_one = options.bikes == 1
    bikes = "A simulated bike races" if is_one else f"{options.bikes} simulated bikes race"
    yield (
        f"{bikes} for {options.race_s} s on this computer, {'' if is_one else 'each '}with a "
        "gateway of its own: "
        "bike → gateway → MQTT broker → IoT rule → Kinesis stream → leaderboard."
    )
    if outage := options.outage:
        buffering = "the gateway buffers its" if is_one else "the gateways buffer their"
        sending = "sends" if is_one else "send"
        yield (
            f"From second {outage.from_s:.0f}, the network is down for {options.outage_s} s: "
            f"{buffering} messages on disk, and {sending} them afterwards."
        )
    yield (
        "A score is the backend's output of one second, (rpm + 35) × (% + 65) / 100. "
        '"Here now" is the score of the latest second (after an outage, the best of those that '
        'arrive together). "Final" is the score of the race\'s last second, which decides. More: '
        "docs/scores.md"
    )
