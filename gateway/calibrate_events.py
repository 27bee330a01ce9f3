"""What happens while calibrating, event by event: as lines for people, or as JSON. Pure."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gateway.calibrate_screen import (
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
from gateway.checks.finding import State
from gateway.human_units import number


@dataclass(frozen=True, slots=True)
class Event:
    """`words`: for people, in a line or a few. `data`: for programs."""

    kind: str
    words: str
    data: dict[str, Any]

    def as_json(self) -> str:
        return json.dumps({"event": self.kind, **self.data})


def events_between(before: Screen | None, now: Screen) -> Iterator[Event]:
    """What is new in a screen, but for its figures, which change all the time."""
    was = None if before is None else before.figures
    yield from _of_link(now.bike_id, was, now.figures)
    if now.last and (before is None or now.last != before.last):
        yield Event("done", now.last, {"text": now.last})
    captured = {} if before is None else _captured(before)
    for place, point in _captured(now).items():
        if captured.get(place) != point:
            yield Event("captured", "", point)  # in words it is `last`
    was_step = None if before is None else before.step
    if now.step is not None:
        yield from _of_step(was_step, now.step)
    if now.keys and (before is None or now.keys != before.keys):
        yield Event("keys", keys_words(now.keys), {"keys": dict(now.keys)})
    doing = "" if now.step is None else now.step.doing
    if doing and (was_step is None or was_step.doing != doing):
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
    """All of them; in words those that are known."""
    said = " ".join(f"{name} {value}" for name, value in figure_words(figures) if value)
    data = asdict(figures) | {"link": figures.link.value, "warnings": list(figures.warnings)}
    return Event("figures", said or "nothing yet", data)


def review_event(review: Review) -> Event:
    """All of it."""
    compared = comparisons(review.table, review.old_table)
    lines = [f"{one.state}: {one.what}" + _remedy(one.remedy) for one in review.findings]
    lines += [compared_words(one) for one in compared]
    scales = review.old.cadence_scale, review.record.cadence_scale
    if scales[0] != scales[1]:
        lines.append(f"cadence: was × {scales[0]:g}, will be × {scales[1]:g}")
    lines += [line for line in (review.question, keys_words(review.keys)) if line]
    data = {
        "points": [asdict(point) for point in review.record.points],
        "cadence_scale": {"was": scales[0], "will_be": scales[1]},
        "old_from": review.old_from,
        "compared": [asdict(one) for one in compared],
        "findings": [asdict(one) for one in review.findings],
        "failed": any(one.state is State.FAILED for one in review.findings),
        "question": review.question,
        "keys": dict(review.keys),
    }
    return Event("review", "\n".join(lines), data)


def link_words(figures: LiveFigures) -> str:
    return figures.link.value + (f": {figures.reason}" if figures.reason else "")


def keys_words(keys: Mapping[str, str]) -> str:
    """ "Enter capture   r redo   q quit"."""
    return "   ".join(f"{names} {what}" for names, what in legend(keys))


def figure_words(figures: LiveFigures) -> list[tuple[str, str]]:
    """(name, value), value empty where it is not known; three by three, as they are shown."""
    clamped = " clamped" if figures.is_clamped else ""
    return [
        ("raw", _known(figures.raw, number)),
        ("percent", "" if figures.percent is None else percent_words(figures.percent) + clamped),
        ("rate", f"{figures.rate_hz:.1f} Hz" if figures.rate_hz else ""),
        ("filtered", _known(figures.filtered, number)),
        ("cadence", _known(figures.cadence_rpm, "{:.0f} rpm".format)),
        ("age", _known(figures.age_s, "{:.1f} s".format)),
        ("noise", _known(figures.noise, spread)),
        ("power", _known(figures.power_w, "{:.0f} W".format)),
    ]


def _known(value: float | None, words: Callable[[float], str]) -> str:
    return "" if value is None else words(value)


def _captured(screen: Screen) -> dict[tuple[float, str], dict[str, Any]]:
    return {(point.percent, point.direction): asdict(point) for point in screen.points}


def _remedy(remedy: str) -> str:
    return f"\n  {remedy}" if remedy else ""
