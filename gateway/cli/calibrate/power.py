"""`calibrate power`: check a bike's power, and correct it."""

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
    from contextlib import AbstractAsyncContextManager, AsyncExitStack

    from gateway.calibrating.fake import FakePowerRider
    from gateway.calibrating.power.dialogue import PowerWay
    from gateway.calibrating.prompt import AnswerSource
    from gateway.calibrating.second_sensor import SecondSensor
    from gateway.calibrating.session import CalibrationSession
    from gateway.timing.clock import GatewayClock

WATTS = "100,200"
WATTS_S = 30.0
AGAINST_S = 180.0
#: Less is never enough to compare two sensors, in seconds.
AGAINST_LEAST_S = 60.0
#: The least and the most that a rider can hold, W.
HELD_W = (30, 1000)

WattsOption = Annotated[
    str | None,
    typer.Option(
        metavar="W,W",
        help=f"Hold these powers, as shown by the console or a trainer; the default is {WATTS}.",
    ),
]
AgainstOption = Annotated[
    str | None,
    typer.Option(
        metavar="BIKE2",
        help="Compare with a second sensor: another bike in the config, a Bluetooth address, a "
        "serial port, `ant:` with a device number, or `fake`.",
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
        min=10,
        max=1800,
        help=f"How long to measure, in s; default: {WATTS_S:g} at each power of --watts, "
        f"{AGAINST_S:g} in all with --against.",
    ),
]
FactorOption = Annotated[
    float, typer.Option(min=0.1, max=10, help="Multiply the fake bike's power by this.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Save the correction without asking.")]


class _PowerMethod(NamedTuple):
    """The source of the true power: a second sensor, or else known powers."""

    watts: tuple[float, ...]
    sensor_name: str | None
    sensor_protocol: str | None
    seconds: float


class _PowerOptions(NamedTuple):
    """The other options; without a `rider` a person rides a real bike."""

    bike: str
    config: Path
    rider: "FakePowerRider | None"
    answers: "AnswerSource | None"
    is_json: bool
    saves: bool


def power(
    bike: BikeArgument,
    config: ConfigOption = SERVICE_CONFIG,
    watts: WattsOption = None,
    against: AgainstOption = None,
    against_protocol: ProtocolOption = None,
    seconds: SecondsOption = None,
    answers: AnswersOption = None,
    json: JsonOption = False,
    fake_bike: FakeOption = False,
    fake_factor: FactorOption = 1.0,
    yes: YesOption = False,
) -> None:
    """Check a bike's power, and save what corrects it.

    Ride at powers that a console or a trainer shows, or use a second power meter. This also works
    during a race.
    """
    import asyncio

    from gateway.timing.clock import SystemClock

    if watts is not None and against is not None:
        fail("--watts and --against exclude each other; choose one", USAGE)
    if against == bike:
        fail(f"--against {against}: expected a sensor other than the bike itself", USAGE)
    if against is not None and seconds is not None and seconds < AGAINST_LEAST_S:
        fail(f"--seconds {seconds:g}: --against needs {AGAINST_LEAST_S:g} or more", USAGE)
    clock = SystemClock()
    rider = _fake_rider(bike, fake_factor, clock) if fake_bike else None
    seconds = seconds or (WATTS_S if against is None else AGAINST_S)
    held = numbers_of("--watts", watts or WATTS, "W", HELD_W, WATTS)
    method = _PowerMethod(held, against, against_protocol, seconds)
    options = _PowerOptions(bike, config, rider, script_of(answers), json, yes)
    with exit_on_error():
        if not asyncio.run(_check(method, options, clock)):
            raise typer.Exit(FAILED)


def _fake_rider(bike: str, factor: float, clock: "GatewayClock") -> "FakePowerRider":
    from drivers.registry import load_drivers
    from gateway.calibrating.fake import FakePowerRider

    return FakePowerRider(bike, factor, load_drivers()[FAKE], fake_directory(), clock)


async def _check(method: _PowerMethod, options: _PowerOptions, clock: "GatewayClock") -> bool:
    import sys
    from contextlib import AsyncExitStack

    from gateway.calibrating.power.dialogue import check_power
    from gateway.calibrating.power.view import PowerScreen
    from gateway.calibrating.prompt import Keys
    from gateway.calibrating.view.ride import RideScript, ride_event
    from gateway.terminal.console import Console
    from gateway.terminal.keyboard import Keyboard
    from gateway.terminal.live import open_live_view

    async with AsyncExitStack() as stack:
        rider, answers = options.rider, options.answers
        session = await stack.enter_async_context(_session(options))
        sensor = await _sensor(method, options, clock, stack)
        script = RideScript[PowerScreen]()
        view = stack.enter_context(open_live_view(Console(), script, is_json=options.is_json))
        if rider is not None:
            view.tell(ride_event("fake_bike", MADE_UP))
        if sys.stdin.isatty():
            keyboard = stack.enter_context(Keyboard(view.suspend, view.resume))
            answers = answers or Keys(keyboard.key)
        return await check_power(
            session,
            clock,
            view,
            _way(method, sensor, rider, answers),
            answers,
            saves=options.saves,
            command=command_for(options.config, fake_bike=rider is not None),
        )


def _session(options: _PowerOptions) -> "AbstractAsyncContextManager[CalibrationSession]":
    if options.rider is not None:
        return options.rider.session()
    from gateway.cli.calibrate.bike import session_with

    return session_with(options.bike, options.config)


async def _sensor(
    method: _PowerMethod, options: _PowerOptions, clock: "GatewayClock", stack: "AsyncExitStack"
) -> "SecondSensor | None":
    """Return the second sensor; None if powers are held instead."""
    from gateway.calibrating.second_sensor import BikeSensor, OwnSensor
    from gateway.cli.calibrate.bike import session_with
    from gateway.setup.bike_spec import NotABike, ProtocolMissing, named_bike

    name, protocol = method.sensor_name, method.sensor_protocol
    if name is None:
        return None
    if options.rider is not None and name == FAKE:
        return OwnSensor(name, options.rider.right_bike(), clock)
    try:
        named_bike(name, protocol)
    except ProtocolMissing:
        fail(f"--against {name}: a serial port needs --against-protocol", USAGE)
    except NotABike as error:
        if options.rider is not None:
            fail(f"--against: {error}", USAGE)
        other = await stack.enter_async_context(session_with(name, options.config))
        return BikeSensor(other)
    return OwnSensor(name, chosen_driver(name, None, protocol, clock)[1], clock)


def _way(
    method: _PowerMethod,
    sensor: "SecondSensor | None",
    rider: "FakePowerRider | None",
    answers: "AnswerSource | None",
) -> "PowerWay":
    def hold(watts: float) -> None:
        """Do nothing: the person reads the instruction."""

    holder = hold if rider is None else rider.hold
    if sensor is not None:
        return lambda ride: ride.by_sensor(sensor, method.seconds, holder)
    steady = rider or answers
    if steady is None:
        fail("--watts needs a terminal or --answers FILE; without them use --against", USAGE)
    return lambda ride: ride.by_watts(method.watts, method.seconds, holder, steady)
