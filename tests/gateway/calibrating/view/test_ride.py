"""A cadence check on a terminal of 80×24, as lines, and as JSON."""

import io
import json
from contextlib import AbstractContextManager
from dataclasses import replace

from rich.console import Console

from gateway.bike.link import LinkState
from gateway.calibrating.cadence.view import CadenceScreen
from gateway.calibrating.state import LinkStatus
from gateway.calibrating.view.ride import RideScript, drawn, ride_event
from gateway.terminal.live import Event, LiveView, open_live_view
from tests.support.emulated import emulated
from tests.support.virtual_clock import NS_PER_S

BEAT = CadenceScreen(
    bike_id="bike-001",
    link=LinkStatus(LinkState.CONNECTED),
    said_rpm=160.5,
    scale=0.5,
    instruction="Pedal at 90 rpm, with your right foot down on every beat.",
    doing="measuring for 30 s",
    done=0.5,
    phase=0.0,
)
ASKED = CadenceScreen(
    bike_id="bike-001",
    link=LinkStatus(LinkState.LOST, "the bike stopped sending"),
    said_rpm=None,
    scale=1.0,
    instruction="Save it?\nIt looks the same.",
    other="C0:FF:EE:12:34:56",
    other_rpm=80.0,
    keys=(("y", "yes"), ("n", "no")),
)


def console(*, is_terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(), width=80, height=24, force_terminal=is_terminal, color_system=None
    )


def open_view(
    to: Console, *, is_json: bool = False
) -> AbstractContextManager[LiveView[CadenceScreen]]:
    return open_live_view(to, RideScript[CadenceScreen](), is_json=is_json)


def written(to: Console) -> str:
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


def test_cadence_screen_shows_beat_and_progress() -> None:
    to = console()
    to.print(drawn(BEAT))
    assert written(to).splitlines() == [
        "bike-001: connected",
        "the bike reports 160.5 rpm  counted as 80.2 rpm (× 0.5)",
        "",
        "Pedal at 90 rpm, with your right foot down on every beat.",
        "",
        "●" + "─" * 59,
        "",
        "measuring for 30 s  50%",
        "━" * 30 + " " * 30,
        "",
        "Ctrl-C  quit without saving",
    ]


def test_cadence_screen_shows_a_question_and_its_keys() -> None:
    to = console()
    to.print(drawn(ASKED))
    assert written(to).splitlines() == [
        "bike-001: lost: the bike stopped sending",
        "the bike reports nothing  C0:FF:EE:12:34:56 reports 80 rpm",
        "",
        "Save it?",
        "It looks the same.",
        "",
        "y  yes   n  no   Ctrl-C  quit without saving",
    ]


def test_cadence_mark_is_redrawn_at_every_look_in_place() -> None:
    to = console(is_terminal=True)
    with open_view(to) as view:
        for look in range(3):
            view.show(replace(BEAT, phase=look / 10), look)
        assert written(to).count("\n") == 3 * 10
        assert written(to).count("\x1b[1A") >= 20, "each goes back over the one before"


def test_cadence_mark_is_ascii_on_a_terminal_without_utf_8() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace")
    to = Console(file=file, width=80, color_system=None)
    with open_view(to):
        to.print(drawn(BEAT))
    to.file.seek(0)
    shown = to.file.read()
    assert "#" + "-" * 59 in shown
    assert "?" not in shown.replace("(? 0.5)", ""), "but for ×"


def test_cadence_view_suspends_cleanly_and_keeps_what_was_written() -> None:
    to = console(is_terminal=True)
    with open_view(to) as view:
        view.show(BEAT, 0)
        view.suspend()
        left = written(to)
        assert left.rfind("\x1b[?25h") > left.rfind("\x1b[?25l"), "the cursor is there"
        assert left.endswith("\x1b[2K"), "and nothing else"
        to.out("the shell's own line")
        view.resume()
        view.show(ASKED, 0)
        seen = emulated(written(to))
        assert seen[0] == "the shell's own line", "it goes over nothing"
        assert "Save it?" in seen


def test_cadence_events_stand_last_on_the_terminal_in_the_end() -> None:
    to = console(is_terminal=True)
    with open_view(to) as view:
        for number in range(20):
            view.show(BEAT, 0)
            view.tell(ride_event("spot", f"spot {number}"))
        view.show(ASKED, 0)
        view.tell(ride_event("saved", "saved in x"))
    assert emulated(written(to))[-3:] == ["spot 18", "spot 19", "saved in x"]


def test_cadence_lines_are_a_second_apart_and_events_come_at_once() -> None:
    to = console()
    with open_view(to) as view:
        for tenth in range(25):
            view.show(BEAT, tenth * NS_PER_S // 10)
        view.tell(Event("beat", "", {"number": 1}))
        view.tell(ride_event("saved", "saved"))
        view.show(ASKED, 26 * NS_PER_S // 10)
    assert written(to).splitlines() == [
        "→ Pedal at 90 rpm, with your right foot down on every beat.",
        *[
            "bike-001: connected  the bike reports 160.5 rpm  counted as 80.2 rpm (× 0.5)  "
            "measuring for 30 s"
        ]
        * 3,
        "saved",
        "→ Save it?",
        "It looks the same.   y  yes   n  no",
        "bike-001: lost: the bike stopped sending  the bike reports nothing  "
        "C0:FF:EE:12:34:56 reports 80 rpm",
    ]


def test_cadence_json_has_an_object_for_each_event_and_second() -> None:
    to = console()
    with open_view(to, is_json=True) as view:
        for tenth in range(15):
            view.show(BEAT, tenth * NS_PER_S // 10)
        view.tell(Event("beat", "", {"number": 7}))
        view.tell(ride_event("saved", "saved in a file whose name is long " * 9, scale=0.5))
        view.show(ASKED, 19 * NS_PER_S // 10)
    events = [json.loads(line) for line in written(to).splitlines()]
    assert [one["event"] for one in events] == [
        "instruction",
        "figures",
        "figures",
        "beat",
        "saved",
        "instruction",
        "figures",
    ]
    assert events[1] == {
        "event": "figures",
        "link": "connected",
        "reason": "",
        "said_rpm": 160.5,
        "other_rpm": None,
        "doing": "measuring for 30 s",
        "done": 0.5,
    }
    assert events[3] == {"event": "beat", "number": 7}
    assert events[4]["scale"] == 0.5
    assert events[5]["keys"] == {"y": "yes", "n": "no"}
