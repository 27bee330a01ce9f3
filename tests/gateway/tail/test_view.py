"""What `tail` shows to people: one line per second and bike, late ones included."""

from dataclasses import replace

import pytest

from gateway.tail.events import TailEvent
from gateway.tail.view import HEADER, PATIENCE_S, TailView
from tests.support.telemetry import message

FINAL = message(1, length_s=1)
NOW_S = message(1).device_timestamp / 1000


def test_message_is_shown_once_when_it_is_acknowledged() -> None:
    view = TailView()
    assert list(view.lines(TailEvent("produced", message(1)), NOW_S)) == []
    [line] = view.lines(TailEvent("acknowledged", message(1)), NOW_S + 0.1)
    assert line.endswith("  acknowledged")
    assert list(view.late_lines(NOW_S + 60)) == []


def test_line_has_the_values_of_the_message_below_the_header() -> None:
    view, one = TailView(), message(1)
    [line] = view.lines(TailEvent("acknowledged", one), NOW_S)
    assert len(line.split("  acknowledged")[0]) == len(HEADER)
    for value in (one.race_id, one.second, one.bike_id, one.name, round(one.cadence)):
        assert f" {value} " in line


def test_message_without_an_acknowledgement_is_shown_as_waiting_and_then_again() -> None:
    view = TailView()
    list(view.lines(TailEvent("produced", message(1)), NOW_S))
    assert list(view.late_lines(NOW_S + PATIENCE_S - 0.1)) == []
    [line] = view.late_lines(NOW_S + PATIENCE_S)
    assert line.endswith("  waiting")
    [line] = view.lines(TailEvent("acknowledged", message(1)), NOW_S + 12)
    assert line.endswith("  acknowledged after 12 s")


def test_final_is_marked() -> None:
    [line] = TailView().lines(TailEvent("acknowledged", FINAL), NOW_S)
    assert line.endswith(", final")


@pytest.mark.parametrize(("events", "words"), [(1, "1 event skipped"), (1200, "1,200 events")])
def test_skipped_events_are_counted(events: int, words: str) -> None:
    [line] = TailView().lines(TailEvent("skipped", events=events), NOW_S)
    assert line.startswith(words)


def test_name_with_control_characters_does_not_reach_the_terminal() -> None:
    [line] = TailView().lines(
        TailEvent("acknowledged", replace(message(1), name="A\x1b[2J\nB")), NOW_S
    )
    assert line.isprintable()
