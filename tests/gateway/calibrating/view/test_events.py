"""What happens while calibrating, event by event."""

import json
from dataclasses import replace

from gateway.bike.link import LinkState
from gateway.calibrating.view.events import EventLog, figures_event, review_event
from gateway.calibrating.view.screen import LiveFigures, Screen, ShownTarget, Step
from gateway.terminal.live import Event
from tests.support.screens import FIGURES, review, screen, targets

S = 1_000_000_000
CAPTURED = {"percent": 50, "raw": 550, "noise": 1.13, "samples": 24, "direction": "up"}


def told(before: Screen | None, now: Screen) -> list[Event]:
    """Of the second screen, a minute after the first."""
    log = EventLog()
    if before is not None:
        list(log.of_screen(before, 0))
        list(log.of_screen(before, S))
    return list(log.of_screen(now, 60 * S))


def words(before: Screen | None, now: Screen) -> list[str]:
    return [event.words for event in told(before, now) if event.words]


def kinds(before: Screen | None, now: Screen) -> list[str]:
    return [event.kind for event in told(before, now)]


def refined(place: int, samples: int, captured: int = 2) -> tuple[ShownTarget, ...]:
    """As they were captured, but that one has been held for longer since."""
    points = list(targets(captured=captured))
    point = points[place].point
    assert point is not None
    points[place] = replace(points[place], point=replace(point, samples=samples))
    return tuple(points)


def test_first_screen_is_all_events() -> None:
    assert words(None, screen()) == [
        "bike-1: connected",
        "captured 350 (24 samples, noise 1.1)",
        "3 of 5: turn to 50 %, then hold still",
        "Enter capture now   r redo   s skip   q quit",
    ]


def test_keys_are_told_when_they_are_others() -> None:
    live = Step(5, 5, "live now")
    tried = screen(step=live, keys={"s": "save", "u": "undo"})
    assert words(screen(), tried) == ["5 of 5: live now", "s save   u undo"]
    assert words(tried, screen(step=live, keys={})) == []


def test_figures_alone_are_no_event() -> None:
    assert kinds(screen(), screen(figures=replace(FIGURES, raw=440, percent=26))) == []


def test_a_lost_link_is_one_with_its_reason() -> None:
    lost = replace(FIGURES, link=LinkState.LOST, reason="the bike stopped sending")
    assert words(screen(), screen(figures=lost)) == ["bike-1: lost: the bike stopped sending"]


def test_a_warning_is_told_once() -> None:
    warned = screen(figures=replace(FIGURES, warnings=("noisy",)))
    both = screen(figures=replace(FIGURES, warnings=("noisy", "slow")))
    assert words(screen(), warned) == ["warning: noisy"]
    assert words(warned, both) == ["warning: slow"]
    assert words(both, warned) == []


def test_a_captured_point_is_data_beside_its_words() -> None:
    now = screen(targets=targets(captured=3), last="captured 550 (24 samples, noise 1.1)")
    done, captured = told(screen(), now)
    assert done == Event("done", now.last, {"text": now.last})
    assert json.loads(captured.as_json()) == {"event": "captured", **CAPTURED}


def test_a_point_is_told_when_it_comes_and_once_more_when_the_next_one_does() -> None:
    log = EventLog()
    list(log.of_screen(screen(), 0))
    for samples in (25, 30, 40):
        assert list(log.of_screen(screen(targets=refined(1, samples)), 0)) == []
    events = list(log.of_screen(screen(targets=refined(1, 40, captured=3)), 0))
    assert [event.kind for event in events] == ["refined", "captured"]
    assert (events[0].words, events[0].data["percent"], events[0].data["samples"]) == ("", 25, 40)
    assert events[1].data == CAPTURED


def test_point_is_told_again_at_the_review() -> None:
    log = EventLog()
    list(log.of_screen(screen(), 0))
    final = [one.point for one in refined(1, 40) if one.point]
    events = list(log.of_review(review(tuple(final))))
    assert [(event.kind, event.data.get("samples")) for event in events] == [
        ("refined", 40),
        ("review", None),
    ]
    assert [event.kind for event in log.of_review(review(tuple(final)))] == ["review"]


def test_after_a_review_the_step_and_its_keys_are_told_anew() -> None:
    log = EventLog()
    list(log.of_screen(screen(), 0))
    list(log.of_review(review()))
    assert [event.kind for event in log.of_screen(screen(), 0)] == ["step", "keys"]


def test_a_point_that_is_captured_again_is_told_again() -> None:
    log = EventLog()
    list(log.of_screen(screen(), 0))
    list(log.of_screen(screen(targets=targets(captured=1)), 0))
    again = list(log.of_screen(screen(targets=refined(1, 30)), 0))
    assert [(event.kind, event.data["samples"]) for event in again] == [("captured", 30)]


def test_the_next_step_is_told() -> None:
    following = screen(step=Step(4, 5, "turn to 75 %, then hold still", "holding still"))
    assert words(screen(), following) == ["4 of 5: turn to 75 %, then hold still"]
    held = screen(step=replace(following.step, hold=0.5) if following.step else None)
    assert words(following, held) == []


def test_doing_is_told_once_it_has_lasted_for_a_second() -> None:
    def seen(doing: str, at_s: float) -> list[str]:
        step = Step(3, 5, "turn to 50 %, then hold still", doing)
        return [one.words for one in log.of_screen(screen(step=step), round(at_s * S))]

    log = EventLog()
    list(log.of_screen(screen(), 0))
    for tenth in range(40):
        assert seen(("turn it", "holding still")[tenth // 4 % 2], tenth / 10) == []
    assert seen("turn it", 4.0) == []
    assert seen("turn it", 4.9) == []
    assert seen("turn it", 5.0) == ["turn it"]
    assert seen("turn it", 9.0) == []
    assert seen("holding still", 9.1) == []
    assert seen("turn it", 9.2) == []
    assert seen("turn it", 11.0) == []


def test_figures_in_words_are_those_that_are_known() -> None:
    assert figures_event(FIGURES).words == (
        "raw 437 percent 25.0 % rate 10.2 Hz filtered 436.8 cadence 61 rpm age 0.1 s noise 1.1 "
        "power 103 W"
    )
    assert figures_event(LiveFigures()).words == "nothing yet"
    assert "100.0 % (limit)" in figures_event(LiveFigures(percent=100, is_clamped=True)).words


def test_figures_as_json_have_every_name() -> None:
    said = json.loads(figures_event(replace(FIGURES, warnings=("noisy",))).as_json())
    assert said["event"] == "figures"
    assert (said["raw"], said["link"], said["warnings"]) == (437, "connected", ["noisy"])
    assert json.loads(figures_event(LiveFigures()).as_json())["raw"] is None


def test_a_review_in_words_has_checks_and_old_against_new() -> None:
    lines = review_event(review(cadence_scale=0.5)).words.splitlines()
    assert "warning: up and down differ by 3.1 points at 50 %" in lines
    assert "  hold still for longer" in lines
    assert "failed: no more than noise" in lines
    assert "raw 511: was 45.7 %, will be 25.0 %" in lines
    assert lines[-3:] == [
        "cadence: was × 1, will be × 0.5",
        "use it?",
        "y/Enter accept   q quit",
    ]


def test_review_as_json_has_all_of_it() -> None:
    said = json.loads(review_event(review()).as_json())
    assert said["compared"][1] == {"raw": 511, "was": 45.666666666666664, "will_be": 25}
    assert said["failed"] is True
    assert [one["state"] for one in said["findings"]] == ["ok", "ok", "warning", "failed"]
    assert len(said["points"]) == 5
