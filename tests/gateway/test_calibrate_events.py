"""What happens while calibrating, event by event."""

import json
from dataclasses import replace

from gateway.bike_link import LinkState
from gateway.calibrate_events import Event, events_between, figures_event, review_event
from gateway.calibrate_screen import LiveFigures, Screen, Step
from gateway.calibration_record import CapturedPoint
from tests.support.screens import FIGURES, review, screen, targets


def words(before: Screen | None, now: Screen) -> list[str]:
    return [event.words for event in events_between(before, now) if event.words]


def kinds(before: Screen | None, now: Screen) -> list[str]:
    return [event.kind for event in events_between(before, now)]


def test_at_first_all_is_new() -> None:
    assert words(None, screen()) == [
        "bike-1: connected",
        "captured 350 (n = 24, sd 1.1)",
        "3 of 5: turn to 50 %, then hold still",
        "Enter capture now   r redo   s skip   q quit",
        "holding still",
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
    now = screen(targets=targets(captured=3), last="captured 550 (n = 24, sd 1.1)")
    done, captured = events_between(screen(), now)
    assert done == Event("done", now.last, {"text": now.last})
    assert json.loads(captured.as_json()) == {
        "event": "captured",
        "percent": 50,
        "raw": 550,
        "noise": 1.13,
        "samples": 24,
        "direction": "up",
    }


def test_a_point_that_is_captured_again_is_told_again() -> None:
    first = screen().targets[0]
    again = replace(first, point=CapturedPoint(0, 151, 1, 30))
    assert kinds(screen(), screen(targets=(again, *screen().targets[1:]))) == ["captured"]


def test_the_next_step_is_told_and_what_is_done_in_it() -> None:
    following = screen(step=Step(4, 5, "turn to 75 %, then hold still", "still turning"))
    assert words(screen(), following) == ["4 of 5: turn to 75 %, then hold still", "still turning"]
    held = screen(step=replace(following.step, hold=0.5) if following.step else None)
    assert words(following, held) == []


def test_figures_in_words_are_those_that_are_known() -> None:
    assert figures_event(FIGURES).words == (
        "raw 437 percent 25.0 % rate 10.2 Hz filtered 436.8 cadence 61 rpm age 0.1 s noise 1.1 "
        "power 103 W"
    )
    assert figures_event(LiveFigures()).words == "nothing yet"
    assert "100.0 % clamped" in figures_event(LiveFigures(percent=100, is_clamped=True)).words


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


def test_a_review_as_json() -> None:
    said = json.loads(review_event(review()).as_json())
    assert said["compared"][1] == {"raw": 511, "was": 45.666666666666664, "will_be": 25}
    assert said["failed"] is True
    assert [one["state"] for one in said["findings"]] == ["ok", "ok", "warning", "failed"]
    assert len(said["points"]) == 5
