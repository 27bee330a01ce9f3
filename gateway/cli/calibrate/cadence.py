"""`calibrate cadence`: does a bike count the turns of the cranks rightly?"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.calibrate.session import (
    AnswersOption,
    BikeArgument,
    ConfigOption,
    JsonOption,
    ended_in_words,
    script_of,
)
from gateway.cli.exits import fail
from gateway.cli.options import chosen_driver
from gateway.cli.service import SERVICE_CONFIG
from gateway.host.errors import FAILED, USAGE

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from drivers import Driver
    from gateway.calibrating.cadence.dialogue import Way
    from gateway.calibrating.fake import FakePedaller
    from gateway.calibrating.prompt import Answers
    from gateway.calibrating.session import CalibrationSession
    from gateway.terminal.keyboard import Keyboard
    from gateway.timing.clock import Clock

TURNS = 30
METRONOME_S = 30.0
AGAINST_S = 60.0
#: What legs can follow, rpm.
BEATS = (30, 150)
#: With `--fake-bike`, a sensor that says the fake bike's cadence as it is.
FAKE = "fake"

CountOption = Annotated[
    int | None,
    typer.Option(min=5, max=500, metavar="N", help=f"Count N turns; the default, with {TURNS}."),
]
MetronomeOption = Annotated[
    str | None, typer.Option(metavar="RPM,RPM", help="Pedal to a metronome, such as 60,90.")
]
AgainstOption = Annotated[
    str | None,
    typer.Option(
        metavar="BIKE2",
        help="Pedal with a second sensor: a Bluetooth address, a serial port, or `fake`.",
    ),
]
ProtocolOption = Annotated[
    str | None, typer.Option(help="What the second sensor speaks; a serial port needs it.")
]
SecondsOption = Annotated[
    float | None,
    typer.Option(
        min=5,
        max=600,
        help=f"How long to measure at each beat ({METRONOME_S:g}), or against ({AGAINST_S:g}).",
    ),
]
FakeOption = Annotated[
    bool, typer.Option("--fake-bike", help="A made-up bike, whose rider counts by himself.")
]
FactorOption = Annotated[
    float, typer.Option(min=0.1, max=4, help="The fake bike says so many times its cadence.")
]
SilentOption = Annotated[bool, typer.Option("--silent", help="A metronome without bell.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Save a plain ratio without asking.")]


@dataclass(frozen=True, slots=True)
class _Truth:
    """Where it comes from: a beat, a second sensor, else turns that are counted."""

    turns: int
    rpms: tuple[float, ...] | None
    sensor_name: str
    sensor: "Driver | None"
    seconds: float


@dataclass(frozen=True, slots=True)
class _Manner:
    """How it is gone about; without `pedaller` it is a real bike with a person on it."""

    pedaller: "FakePedaller | None"
    script: "Answers | None"
    is_json: bool
    is_silent: bool
    says_yes: bool


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
    """Check a bike's cadence, and save a scale that makes it right.

    You pedal, and count, keep to a beat, or wear a second sensor. Works while the daemon races.
    """
    from contextlib import ExitStack
    from tempfile import TemporaryDirectory

    from gateway.timing.clock import SystemClock

    if [count, metronome, against].count(None) < 2:
        fail("expected only one of --count, --metronome and --against", USAGE)
    rpms = None if metronome is None else _beats(metronome)
    script = script_of(answers)
    clock = SystemClock()
    with ExitStack() as stack:
        pedaller = None
        if fake_bike:
            directory = Path(stack.enter_context(TemporaryDirectory()))
            pedaller = _pedaller(fake_factor, directory, clock)
        sensor = None if against is None else _sensor(against, against_protocol, pedaller, clock)
        seconds = seconds or (METRONOME_S if against is None else AGAINST_S)
        truth = _Truth(count or TURNS, rpms, against or "", sensor, seconds)
        manner = _Manner(pedaller, script, json, silent, yes)
        is_right = _run(bike, config, truth, manner, clock)
    raise typer.Exit(0 if is_right else FAILED)


def _beats(text: str) -> tuple[float, ...]:
    slowest, fastest = BEATS
    try:
        rpms = tuple(float(part) for part in text.split(","))
    except ValueError:
        rpms = ()
    if not rpms or not all(slowest <= rpm <= fastest for rpm in rpms):
        fail(f"--metronome {text}: expected rpm from {slowest} to {fastest}, such as 60,90", USAGE)
    return rpms


def _pedaller(factor: float, directory: Path, clock: "Clock") -> "FakePedaller":
    from drivers.registry import load_drivers
    from gateway.calibrating.fake import FakePedaller

    return FakePedaller(factor, load_drivers()[FAKE], directory, clock)


def _sensor(
    name: str, protocol: str | None, pedaller: "FakePedaller | None", clock: "Clock"
) -> "Driver":
    from gateway.setup.bike_spec import NotABike, ProtocolMissing, named_bike

    if pedaller is not None and name == FAKE:
        return pedaller.right_bike()
    try:
        named_bike(name, protocol)
    except ProtocolMissing:
        fail(f"--against {name}: say what it speaks with --against-protocol", USAGE)
    except NotABike as error:
        fail(f"--against: {error}", USAGE)
    return chosen_driver(name, None, protocol, clock)[1]


def _run(bike: str, config: Path, truth: _Truth, manner: _Manner, clock: "Clock") -> bool:
    import asyncio

    with ended_in_words():
        return asyncio.run(_check(bike, config, truth, manner, clock))


async def _check(bike: str, config: Path, truth: _Truth, manner: _Manner, clock: "Clock") -> bool:
    import sys
    from contextlib import AsyncExitStack

    from rich.console import Console

    from gateway.calibrating.cadence.dialogue import check_cadence
    from gateway.calibrating.cadence.view import open_view
    from gateway.calibrating.prompt import Keys
    from gateway.terminal.keyboard import Keyboard

    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(_session(bike, config, manner.pedaller, clock))
        view = stack.enter_context(
            open_view(Console(), is_json=manner.is_json, is_silent=manner.is_silent)
        )
        if manner.pedaller is not None:
            view.tell("fake_bike", "a made-up bike: what is saved of it goes with it")
        answers = manner.script
        keyboard = None
        if sys.stdin.isatty():
            keyboard = stack.enter_context(Keyboard(view.suspend, view.resume))
            answers = answers or Keys(keyboard.key)
        way = _way(truth, manner.pedaller, keyboard)
        return await check_cadence(session, clock, view, way, answers, saves_ratio=manner.says_yes)


def _session(
    bike: str, config: Path, pedaller: "FakePedaller | None", clock: "Clock"
) -> "AbstractAsyncContextManager[CalibrationSession]":
    if pedaller is not None:
        return pedaller.session()
    from gateway.cli.calibrate.bike import session_with

    return session_with(bike, config)


def _way(truth: _Truth, pedaller: "FakePedaller | None", keyboard: "Keyboard | None") -> "Way":
    from gateway.terminal.keyboard import ENTER

    async def press(turns: int) -> None:
        del turns  # the person has counted them
        assert keyboard is not None
        keyboard.forget()
        while await keyboard.key() != ENTER:
            pass

    def follow(rpm: float) -> None:
        """The person hears it."""

    rpms, sensor = truth.rpms, truth.sensor
    if rpms is not None:
        follower = follow if pedaller is None else pedaller.follow
        return lambda ride: ride.by_metronome(rpms, truth.seconds, follower)
    if sensor is not None:
        return lambda ride: ride.by_sensor(sensor, truth.sensor_name, truth.seconds)
    if pedaller is None and keyboard is None:
        fail("to count needs a terminal; expected one, or --metronome or --against", USAGE)
    presser = press if pedaller is None else pedaller.press
    return lambda ride: ride.by_count(truth.turns, presser)
