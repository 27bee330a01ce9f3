"""How a session is shown: redrawn on a terminal, lines elsewhere, JSON."""

import io
import json
import re
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gateway.bike.link import LinkState
from gateway.calibrating.view.screen import Screen, Step
from gateway.calibrating.view.script import CalibrationScript, ReviewPage, Shown
from gateway.terminal.live import Event, LiveView, open_live_view
from tests.support.emulated import emulated
from tests.support.screens import FIGURES, review, screen, targets
from tests.support.terminal import CONTROL_SEQUENCE, CTRL_Z, Terminal

S = 1_000_000_000
SAVED = Event("saved", "saved as x.json", {"file": "x.json"})


def console(*, terminal: bool = False, height: int = 24) -> Console:
    return Console(
        file=io.StringIO(), width=80, height=height, force_terminal=terminal, color_system=None
    )


def open_view(shown: Console, *, is_json: bool = False) -> AbstractContextManager[LiveView[Shown]]:
    return open_live_view(shown, CalibrationScript(shown), is_json=is_json)


def text_of(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def test_calibration_lines_are_events_at_once_and_figures_once_a_second() -> None:
    shown = console()
    with open_view(shown) as view:
        for quarter in range(-2, 4):
            view.show(screen(), quarter * S // 4)
        view.show(screen(targets=targets(captured=3), last="captured 550 (9 samples, noise 1)"), S)
        view.tell(SAVED)
    lines = text_of(shown).splitlines()
    assert lines[:4] == [
        "bike-1: connected",
        "captured 350 (24 samples, noise 1.1)",
        "3 of 5: turn to 50 %, then hold still",
        "Enter capture now   r redo   s skip   q quit",
    ]
    assert [line.split()[0] for line in lines[4:]] == ["raw", "holding", "raw", "captured", "saved"]
    assert lines[7:] == ["captured 550 (9 samples, noise 1)", "saved as x.json"]


def test_calibration_json_is_one_event_a_line() -> None:
    shown = console()
    with open_view(shown, is_json=True) as view:
        view.show(screen(), 0)
        view.show(ReviewPage(review(tuple(screen().points))), 0)
        view.tell(SAVED)
    events = [json.loads(line) for line in text_of(shown).splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds == [
        "link", "done", "captured", "captured", "step", "keys", "figures", "review", "saved",
    ]  # fmt: skip
    assert events[-1] == {"event": "saved", "file": "x.json"}


def redrawn(*shown: Screen) -> list[bool]:
    """Of each, a millisecond after the other, whether it was drawn."""
    to = console(terminal=True)
    drawn = []
    with open_view(to) as view:
        view.show(screen(), 0)
        for at, one in enumerate(shown, start=1):
            was = len(text_of(to))
            view.show(one, at * S // 1000)
            drawn.append(len(text_of(to)) > was)
    return drawn


def test_calibration_figures_are_redrawn_four_times_a_second() -> None:
    ticking = [screen(figures=replace(FIGURES, raw=n)) for n in range(1000)]
    drawn = [at for at, was in enumerate(redrawn(*ticking), start=1) if was]
    assert drawn == [250, 500, 750, 1000]


@pytest.mark.parametrize(
    "event",
    [
        {"step": Step(4, 5, "turn to 75 %, then hold still")},
        {"step": Step(3, 5, "live now")},
        {"targets": targets(captured=3)},
        {"targets": (*targets()[:2], replace(targets()[2], is_skipped=True), *targets()[3:])},
        {"last": "not yet: hold the knob still"},
        {"keys": {"s": "save"}},
        {"figures": replace(FIGURES, link=LinkState.LOST)},
        {"figures": replace(FIGURES, warnings=("it has fallen silent",))},
    ],
)
def test_calibration_screen_with_an_event_is_drawn_at_once(event: dict[str, Any]) -> None:
    assert redrawn(screen(), screen(**event), screen(**event)) == [False, True, False]


def test_calibration_screen_after_a_review_is_drawn_at_once() -> None:
    shown = console(terminal=True)
    with open_view(shown) as view:
        view.show(screen(), 0)
        view.show(ReviewPage(review()), 0)
        view.show(screen(), 1)
        assert "q quit" in emulated(text_of(shown))[-1]
        assert "use it?" not in "".join(emulated(text_of(shown)))


def test_calibration_screen_is_never_higher_than_the_terminal() -> None:
    for height in (24, 30, 40):
        shown = console(terminal=True, height=height)
        with open_view(shown) as view:
            view.show(screen(targets=targets(31, captured=40, both_ways=True)), 0)
            for page in range(2):
                view.show(ReviewPage(review(), page), 0)
        drawn = re.split(r"\r\x1b\[2K(?:\x1b\[1A\x1b\[2K)*", text_of(shown))
        assert max(part.count("\n") for part in drawn) < height


def test_review_page_after_the_last_is_the_first() -> None:
    many = review(tuple(one.point for one in targets(11, 22, both_ways=True) if one.point))
    shown = console(terminal=True)
    with open_view(shown) as view:
        for page in range(3):
            view.show(ReviewPage(many, page), 0)
    found = re.findall(r"page (\d) of 2", text_of(shown))
    assert found == ["1", "2", "1", "1"]  # the end draws the last one again


def test_calibration_events_stand_above_the_screen() -> None:
    shown = console(terminal=True, height=40)
    with open_view(shown) as view:
        view.show(screen(), 0)
        view.tell(SAVED)
        seen = emulated(text_of(shown), rows=40)
        view.show(screen(), S)
        assert emulated(text_of(shown), rows=40) == seen, "and stays there"
    assert seen[0] == "saved as x.json"
    assert "3 of 5" in seen[6]
    assert "q quit" in seen[-1]


def test_calibration_events_alone_stay_on_the_terminal_in_the_end() -> None:
    shown = console(terminal=True)
    shown.file.write("$ calibrate bike-1\n" * 24)
    with open_view(shown) as view:
        view.tell(Event("table", "a table\nof two rows", {}))
        view.show(screen(), 0)
        for n in range(3):
            view.tell(Event("spot", f"spot {n}", {}))
            view.show(screen(), n * S)
        view.show(ReviewPage(review()), 0)
        view.tell(SAVED)
    told = ["a table", "of two rows", "spot 0", "spot 1", "spot 2", "saved as x.json"]
    assert [line for line in emulated(text_of(shown)) if line != "$ calibrate bike-1"] == told


def test_calibration_screen_is_ascii_without_utf_8() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace")
    shown = Console(file=file, width=80, height=24, force_terminal=True, color_system=None)
    with open_view(shown) as view:
        view.show(screen(last="25 % → 26 %"), 0)
        view.show(ReviewPage(review()), 0)
    file.seek(0)
    drawn = CONTROL_SEQUENCE.sub("", file.read())
    assert "o up" in drawn
    assert set(re.findall(r".*\?.*", drawn)) == {"25 % ? 26 %", "use it?"}


PROGRAM = """
import asyncio
from rich.console import Console
from gateway.calibrating.view.script import CalibrationScript
from gateway.terminal.keyboard import Keyboard
from gateway.terminal.live import open_live_view
from tests.support.screens import screen

async def main():
    console = Console()
    with open_live_view(console, CalibrationScript(console)) as view:
        with Keyboard(view.suspend, view.resume) as keyboard:
            view.show(screen(last="began"), 0)
            while (key := await keyboard.key()) != "q":
                view.show(screen(last=f"pressed {key}"), 0)

asyncio.run(main())
"""


@pytest.mark.slow
def test_calibration_screen_is_left_by_ctrl_z_and_redrawn_by_fg(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    root = Path(__file__).parents[4]
    with Terminal(["env", f"PYTHONPATH={root}", "dash", "-i"]) as terminal:
        terminal.press(f"{sys.executable} {file}\n")
        terminal.wait_for("began(?s:.)*q quit")  # Ctrl-Z throws away what is still to be written
        terminal.press(CTRL_Z)
        terminal.wait_for("Stopped")
        assert terminal.output.rindex("\x1b[?25h") < terminal.output.index("Stopped")
        terminal.press("fg\n")
        terminal.wait_for("Enter capture now", times=3)  # drawn, left, drawn
        resumed = terminal.output[terminal.output.index("Stopped") :]
        assert "\x1b[1A" not in resumed[: resumed.rindex("bike-1")]  # what the shell wrote stays
        terminal.press("r")
        terminal.wait_for("pressed r")
        terminal.press("q")
        terminal.wait_for(r"pressed r(?s:.)*[$#] $")
        assert terminal.is_cooked
