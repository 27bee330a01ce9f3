"""Live output of commands: redrawn in place on a terminal, lines of text elsewhere, or JSON.

A command describes its screen with a `Script`; `open_live_view` chooses the view that fits.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.segment import SegmentLines
from rich.text import Text

#: Minimum time between redraws of the figures alone: a redraw is some kilobytes, perhaps over SSH.
REDRAW_NS = 250_000_000

Screen = TypeVar("Screen")
Screen_contra = TypeVar("Screen_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Event:
    """A change to report: `words` are for people, `data` is for programs.

    An event without words is for programs only.
    """

    kind: str
    words: str
    data: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the event as one line of JSON."""
        return json.dumps({"event": self.kind, **self.data}, ensure_ascii=False)


class Script(Protocol[Screen_contra]):
    """A command's output: how its screens are drawn, and what it reports if nothing is redrawn."""

    #: Time between two reports of the figures if nothing is redrawn.
    figures_every_ns: int

    def draw(self, screen: Screen_contra, width: int, height: int) -> RenderableType:
        """Return the screen, drawn for a terminal of this size in cells."""
        ...

    def moment(self, screen: Screen_contra) -> object:
        """Return what is redrawn at once when it changes: all but the running figures."""
        ...

    def events(self, screen: Screen_contra, now_ns: int) -> Iterable[Event]:
        """Return the events since the previous screen."""
        ...

    def figures(self, screen: Screen_contra) -> Event | None:
        """Return the running figures, or None if there are none to report."""
        ...


class LiveView(Protocol[Screen_contra]):
    """A view that shows the screens and events that it is given."""

    def show(self, screen: Screen_contra, now_ns: int) -> None:
        """Show `screen`. Call this after every change; `now_ns` is the monotonic time."""
        ...

    def tell(self, event: Event) -> None:
        """Report an event that is in no screen; it remains visible."""
        ...

    def suspend(self) -> None:
        """Stop drawing: another program is about to own the terminal."""
        ...

    def resume(self) -> None:
        """Draw again, below the text that was written meanwhile."""
        ...


@contextmanager
def open_live_view(
    console: Console, script: Script[Screen], *, is_json: bool = False
) -> Iterator[LiveView[Screen]]:
    """Yield the view that fits the console: JSON lines, a redrawn terminal, or lines of words."""
    if is_json:
        yield LinesView(script, lambda event: print_words(console, event.as_json()))
    elif not console.is_terminal:
        yield LinesView(script, lambda event: print_words(console, event.words))
    else:
        view = TerminalView(console, script)
        try:
            yield view
        finally:
            view.close()


class TerminalView(Generic[Screen]):
    """A view that is redrawn in place, and never higher than the terminal.

    Events are shown above the screen while there is room; after `close` only they remain.
    """

    def __init__(self, console: Console, script: Script[Screen]) -> None:
        self._console = console
        self._script = script
        self._live: Live | None = None
        self._shown: RenderableType = Group()
        self._event_words: list[Text] = []
        #: The moment that was drawn last, and the time of the redraw.
        self._drawn: tuple[object, int] | None = None
        self._size = console.size

    def show(self, screen: Screen, now_ns: int) -> None:
        """Draw `screen` at once if its moment is new, otherwise at most every REDRAW_NS."""
        moment = self._script.moment(screen)
        if self._drawn is not None:
            drawn, drawn_ns = self._drawn
            if moment == drawn and now_ns - drawn_ns < REDRAW_NS:
                return
        self._drawn = moment, now_ns
        self.draw(self._script.draw(screen, *self.room))

    def tell(self, event: Event) -> None:
        """Show the event's words above the screen."""
        if event.words:
            self._event_words.append(Text(event.words))
            self.draw(self._shown)

    def suspend(self) -> None:
        """Clear the screen and stop drawing."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def resume(self) -> None:
        """Draw the last screen again."""
        self.suspend()
        self.draw(self._shown)

    def close(self) -> None:
        """Print every event in order, because a high screen may have pushed some of them out."""
        self.suspend()
        for words in self._event_words:
            self._console.print(words)

    @property
    def room(self) -> tuple[int, int]:
        """Width and height of a screen, in cells; one line is reserved for the cursor."""
        size = self._console.size
        return size.width, size.height - 1

    def draw(self, renderable: RenderableType) -> None:
        """Draw `renderable` in place of the previous one."""
        self._shown = renderable
        self._clear_after_a_resize()
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        lines = self._console.render_lines(Group(*self._event_words, renderable), pad=False)
        self._live.update(SegmentLines(lines[-self.room[1] :], new_lines=True), refresh=True)

    def _clear_after_a_resize(self) -> None:
        """Clear the terminal if its lines may have wrapped, because they cannot be drawn over."""
        if self._console.size == self._size:
            return
        self._size = self._console.size
        if self._live is not None:
            self.suspend()
            self._console.clear()


class LinesView(Generic[Screen]):
    """A view that emits each event as it comes, and the figures at a fixed rate."""

    def __init__(self, script: Script[Screen], emit: Callable[[Event], None]) -> None:
        self._script = script
        self._emit = emit
        self._figures_ns: int | None = None

    def show(self, screen: Screen, now_ns: int) -> None:
        """Emit the events since the previous screen, and the figures if they are due."""
        for event in self._script.events(screen, now_ns):
            self._emit(event)
        every_ns = self._script.figures_every_ns
        if self._figures_ns is None or now_ns - self._figures_ns >= every_ns:
            figures = self._script.figures(screen)
            if figures is not None:
                self._figures_ns = now_ns
                self._emit(figures)

    def tell(self, event: Event) -> None:
        """Emit the event."""
        self._emit(event)

    def suspend(self) -> None:
        """Do nothing: lines are never redrawn."""

    def resume(self) -> None:
        """Do nothing: lines are never redrawn."""


def print_words(console: Console, words: str) -> None:
    """Print `words` without wrapping, so that long lines can be searched for in a file."""
    if words:
        console.print(Text(words), soft_wrap=True)
