"""`fleet`: races up to 10,000 fake racers from one process."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import fail
from gateway.host.errors import BAD_CONFIG, FAILED, INTERRUPTED, USAGE

if TYPE_CHECKING:
    from gateway.config.schema import Config
    from gateway.simulation.fleet.plan import FleetOptions, Plan
    from gateway.simulation.fleet.session import FleetTarget
    from gateway.simulation.page.server import RacePage
    from gateway.simulation.scene import Summary
    from gateway.terminal.console import Console

#: Prefix of the thing names in the cloud on this computer. With a config, the prefix is its thing
#: name followed by ":fleet-", which the shipped policy allows.
LOCAL_PREFIX = "fleet-"


RacersOption = Annotated[int, typer.Option(min=1, max=10_000, help="Fake racers.")]
RaceOption = Annotated[int, typer.Option(min=10, max=3600, help="Length of the race, in s.")]
ConnectionsOption = Annotated[
    int | None,
    typer.Option(min=1, metavar="M", help="Share M connections; default: one per racer."),
]
RacesOption = Annotated[
    int, typer.Option(min=1, metavar="K", help="Spread the racers over K simultaneous races.")
]
ClassesOption = Annotated[
    str,
    typer.Option(metavar="1-6", help="Classes that the races take in turn, such as 1-6, 2 or 1,3."),
]
SeedOption = Annotated[
    int, typer.Option(min=0, help="Seed of the rides; the same seed repeats them.")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Race through the cloud in this config file; default: a simulated cloud on this "
        "computer.",
    ),
]
StateDirOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Keep unacknowledged messages in files below DIR."),
]
YesOption = Annotated[
    bool,
    typer.Option("--yes", help="Do not ask before racing through a cloud that may cost money."),
]
PageOption = Annotated[
    bool, typer.Option("--page", help="Show the race in a browser as well, at an address to open.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="End with the summary as JSON.")]


def fleet(
    racers: RacersOption = 100,
    race: RaceOption = 60,
    connections: ConnectionsOption = None,
    races: RacesOption = 1,
    classes: ClassesOption = "1-6",
    seed: SeedOption = 1,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    yes: YesOption = False,
    page: PageOption = False,
    json: JsonOption = False,
) -> None:
    """Race many fake racers at once, to test a backend.

    Each connection has a client id of its own. A race is ridden in one class, and ends by
    itself. The results are those of the original backend: the output of the last second decides.
    Exit code 1 if a message was not acknowledged or, when the stream can be read, if a message is
    missing from it, a race is on several shards, or results are not as expected.
    """
    import structlog

    from gateway.simulation.fleet.plan import FleetOptions
    from gateway.simulation.fleet.view import print_plan
    from gateway.simulation.view import print_summary, summary_json
    from gateway.terminal.console import Console

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the view replaces logs
    console = Console(stderr=json)
    plan = _plan(FleetOptions(racers, race, connections, races, _classes(classes), seed))
    target = _target(config, state_dir)
    print_plan(console, plan, target.name)
    _ask_first(console, plan, target, yes=yes)
    summary = _run(console, plan, target, _page(console) if page else None)
    print_summary(console, summary)
    if json:
        typer.echo(summary_json(summary))
    if summary.interrupted or not summary.ok:
        raise typer.Exit(INTERRUPTED if summary.interrupted else FAILED)


def _classes(text: str) -> tuple[int, ...]:
    import re

    spans = [re.fullmatch(r"([1-6])(?:-([1-6]))?", part) for part in text.split(",")]
    found = [n for span in spans if span for n in range(int(span[1]), int(span[2] or span[1]) + 1)]
    if not all(spans) or not found:
        fail(f"--classes {text}: expected classes from 1 to 6, such as 1-6, 2 or 1,3", USAGE)
    return tuple(found)


def _plan(options: "FleetOptions") -> "Plan":
    from gateway.simulation.fleet.plan import Plan, PlanError

    try:
        return Plan(options)
    except PlanError as error:
        fail(str(error), USAGE)


def _target(config: Path | None, state_dir: Path | None) -> "FleetTarget":
    from gateway.config.clock_trust import clock_trust
    from gateway.config.command_line import command_line
    from gateway.simulation.extra import DemoExtraError, require_demo_extra
    from gateway.simulation.fleet.session import FleetTarget

    if config is not None:
        loaded = _load(config)
        check = command_line("check", config)
        prefix, trust = f"{loaded.thing_name}:fleet-", clock_trust(loaded)
        return FleetTarget(loaded.cloud, prefix, state_dir, check, trust)
    try:
        require_demo_extra()
    except DemoExtraError as error:
        fail(f"{error}; or name a broker with --config", FAILED)
    return FleetTarget(None, LOCAL_PREFIX, state_dir)


def _load(config: Path) -> "Config":
    from drivers.registry import load_drivers
    from gateway.config.problems import ConfigError
    from gateway.config.schema import load_config

    try:
        return load_config(config, load_drivers())
    except ConfigError as error:
        fail(str(error), BAD_CONFIG)


def _ask_first(console: "Console", plan: "Plan", target: "FleetTarget", *, yes: bool) -> None:
    """Ask for confirmation if the broker may be AWS, where a race costs money.

    Any broker that is not on this computer may be.
    """
    import sys

    from gateway.config.cloud import is_this_machine
    from gateway.simulation.fleet.view import print_bill

    if target.cloud is None or is_this_machine(target.cloud.endpoint):
        return
    print_bill(console, plan)
    if yes:
        return
    if not sys.stdin.isatty():
        fail("cannot ask for confirmation without a terminal; add --yes to go ahead", USAGE)
    if not typer.confirm(f"Race through {target.cloud.endpoint}?", err=True):
        raise typer.Exit(FAILED)


def _page(console: "Console") -> "RacePage":
    from gateway.simulation.page.server import PageError, open_page

    try:
        opened = open_page(in_browser=False)
    except PageError as error:
        fail(str(error), FAILED)
    console.print(f"Watch it in a browser: {opened.url}", highlight=False, soft_wrap=True)
    return opened


def _run(
    console: "Console", plan: "Plan", target: "FleetTarget", page: "RacePage | None"
) -> "Summary":
    import asyncio
    import signal
    from functools import partial

    from gateway.cloud.uplink import CredentialsError
    from gateway.host.state_dir import StateDirError
    from gateway.simulation.cloud.client import LocalCloudError
    from gateway.simulation.fleet.plan import FleetError
    from gateway.simulation.fleet.session import run_fleet
    from gateway.simulation.page.server import shown
    from gateway.simulation.view import open_view
    from gateway.timing.clock import SystemClock
    from gateway.timing.clock_sync import clock_source

    async def race() -> "Summary":
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        with open_view(console) as show:
            clock = SystemClock(partial(clock_source, target.trust))
            return await shown(page, show, partial(run_fleet, plan, target, clock, stop))

    try:
        return asyncio.run(race())
    except CredentialsError as error:
        fail(str(error), BAD_CONFIG)
    except LocalCloudError as error:
        fail(f"{error}; or name a broker with --config", FAILED)
    except (FleetError, StateDirError) as error:
        fail(str(error), FAILED)
