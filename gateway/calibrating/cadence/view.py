"""How a cadence check is shown while it lasts: in place on a terminal, as lines, as JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gateway.bike.link import LinkState
from gateway.calibrating.measuring.cadence_words import in_rpm
from gateway.calibrating.measuring.metronome import ASCII_LETTERS, LETTERS, mark
from gateway.calibrating.session import Link
from gateway.terminal.live import lossy

#: Between two lines where nothing is redrawn.
PRINT_EVERY_NS = 1_000_000_000
#: Of the metronome's line and of the bar, in columns.
_WIDTH = 60


@dataclass(frozen=True, slots=True)
class CadenceScreen:
    """One moment of a check. None: not said, or nothing to show.

    `said_rpm` is what the bike itself says, `other_rpm` what the second sensor says; `done` is the
    share of the measuring that is over, `phase` that of the metronome's turn.
    """

    bike_id: str
    link: Link
    said_rpm: float | None
    scale: float
    instruction: str
    doing: str = ""
    other: str = ""
    other_rpm: float | None = None
    done: float | None = None
    phase: float | None = None
    keys: tuple[tuple[str, str], ...] = ()


class CadenceView(Protocol):
    """Where it is shown."""

    def show(self, screen: CadenceScreen, now_ns: int) -> None:
        """As it is now; as often as you like."""
        ...

    def beat(self, number: int) -> None:
        """Now, for the ear."""
        ...

    def tell(self, event: str, words: str, **data: object) -> None:
        """Something that happened, and that stays."""
        ...

    def suspend(self) -> None: ...

    def resume(self) -> None: ...


@contextmanager
def open_view(console: Console, *, is_json: bool, is_silent: bool) -> Iterator[CadenceView]:
    """As fits the console. `is_silent`: no bell."""
    lossy(console)
    if is_json:
        yield JsonView(console)
    elif console.is_terminal:
        view = TerminalView(console, is_silent=is_silent)
        try:
            yield view
        finally:
            view.suspend()
    else:
        yield PlainView(console)


class TerminalView:
    """Redrawn in place; what is told stays above it."""

    def __init__(self, console: Console, *, is_silent: bool) -> None:
        self._console = console
        self._is_silent = is_silent
        self._live: Live | None = None

    def show(self, screen: CadenceScreen, now_ns: int) -> None:
        del now_ns
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(drawn(screen), refresh=True)

    def beat(self, number: int) -> None:
        del number
        if not self._is_silent:
            self._console.bell()

    def tell(self, event: str, words: str, **data: object) -> None:
        del event, data
        self._console.print(words, markup=False, highlight=False, emoji=False)

    def suspend(self) -> None:
        """A Live that is started again would wipe away what stands above it by then."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def resume(self) -> None:
        """The next look draws."""


class PlainView:
    """A line a second, and one for each event."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed: tuple[int, str] | None = None
        self._instruction = ""

    def show(self, screen: CadenceScreen, now_ns: int) -> None:
        if screen.instruction != self._instruction:
            self._instruction = screen.instruction
            self._print(f"→ {self._instruction}{''.join(map(_key, screen.keys))}")
        heading = _heading(screen)
        if self._printed is not None:
            at_ns, before = self._printed
            if now_ns - at_ns < PRINT_EVERY_NS and heading == before:
                return
        self._printed = (now_ns, heading)
        words = [heading, *_values(screen), screen.doing]
        self._print("  ".join(word for word in words if word))

    def beat(self, number: int) -> None:
        """Nobody hears a file."""

    def tell(self, event: str, words: str, **data: object) -> None:
        del event, data
        self._print(words)

    def suspend(self) -> None: ...

    def resume(self) -> None: ...

    def _print(self, text: str) -> None:
        self._console.out(text, highlight=False)


class JsonView:
    """An object a line: figures once a second, and every event."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed_ns: int | None = None
        self._instruction = ""

    def show(self, screen: CadenceScreen, now_ns: int) -> None:
        if screen.instruction != self._instruction:
            self._instruction = screen.instruction
            self._print("instruction", {"words": screen.instruction, "keys": dict(screen.keys)})
        if self._printed_ns is None or now_ns - self._printed_ns >= PRINT_EVERY_NS:
            self._printed_ns = now_ns
            figures: dict[str, object] = {
                "link": screen.link.state.value,
                "reason": screen.link.reason,
                "said_rpm": screen.said_rpm,
                "other_rpm": screen.other_rpm,
                "doing": screen.doing,
                "done": None if screen.done is None else round(screen.done, 2),
            }
            self._print("figures", figures)

    def beat(self, number: int) -> None:
        self._print("beat", {"number": number})

    def tell(self, event: str, words: str, **data: object) -> None:
        self._print(event, {"words": words, **data})

    def suspend(self) -> None: ...

    def resume(self) -> None: ...

    def _print(self, event: str, data: dict[str, object]) -> None:
        line = json.dumps({"event": event, **data}, ensure_ascii=False)
        self._console.out(line, highlight=False)


def drawn(screen: CadenceScreen) -> RenderableType:
    """For a terminal of 80 columns or more."""
    is_connected = screen.link.state is LinkState.CONNECTED
    lines: list[RenderableType] = [
        Text(_heading(screen), style="" if is_connected else "yellow"),
        Text("  ".join(_values(screen)), style="bold"),
        Text(),
        Text(screen.instruction),
    ]
    if screen.phase is not None:
        lines += [Text(), _Mark(screen.phase)]
    if screen.doing:
        share = "" if screen.done is None else f" {screen.done:4.0%}"
        lines += [Text(), Text(screen.doing + share)]
    if screen.done is not None:
        bar = Table.grid()  # which ends its line
        bar.add_row(ProgressBar(total=1, completed=screen.done, width=_WIDTH))
        lines.append(bar)
    keys = (*screen.keys, ("Ctrl-C", "leave everything as it was"))
    lines += [Text(), Text("".join(map(_key, keys)).lstrip(), style="dim")]
    return Group(*lines)


@dataclass(frozen=True, slots=True)
class _Mark:
    """The metronome's, as a console has letters."""

    phase: float

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        letters = ASCII_LETTERS if options.ascii_only else LETTERS
        yield Text(mark(self.phase, _WIDTH, letters), style="cyan")


def _key(key: tuple[str, str]) -> str:
    return f"   {key[0]}  {key[1]}"


def _heading(screen: CadenceScreen) -> str:
    reason = f": {screen.link.reason}" if screen.link.reason else ""
    return f"{screen.bike_id}: {screen.link.state.value}{reason}"


def _values(screen: CadenceScreen) -> list[str]:
    values = [f"the bike says {_rpm(screen.said_rpm)}"]
    if screen.said_rpm is not None and screen.scale != 1:
        values.append(f"× {screen.scale:g} counts as {_rpm(screen.said_rpm * screen.scale)}")
    if screen.other:
        values.append(f"{screen.other} says {_rpm(screen.other_rpm)}")
    return values


def _rpm(rpm: float | None) -> str:
    return "nothing" if rpm is None else f"{in_rpm(rpm)} rpm"
