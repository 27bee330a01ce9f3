"""A guided session with a bike: who answers, what is shown, and how it ends, in words."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

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

#: A person may be called away; a file of answers may not wait for ever.
PERSON_PATIENCE_S = 900.0
SCRIPT_PATIENCE_S = 120.0
#: Told before anything of a fake bike.
MADE_UP = "a made-up bike: what is saved of it goes with it"

BikeArgument = Annotated[str, typer.Argument(metavar="BIKE", help="The bike's id in the config.")]
ConfigOption = Annotated[Path, typer.Option(metavar="FILE", help="The gateway's TOML file.")]
AnswersOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A word for each question, one a line; # comments."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object for each event.")]
FakeOption = Annotated[
    bool,
    typer.Option(
        "--fake-bike", help="A made-up bike, whose knob turns by itself; needs no config."
    ),
]


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """The options of a guided session, as the command line has them."""

    config: Path
    answers: Path | None
    is_json: bool
    is_fake: bool


def run_guided(
    bike: str, options: SessionOptions, act: "Callable[[GuidedContext], Awaitable[Result]]"
) -> Result:
    """Return what `act` returns for that bike. Ends the command with words if it cannot be."""
    import asyncio
    from contextlib import ExitStack
    from tempfile import TemporaryDirectory

    with ExitStack() as stack:
        directory = None
        if options.is_fake:
            directory = Path(stack.enter_context(TemporaryDirectory()))
        with ended_in_words():
            return asyncio.run(_run_session(bike, options, directory, act))


@contextmanager
def ended_in_words() -> Iterator[None]:
    """Whatever ends a session ends the command with words; the log is silent meanwhile."""
    import structlog

    from gateway.calibrating.guided.capture import Quit
    from gateway.calibrating.prompt import AnswerError
    from gateway.calibrating.state import CalibrationError

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the view says it all
    try:
        yield
    except KeyboardInterrupt:
        fail("\ninterrupted: everything is as it was", INTERRUPTED)
    except EOFError:
        fail("the terminal is gone: everything is as it was", FAILED)
    except Quit:
        fail("left: everything is as it was", FAILED)
    except (CalibrationError, AnswerError) as error:
        fail(str(error), FAILED)


async def _run_session(
    bike: str,
    options: SessionOptions,
    directory: Path | None,
    act: "Callable[[GuidedContext], Awaitable[Result]]",
) -> Result:
    import sys
    from contextlib import AsyncExitStack

    from rich.console import Console

    from gateway.calibrating.guided.capture import GuidedContext
    from gateway.calibrating.prompt import Keys
    from gateway.calibrating.view.script import CalibrationScript
    from gateway.terminal.keyboard import Keyboard
    from gateway.terminal.live import Event, open_live_view
    from gateway.timing.clock import SystemClock

    clock = SystemClock()
    answers = script_of(options.answers)
    is_terminal = sys.stdin.isatty()
    if answers is None and not is_terminal:
        fail("no terminal to ask on; expected one, or --answers FILE", USAGE)
    async with AsyncExitStack() as stack:
        rig = None if directory is None else _rig(bike, directory, clock)
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
        return await act(GuidedContext(session, view, answers, clock, hand, patience_s))


def _own_hand(target: "Target") -> None:
    """The person's."""


def script_of(file: Path | None) -> "AnswerSource | None":
    """The answers in that file. Ends the command with words if it cannot be read."""
    from gateway.calibrating.prompt import AnswerFile

    if file is None:
        return None
    try:
        return AnswerFile(file)
    except OSError as error:
        fail(f"{file}: {error.strerror}; expected a file of answers", USAGE)


def _rig(bike: str, directory: Path, clock: "GatewayClock") -> "FakeRig":
    from drivers.registry import load_drivers
    from gateway.calibrating.fake import FakeRig

    return FakeRig(bike, load_drivers()["fake"], directory, clock)


def _session(
    bike: str, config: Path, rig: "FakeRig | None"
) -> "AbstractAsyncContextManager[CalibrationSession]":
    if rig is not None:
        return rig.session
    from gateway.cli.calibrate.bike import session_with

    return session_with(bike, config)
