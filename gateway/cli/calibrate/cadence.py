"""`calibrate cadence`: check whether a bike counts the turns of the cranks correctly."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from gateway.cli.calibrate.fake import FAKE, MADE_UP, FakeOption, command_for, fake_directory
from gateway.cli.calibrate.session import (
    AnswersOption,
    BikeArgument,
    ConfigOption,
    JsonOption,
    exit_on_error,
    numbers_of,
    script_of,
)
from gateway.cli.completion import protocols
from gateway.cli.exits import fail
from gateway.cli.options import chosen_driver
from gateway.cli.service import SERVICE_CONFIG
from gateway.host.errors import FAILED, USAGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from drivers import Driver
    from gateway.calibrating.cadence.dialogue import Way
    from gateway.calibrating.fake import FakePedaller
    from gateway.calibrating.prompt import AnswerSource
    from gateway.calibrating.session import CalibrationSession
    from gateway.terminal.keyboard import Keyboard
    from gateway.timing.clock import GatewayClock

TURNS = 30
METRONOME_S = 30.0
AGAINST_S = 60.0
#: The slowest and the fastest metronome that a rider can follow, rpm.
BEATS = (30, 150)

CountOption = Annotated[
    int | None,
    typer.Option(min=5, max=500, metavar="N", help=f"Count N turns; the default is {TURNS}."),
]
MetronomeOption = Annotated[
    str | None,
    typer.Option(metavar="RPM,RPM", help="Pedal to a metronome, at rpm such as 60,90."),
]
AgainstOption = Annotated[
    str | None,
    typer.Option(
        metavar="BIKE2",
        help="Compare with a second sensor: a Bluetooth address, a serial port, `ant:` with a "
        "device number, or `fake`.",
    ),
]
ProtocolOption = Annotated[
    str | None,
    typer.Option(
        help="The second sensor's protocol; required for a serial port.",
        autocompletion=protocols,
    ),
]
SecondsOption = Annotated[
    float | None,
    typer.Option(
        min=5,
        max=600,
        help="How long to measure, in s; default: "
        f"{METRONOME_S:g} at each rpm of --metronome, {AGAINST_S:g} with --against.",
    ),
]
FactorOption = Annotated[
    float, typer.Option(min=0.1, max=4, help="Multiply the fake bike's cadence by this.")
]
SilentOption = Annotated[bool, typer.Option("--silent", help="Turn off the metronome's bell.")]
YesOption = Annotated[
    bool, typer.Option("--yes", help="Save a scale of exactly 0.1, 0.5, 1 or 2 without asking.")
]


class _Method(NamedTuple):
    """The source of the true cadence: a metronome, a second sensor, or else counted turns."""

    turns: int
    rpms: tuple[float, ...] | None
    sensor_name: str
    sensor: "Driver | None"
    seconds: float


class _CheckOptions(NamedTuple):
    """The other options; without a `pedaller` a person pedals a real bike."""

    pedaller: "FakePedaller | None"
    answers: "AnswerSource | None"
    is_json: bool
    is_silent: bool
    saves_ratio: bool


def cadence(
    bike: BikeArgument,
    config: ConfigOption = SERVICE_CONFIG,
    count: CountOption = None,
    metronome: MetronomeOption = None,
    against: AgainstOption = None,
    against_protocol: ProtocolOption = None,
    seconds: SecondsOption = None,
    answers: AnswersOption = None,
    json: JsonOption = False,
    fake_bike: FakeOption = False,
    fake_factor: FactorOption = 1.0,
    silent: SilentOption = False,
    yes: YesOption = False,
) -> None:
    """Check a bike's cadence, and save the scale that corrects it.

    While you pedal, count turns, follow a metronome or use a second sensor. This also works
    during a race.
    """
    import asyncio

    from gateway.timing.clock import SystemClock

    if [count, metronome, against].count(None) < 2:
        fail("--count, --metronome and --against exclude each other; choose one", USAGE)
    clock = SystemClock()
    pedaller = _pedaller(bike, fake_factor, clock) if fake_bike else None
    sensor = None if against is None else _sensor(against, against_protocol, pedaller, clock)
    seconds = seconds or (METRONOME_S if against is None else AGAINST_S)
    rpms = None
    if metronome is not None:
        rpms = numbers_of("--metronome", metronome, "rpm", BEATS, "60,90")
    method = _Method(count or TURNS, rpms, against or "", sensor, seconds)
    options = _CheckOptions(pedaller, script_of(answers), json, silent, yes)
    with exit_on_error():
        if not asyncio.run(_check(bike, config, method, options, clock)):
            raise typer.Exit(FAILED)


def _pedaller(bike: str, factor: float, clock: "GatewayClock") -> "FakePedaller":
    from drivers.registry import load_drivers
    from gateway.calibrating.fake import FakePedaller

    return FakePedaller(bike, factor, load_drivers()[FAKE], fake_directory(), clock)


def _sensor(
    name: str, protocol: str | None, pedaller: "FakePedaller | None", clock: "GatewayClock"
) -> "Driver":
    from gateway.setup.bike_spec import NotABike, ProtocolMissing, named_bike

    if pedaller is not None and name == FAKE:
        return pedaller.right_bike()
    try:
        named_bike(name, protocol)
    except ProtocolMissing:
        fail(f"--against {name}: a serial port needs --against-protocol", USAGE)
    except NotABike as error:
        fail(f"--against: {error}", USAGE)
    return chosen_driver(name, None, protocol, clock)[1]


async def _check(
    bike: str, config: Path, method: _Method, options: _CheckOptions, clock: "GatewayClock"
) -> bool:
    import sys
    from contextlib import AsyncExitStack

    from gateway.calibrating.cadence.dialogue import check_cadence
    from gateway.calibrating.cadence.view import CadenceScreen
    from gateway.calibrating.prompt import Keys
    from gateway.calibrating.view.ride import RideScript, ride_event
    from gateway.terminal.console import Console
    from gateway.terminal.keyboard import Keyboard
    from gateway.terminal.live import open_live_view

    async with AsyncExitStack() as stack:
        pedaller, console = options.pedaller, Console()
        session = await stack.enter_async_context(_session(bike, config, pedaller, clock))
        view = stack.enter_context(
            open_live_view(console, RideScript[CadenceScreen](), is_json=options.is_json)
        )
        if pedaller is not None:
            view.tell(ride_event("fake_bike", MADE_UP))
        answers, keyboard = options.answers, None
        if sys.stdin.isatty():
            keyboard = stack.enter_context(Keyboard(view.suspend, view.resume))
            answers = answers or Keys(keyboard.key)
        has_bell = console.is_terminal and not options.is_json and not options.is_silent
        way = _way(method, pedaller, keyboard, console.bell if has_bell else _ring_nothing)
        return await check_cadence(
            session,
            clock,
            view,
            way,
            answers,
            saves_ratio=options.saves_ratio,
            command=command_for(config, fake_bike=pedaller is not None),
        )


def _ring_nothing() -> None:
    pass


def _session(
    bike: str, config: Path, pedaller: "FakePedaller | None", clock: "GatewayClock"
) -> "AbstractAsyncContextManager[CalibrationSession]":
    if pedaller is not None:
        return pedaller.session()
    from gateway.cli.calibrate.bike import session_with

    return session_with(bike, config)


def _way(
    method: _Method,
    pedaller: "FakePedaller | None",
    keyboard: "Keyboard | None",
    ring: "Callable[[], None]",
) -> "Way":
    from gateway.terminal.keyboard import ENTER

    async def press(turns: int) -> None:
        del turns  # The person counts them.
        assert keyboard is not None
        keyboard.forget()
        while await keyboard.key() != ENTER:
            pass

    def follow(rpm: float) -> None:
        """Do nothing: the person hears the metronome."""

    rpms, sensor = method.rpms, method.sensor
    if rpms is not None:
        follower = follow if pedaller is None else pedaller.follow
        return lambda ride: ride.by_metronome(rpms, method.seconds, follower, ring)
    if sensor is not None:
        return lambda ride: ride.by_sensor(sensor, method.sensor_name, method.seconds)
    if pedaller is None and keyboard is None:
        fail("counting needs a terminal; without one use --metronome or --against", USAGE)
    presser = press if pedaller is None else pedaller.press
    return lambda ride: ride.by_count(method.turns, presser)
