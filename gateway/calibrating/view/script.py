"""The Script of a guided calibration: its screens, and the pages of its review."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console, RenderableType

from gateway.calibrating.view.events import EventLog, figures_event
from gateway.calibrating.view.layout import review_pages, screen_layout
from gateway.calibrating.view.screen import Review, Screen
from gateway.terminal.live import Event
from gateway.timing.units import NS_PER_S


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """A page of a review, counted from 0; the first page follows the last."""

    review: Review
    number: int = 0


#: The screens that the live view of a guided calibration shows.
Shown = Screen | ReviewPage


class CalibrationScript:
    """A Script for screens and reviews. `console` measures the height of a review's lines."""

    figures_every_ns = NS_PER_S

    def __init__(self, console: Console) -> None:
        self._console = console
        self._log = EventLog()

    def draw(self, shown: Shown, width: int, height: int) -> RenderableType:
        if isinstance(shown, Screen):
            return screen_layout(shown, width, height)
        pages = review_pages(self._console, shown.review, width, height)
        return pages[shown.number % len(pages)]

    def moment(self, shown: Shown) -> object:
        """Return everything except figures and progress, which change all the time."""
        if isinstance(shown, ReviewPage):
            return shown
        figures, step, targets = shown.figures, shown.step, shown.targets
        return (
            (figures.link, figures.reason, figures.warnings),
            None if step is None else (step.number, step.count, step.instruction),
            [(one.percent, one.direction, one.point is None, one.is_skipped) for one in targets],
            (shown.last, dict(shown.keys)),
        )

    def events(self, shown: Shown, now_ns: int) -> Iterable[Event]:
        if isinstance(shown, Screen):
            return self._log.of_screen(shown, now_ns)
        return () if shown.number else self._log.of_review(shown.review)

    def figures(self, shown: Shown) -> Event | None:
        return figures_event(shown.figures) if isinstance(shown, Screen) else None
