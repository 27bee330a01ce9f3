"""A guided session with a bike: its options, its answers, its view, and its error messages."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

import typer

from gateway.cli.calibrate.fake import MADE_UP, command_for, fake_directory
from gateway.cli.completion import bike_ids
from gateway.cli.exits import fail
from gateway.host.errors import FAILED, INTERRUPTED, USAGE

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from gateway.calibrating.fake import FakeRig
    from gateway.calibrating.guided.capture import GuidedContext
    from gateway.calibrating.measuring.guide import Target
    from gateway.calibrating.prompt import AnswerSource
    from gateway.calibrating.session import CalibrationSession
    from gateway.timing.clock import GatewayClock

Result = TypeVar("Result")

#: How long a question waits for an answer, in seconds. A person may be called away; a script
#: must not hang.
PERSON_PATIENCE_S = 900.0
SCRIPT_PATIENCE_S = 120.0

BikeArgument = Annotated[
    str,
    typer.Argument(metavar="BIKE", help="The bike's id in the config.", autocompletion=bike_ids),
]
ConfigOption = Annotated[Path, typer.Option(metavar="FILE", help="The gateway's config file.")]
AnswersOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Answers to the questions, one word per line; # starts a comment."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object per event.")]


class SessionOptions(NamedTuple):
    """The command-line options of a guided session."""

    config: Path
    answers: Path | None
    is_json: bool
    is_fake: bool


def run_guided(
    bike: str, options: SessionOptions, act: "Callable[[GuidedContext], Awaitable[Result]]"
) -> Result:
    """Return what `act` returns for `bike`; end the command with an error message if it fails."""
    import asyncio

    with exit_on_error():
        return asyncio.run(_run_session(bike, options, act))


@contextmanager
def exit_on_error() -> Iterator[None]:
    """End the command with an error message when the session fails; silence the log meanwhile."""
    import structlog

    from gateway.calibrating.guided.capture import Quit
    from gateway.calibrating.prompt import AnswerError
    from gateway.calibrating.state import CalibrationError

    structlog.configure(
        logger_factory=structlog.ReturnLoggerFactory()
    )  # The view shows everything.
    try:
        yield
    except KeyboardInterrupt:
        fail("\ninterrupted: nothing was changed", INTERRUPTED)
    except EOFError:
        fail("the terminal was closed: nothing was changed", FAILED)
    except Quit:
        fail("quit: nothing was changed", FAILED)
    except (CalibrationError, AnswerError) as error:
        fail(str(error), FAILED)


async def _run_session(
    bike: str,
    options: SessionOptions,
    act: "Callable[[GuidedContext], Awaitable[Result]]",
) -> Result:
    import sys
    from contextlib import AsyncExitStack

    from gateway.calibrating.guided.capture import GuidedContext
    from gateway.calibrating.prompt import Keys
    from gateway.calibrating.view.script import CalibrationScript
    from gateway.terminal.console import Console
    from gateway.terminal.keyboard import Keyboard
    from gateway.terminal.live import Event, open_live_view
    from gateway.timing.clock import SystemClock

    clock = SystemClock()
    answers = script_of(options.answers)
    is_terminal = sys.stdin.isatty()
    if answers is None and not is_terminal:
        fail("the questions need a terminal; without one use --answers FILE", USAGE)
    async with AsyncExitStack() as stack:
        rig = _rig(bike, clock) if options.is_fake else None
        session = await stack.enter_async_context(_session(bike, options.config, rig))
        console = Console()
        script = CalibrationScript(console)
        view = stack.enter_context(open_live_view(console, script, is_json=options.is_json))
        if rig is not None:
            view.tell(Event("made up", MADE_UP))
        if is_terminal:
            keyboard = stack.enter_context(Keyboard(view.suspend, view.resume))
            answers = answers or Keys(keyboard.key)
        assert answers is not None
        patience_s = PERSON_PATIENCE_S if options.answers is None else SCRIPT_PATIENCE_S
        hand = _own_hand if rig is None else rig.turn_to
        command = command_for(options.config, fake_bike=options.is_fake)
        return await act(GuidedContext(session, view, answers, clock, hand, patience_s, command))


def _own_hand(target: "Target") -> None:
    """Do nothing: the person turns the knob."""


def numbers_of(
    option: str, text: str, unit: str, limits: tuple[float, float], example: str
) -> tuple[float, ...]:
    """Return the numbers in a comma-separated list; fail unless each is within the limits."""
    least, most = limits
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(least <= number <= most for number in numbers):
        fail(f"{option} {text}: expected {unit} from {least} to {most}, such as {example}", USAGE)
    return numbers


def script_of(file: Path | None) -> "AnswerSource | None":
    """Return the answers in `file`; end the command with an error message if it is unreadable."""
    from gateway.calibrating.prompt import AnswerFile

    if file is None:
        return None
    try:
        return AnswerFile(file)
    except OSError as error:
        fail(f"cannot read the answers in {file}: {error.strerror}", USAGE)


def _rig(bike: str, clock: "GatewayClock") -> "FakeRig":
    from drivers.registry import load_drivers
    from gateway.calibrating.fake import FakeRig

    return FakeRig(bike, load_drivers()["fake"], fake_directory(), clock)


def _session(
    bike: str, config: Path, rig: "FakeRig | None"
) -> "AbstractAsyncContextManager[CalibrationSession]":
    if rig is not None:
        return rig.session
    from gateway.cli.calibrate.bike import session_with

    return session_with(bike, config)
