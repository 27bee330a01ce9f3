"""How a calibration is shown while it is made: redrawn on a terminal, lines elsewhere, JSON."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.segment import SegmentLines
from rich.text import Text

from gateway.calibrating.view.events import Event, Story, figures_event
from gateway.calibrating.view.layout import review_pages, screen_layout
from gateway.calibrating.view.screen import Review, Screen
from gateway.terminal.live import lossy

#: Between two lines of figures where nothing is redrawn.
EVERY_NS = 1_000_000_000
#: Figures alone are redrawn so often: each time is some kilobytes, perhaps over SSH.
REDRAW_NS = 250_000_000


class View(Protocol):
    """Shows what it is given; decides nothing."""

    def show(self, screen: Screen, now_ns: int) -> None:
        """As often as there is something new, some times a second. `now_ns`: monotonic."""
        ...

    def show_review(self, review: Review, page: int = 0) -> int:
        """Gives how many pages there are. `page`: from 0; after the last comes the first."""
        ...

    def tell(self, event: Event) -> None:
        """Something that happened, to stay."""
        ...

    def suspend(self) -> None:
        """The terminal is somebody else's from here."""
        ...

    def resume(self) -> None: ...


@contextmanager
def open_view(console: Console, *, is_json: bool) -> Iterator[View]:
    """As fits the console."""
    lossy(console)
    if is_json:
        yield LinesView(lambda event: _print(console, event.as_json()))
    elif not console.is_terminal:
        yield LinesView(lambda event: _print(console, event.words))
    else:
        view = TerminalView(console)
        try:
            yield view
        finally:
            view.close()


class TerminalView:
    """In the lower part of a terminal, never higher than it is.

    What is told stands above it, as far as there is room, and alone on the terminal in the end.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._shown: RenderableType = Group()
        self._told: list[Text] = []
        #: What the screen says beside its figures, and when it was drawn.
        self._drawn: tuple[object, int] | None = None

    def show(self, screen: Screen, now_ns: int) -> None:
        """At once if something has happened."""
        if self._drawn is not None:
            event, drawn_ns = self._drawn
            if event == _event(screen) and now_ns - drawn_ns < REDRAW_NS:
                return
        self._drawn = _event(screen), now_ns
        self._draw(screen_layout(screen, *self._room))

    def show_review(self, review: Review, page: int = 0) -> int:
        self._drawn = None
        pages = review_pages(self._console, review, *self._room)
        self._draw(pages[page % len(pages)])
        return len(pages)

    def tell(self, event: Event) -> None:
        """Above what is redrawn."""
        if event.words:
            self._told.append(Text(event.words))
            self._draw(self._shown)

    def suspend(self) -> None:
        """Nothing of it stays."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def resume(self) -> None:
        """Below whatever was written meanwhile."""
        self.suspend()
        self._draw(self._shown)

    def close(self) -> None:
        """All that was told stays, in order: a high screen would have pushed it out."""
        self.suspend()
        for words in self._told:
            self._console.print(words)

    @property
    def _room(self) -> tuple[int, int]:
        """A line less than there is: the cursor stands below what is drawn in the end."""
        size = self._console.size
        return size.width, size.height - 1

    def _draw(self, renderable: RenderableType) -> None:
        self._shown = renderable
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        lines = self._console.render_lines(Group(*self._told, renderable), pad=False)
        self._live.update(SegmentLines(lines[-self._room[1] :], new_lines=True), refresh=True)


class LinesView:
    """An event after the other, and the figures once a second."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._story = Story()
        self._figures_ns: int | None = None

    def show(self, screen: Screen, now_ns: int) -> None:
        for event in self._story.of_screen(screen, now_ns):
            self._emit(event)
        if self._figures_ns is None or now_ns - self._figures_ns >= EVERY_NS:
            self._figures_ns = now_ns
            self._emit(figures_event(screen.figures))

    def show_review(self, review: Review, page: int = 0) -> int:
        del page
        for event in self._story.of_review(review):
            self._emit(event)
        return 1

    def tell(self, event: Event) -> None:
        self._emit(event)

    def suspend(self) -> None:
        """Nothing is ever redrawn."""

    def resume(self) -> None:
        pass


def _event(screen: Screen) -> object:
    """Other than before when something has happened; figures and progress go on all the time."""
    figures, step = screen.figures, screen.step
    return (
        (figures.link, figures.reason, figures.warnings),
        None if step is None else (step.number, step.count, step.instruction),
        [(one.percent, one.direction, one.point is None, one.is_skipped) for one in screen.targets],
        (screen.last, dict(screen.keys)),
    )


def _print(console: Console, words: str) -> None:
    """Its lines as they are, however long: they are to be found in a file."""
    if words:
        console.print(Text(words), soft_wrap=True)
