"""The views of a check during a ride: redrawn on a terminal, as lines, or as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gateway.bike.link import LinkState
from gateway.calibrating.state import LinkStatus
from gateway.terminal.live import Event
from gateway.timing.units import NS_PER_S

#: The width of the bar, in columns.
BAR_WIDTH = 60


class RideScreen(Protocol):
    """One moment of a check. `done` is the share of the measurement that is over."""

    @property
    def bike_id(self) -> str: ...
    @property
    def link(self) -> LinkStatus: ...
    @property
    def instruction(self) -> str: ...
    @property
    def doing(self) -> str: ...
    @property
    def done(self) -> float | None: ...
    @property
    def keys(self) -> tuple[tuple[str, str], ...]: ...

    @property
    def values(self) -> Sequence[str]:
        """The values now, in words."""
        ...

    @property
    def numbers(self) -> Mapping[str, float | None]:
        """The values now, for JSON."""
        ...

    @property
    def picture(self) -> RenderableType | None:
        """A picture below the instruction, such as the metronome's mark."""
        ...


Screen = TypeVar("Screen", bound=RideScreen)


class RideScript(Generic[Screen]):
    """A Script for a check during a ride. Its JSON contains the words of each event, too."""

    figures_every_ns = NS_PER_S

    def __init__(self) -> None:
        self._before: Screen | None = None

    def draw(self, screen: Screen, width: int, height: int) -> RenderableType:
        del width, height
        return drawn(screen)

    def moment(self, screen: Screen) -> object:
        """Return the screen itself: each one is drawn, because the mark moves smoothly."""
        return screen

    def events(self, screen: Screen, now_ns: int) -> Iterator[Event]:
        del now_ns
        before, self._before = self._before, screen
        if before is None or screen.instruction != before.instruction:
            data = {"words": screen.instruction, "keys": dict(screen.keys)}
            words = f"→ {screen.instruction}{''.join(map(_key, screen.keys))}"
            yield Event("instruction", words, data)
        if before is not None and screen.link != before.link:
            yield self.figures(screen)

    def figures(self, screen: Screen) -> Event:
        words = [_heading(screen), *screen.values, screen.doing]
        data = {
            "link": screen.link.state.value,
            "reason": screen.link.reason,
            **screen.numbers,
            "doing": screen.doing,
            "done": None if screen.done is None else round(screen.done, 2),
        }
        return Event("figures", "  ".join(word for word in words if word), data)


def ride_event(kind: str, words: str, **data: object) -> Event:
    """Return an event whose words are in its JSON as well."""
    return Event(kind, words, {"words": words, **data})


def drawn(screen: RideScreen) -> RenderableType:
    """Lay out the screen for a terminal of 80 columns or more."""
    is_connected = screen.link.state is LinkState.CONNECTED
    lines: list[RenderableType] = [
        Text(_heading(screen), style="" if is_connected else "yellow"),
        Text("  ".join(screen.values), style="bold"),
        Text(),
        Text(screen.instruction),
    ]
    if screen.picture is not None:
        lines += [Text(), screen.picture]
    if screen.doing:
        share = "" if screen.done is None else f" {screen.done:4.0%}"
        lines += [Text(), Text(screen.doing + share)]
    if screen.done is not None:
        bar = Table.grid()  # A ProgressBar alone does not end its line.
        bar.add_row(ProgressBar(total=1, completed=screen.done, width=BAR_WIDTH))
        lines.append(bar)
    keys = (*screen.keys, ("Ctrl-C", "quit without saving"))
    lines += [Text(), Text("".join(map(_key, keys)).lstrip(), style="dim")]
    return Group(*lines)


def _key(key: tuple[str, str]) -> str:
    return f"   {key[0]}  {key[1]}"


def _heading(screen: RideScreen) -> str:
    reason = f": {screen.link.reason}" if screen.link.reason else ""
    return f"{screen.bike_id}: {screen.link.state.value}{reason}"
