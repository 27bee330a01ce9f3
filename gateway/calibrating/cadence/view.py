"""The views of a cadence check: redrawn on a terminal, as lines, or as JSON."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gateway.bike.link import LinkState
from gateway.calibrating.measuring.cadence_words import in_rpm
from gateway.calibrating.measuring.metronome import ASCII_LETTERS, LETTERS, mark
from gateway.calibrating.state import LinkStatus
from gateway.terminal.live import Event
from gateway.timing.units import NS_PER_S

#: The width of the metronome's line and of the bar, in columns.
_WIDTH = 60


@dataclass(frozen=True, slots=True)
class CadenceScreen:
    """One moment of a check. None means not reported, or nothing to show.

    `said_rpm` is the cadence that the bike reports, `other_rpm` that of the second sensor. `done`
    is the share of the measurement that is over, `phase` that of the metronome's turn.
    """

    bike_id: str
    link: LinkStatus
    said_rpm: float | None
    scale: float
    instruction: str
    doing: str = ""
    other: str = ""
    other_rpm: float | None = None
    done: float | None = None
    phase: float | None = None
    keys: tuple[tuple[str, str], ...] = ()


class CadenceScript:
    """A Script for a cadence check. Its JSON contains the words of each event, too."""

    figures_every_ns = NS_PER_S

    def __init__(self) -> None:
        self._before: CadenceScreen | None = None

    def draw(self, screen: CadenceScreen, width: int, height: int) -> RenderableType:
        del width, height
        return drawn(screen)

    def moment(self, screen: CadenceScreen) -> object:
        """Return the screen itself: each one is drawn, because the mark moves smoothly."""
        return screen

    def events(self, screen: CadenceScreen, now_ns: int) -> Iterator[Event]:
        del now_ns
        before, self._before = self._before, screen
        if before is None or screen.instruction != before.instruction:
            data = {"words": screen.instruction, "keys": dict(screen.keys)}
            words = f"→ {screen.instruction}{''.join(map(_key, screen.keys))}"
            yield Event("instruction", words, data)
        if before is not None and screen.link != before.link:
            yield self.figures(screen)

    def figures(self, screen: CadenceScreen) -> Event:
        words = [_heading(screen), *_values(screen), screen.doing]
        data = {
            "link": screen.link.state.value,
            "reason": screen.link.reason,
            "said_rpm": screen.said_rpm,
            "other_rpm": screen.other_rpm,
            "doing": screen.doing,
            "done": None if screen.done is None else round(screen.done, 2),
        }
        return Event("figures", "  ".join(word for word in words if word), data)


def cadence_event(kind: str, words: str, **data: object) -> Event:
    """Return an event whose words are in its JSON as well."""
    return Event(kind, words, {"words": words, **data})


def drawn(screen: CadenceScreen) -> RenderableType:
    """Lay out the screen for a terminal of 80 columns or more."""
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
        bar = Table.grid()  # A ProgressBar alone does not end its line.
        bar.add_row(ProgressBar(total=1, completed=screen.done, width=_WIDTH))
        lines.append(bar)
    keys = (*screen.keys, ("Ctrl-C", "quit without saving"))
    lines += [Text(), Text("".join(map(_key, keys)).lstrip(), style="dim")]
    return Group(*lines)


@dataclass(frozen=True, slots=True)
class _Mark:
    """The metronome's mark, in Unicode or ASCII depending on the console."""

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
    values = [f"the bike reports {_rpm(screen.said_rpm)}"]
    if screen.said_rpm is not None and screen.scale != 1:
        values.append(f"counted as {_rpm(screen.said_rpm * screen.scale)} (× {screen.scale:g})")
    if screen.other:
        values.append(f"{screen.other} reports {_rpm(screen.other_rpm)}")
    return values


def _rpm(rpm: float | None) -> str:
    return "nothing" if rpm is None else f"{in_rpm(rpm)} rpm"
