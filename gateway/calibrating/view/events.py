"""The events of a calibration, as lines for people or as JSON. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from gateway.calibrating.view.scales import scale_changes
from gateway.calibrating.view.screen import (
    LiveFigures,
    Review,
    Screen,
    Step,
    compared_words,
    comparisons,
    legend,
    percent_words,
    spread,
)
from gateway.sampling.calibration_record import CapturedPoint
from gateway.terminal.finding import State
from gateway.terminal.live import Event
from gateway.terminal.units import number

#: How long a new state lasts before it is reported, in nanoseconds: a turning knob stops often.
STEADY_NS = 1_000_000_000

#: The points by percent and direction.
Points = dict[tuple[float, str], dict[str, Any]]


class EventLog:
    """The events of a session: the changes from screen to screen, without the figures."""

    def __init__(self) -> None:
        self._before: Screen | None = None
        #: The points as they were reported last.
        self._points: Points = {}
        self._doing = ""
        #: The present state and its start; most states end before they are reported.
        self._seen = "", 0

    def of_screen(self, now: Screen, now_ns: int) -> Iterator[Event]:
        """Yield the changes since the last screen. `now_ns`: monotonic."""
        before, self._before = self._before, now
        yield from _of_link(now.bike_id, None if before is None else before.figures, now.figures)
        if now.last and (before is None or now.last != before.last):
            yield Event("done", now.last, {"text": now.last})
        yield from self._of_points(_by_place(now.points))
        if now.step is not None:
            yield from _of_step(None if before is None else before.step, now.step)
        if now.keys and (before is None or now.keys != before.keys):
            yield Event("keys", keys_words(now.keys), {"keys": dict(now.keys)})
        yield from self._of_doing("" if now.step is None else now.step.doing, now_ns)

    def of_review(self, review: Review) -> Iterator[Event]:
        """Yield the review; the next screen's question is reported again, even if unchanged."""
        yield from self._refined(_by_place(review.record.points))
        yield review_event(review)
        if self._before is not None:
            self._before = replace(self._before, step=None, keys={})

    def _of_points(self, points: Points) -> Iterator[Event]:
        """Yield each new point, without words: `last` describes it."""
        self._points = {
            place: reported for place, reported in self._points.items() if place in points
        }
        new = {place: point for place, point in points.items() if place not in self._points}
        if new:
            yield from self._refined(points)
        for point in new.values():
            yield Event("captured", "", point)
        self._points |= new

    def _refined(self, points: Points) -> Iterator[Event]:
        """Yield points that have changed: each one improves until the knob is turned further."""
        for place, reported in self._points.items():
            point = points.get(place, reported)
            if point != reported:
                yield Event("refined", "", point)
        self._points = {
            place: points.get(place, reported) for place, reported in self._points.items()
        }

    def _of_doing(self, doing: str, now_ns: int) -> Iterator[Event]:
        if doing != self._seen[0]:
            self._seen = doing, now_ns
        if doing != self._doing and now_ns - self._seen[1] >= STEADY_NS:
            self._doing = doing
            if doing:
                yield Event("doing", doing, {"text": doing})


def _of_link(bike_id: str, was: LiveFigures | None, now: LiveFigures) -> Iterator[Event]:
    if was is None or (was.link, was.reason) != (now.link, now.reason):
        words = f"{bike_id}: {link_words(now)}"
        yield Event("link", words, {"state": now.link.value, "reason": now.reason})
    for warning in now.warnings:
        if was is None or warning not in was.warnings:
            yield Event("warning", f"warning: {warning}", {"text": warning})


def _of_step(was: Step | None, now: Step) -> Iterator[Event]:
    if was is None or (was.number, was.instruction) != (now.number, now.instruction):
        words = f"{now.number} of {now.count}: {now.instruction}"
        data = {"number": now.number, "count": now.count, "text": now.instruction}
        yield Event("step", words, data)


def figures_event(figures: LiveFigures) -> Event:
    """Return an event with all figures; its words contain the known ones."""
    known = " ".join(f"{name} {value}" for name, value in figure_words(figures) if value)
    data = asdict(figures) | {"link": figures.link.value, "warnings": list(figures.warnings)}
    return Event("figures", known or "nothing yet", data)


def review_event(review: Review) -> Event:
    """Return an event with the whole review."""
    compared = comparisons(review.table, review.old_table)
    lines = [f"{one.state}: {one.what}" + _remedy(one.remedy) for one in review.findings]
    lines += [compared_words(one) for one in compared]
    lines += scale_changes(review.old, review.record)
    lines += [line for line in (review.question, keys_words(review.keys)) if line]
    data = {
        "points": [asdict(point) for point in review.record.points],
        **_scales(review),
        "old_from": review.old_from,
        "compared": [asdict(one) for one in compared],
        "findings": [asdict(one) for one in review.findings],
        "failed": any(one.state is State.FAILED for one in review.findings),
        "question": review.question,
        "keys": dict(review.keys),
    }
    return Event("review", "\n".join(lines), data)


def _scales(review: Review) -> dict[str, dict[str, float]]:
    names = ("cadence_scale", "power_scale", "power_offset_w")
    return {
        name: {"was": getattr(review.old, name), "will_be": getattr(review.record, name)}
        for name in names
    }


def link_words(figures: LiveFigures) -> str:
    return figures.link.value + (f": {figures.reason}" if figures.reason else "")


def keys_words(keys: Mapping[str, str]) -> str:
    """Return the keys as "Enter capture   r redo   q quit"."""
    return "   ".join(f"{names} {what}" for names, what in legend(keys))


def figure_words(figures: LiveFigures) -> list[tuple[str, str]]:
    """Return (name, value) in rows of three; an unknown value is empty."""
    limit = " (limit)" if figures.is_clamped else ""
    return [
        ("raw", _known(figures.raw, number)),
        ("percent", "" if figures.percent is None else percent_words(figures.percent) + limit),
        ("rate", f"{figures.rate_hz:.1f} Hz" if figures.rate_hz else ""),
        ("filtered", _known(figures.filtered, number)),
        ("cadence", _known(figures.cadence_rpm, "{:.0f} rpm".format)),
        ("age", _known(figures.age_s, "{:.1f} s".format)),
        ("noise", _known(figures.noise, spread)),
        ("power", _known(figures.power_w, "{:.0f} W".format)),
    ]


def _known(value: float | None, words: Callable[[float], str]) -> str:
    return "" if value is None else words(value)


def _by_place(points: Iterable[CapturedPoint]) -> Points:
    return {(point.percent, point.direction): asdict(point) for point in points}


def _remedy(remedy: str) -> str:
    return f"\n  {remedy}" if remedy else ""
