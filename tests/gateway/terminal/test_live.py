"""The live views: what each kind of console shows of the same screens."""

import io
import json
from collections.abc import Iterator

import pytest
from rich.console import Console, ConsoleDimensions
from rich.text import Text

from gateway.terminal.live import Event, LinesView, TerminalView, open_live_view
from gateway.timing.units import NS_PER_S
from tests.support.emulated import emulated

#: A screen is (phase, figure).
Screen = tuple[str, int]


class RideScript:
    """Reports a new phase as an event; its figures are known once the phase is "riding"."""

    figures_every_ns = NS_PER_S

    def __init__(self) -> None:
        self._phase = ""

    def draw(self, screen: Screen, width: int, height: int) -> Text:
        return Text("\n".join([f"{screen[0]} {screen[1]} in {width}x{height}"] * 3))

    def moment(self, screen: Screen) -> object:
        return screen[0]

    def events(self, screen: Screen, now_ns: int) -> Iterator[Event]:
        if screen[0] != self._phase:
            self._phase = screen[0]
            yield Event("phase", f"now {self._phase}", {"phase": self._phase})

    def figures(self, screen: Screen) -> Event | None:
        if screen[0] != "riding":
            return None
        return Event("figures", f"{screen[1]} rpm", {"rpm": screen[1]})


def terminal(height: int = 10) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=40, height=height)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_lines_view_emits_events_at_once_and_figures_at_their_rate() -> None:
    emitted: list[str] = []
    view = LinesView(RideScript(), lambda event: emitted.append(event.words))
    for now_ns in range(0, 3 * NS_PER_S, NS_PER_S // 4):
        view.show(("riding", now_ns // NS_PER_S), now_ns)
    assert emitted == ["now riding", "0 rpm", "1 rpm", "2 rpm"]


def test_lines_view_leaves_out_figures_that_are_not_known() -> None:
    emitted: list[str] = []
    view = LinesView(RideScript(), lambda event: emitted.append(event.words))
    view.show(("waiting", 0), 0)
    view.show(("riding", 60), 1)
    assert emitted == ["now waiting", "now riding", "60 rpm"]


def test_json_view_prints_one_object_a_line() -> None:
    console = Console(file=io.StringIO(), width=20)
    with open_live_view(console, RideScript(), is_json=True) as view:
        view.show(("riding", 60), 0)
        view.tell(Event("end", "", {"reason": "“a long reason, longer than the console is”"}))
    assert [json.loads(line) for line in printed(console).splitlines()] == [
        {"event": "phase", "phase": "riding"},
        {"event": "figures", "rpm": 60},
        {"event": "end", "reason": "“a long reason, longer than the console is”"},
    ]


def test_plain_view_prints_no_line_for_an_event_without_words() -> None:
    console = Console(file=io.StringIO(), width=20)
    with open_live_view(console, RideScript()) as view:
        view.tell(Event("beat", ""))
    assert printed(console) == ""


def test_json_view_prints_no_control_codes_on_a_terminal() -> None:
    console = terminal()
    with open_live_view(console, RideScript(), is_json=True) as view:
        view.show(("riding", 60), 0)
    assert "\x1b" not in printed(console)


LONG = Event("verify", f"{'words ' * 9}To calibrate over it: --points :file: [b]")


def test_plain_view_prints_a_long_event_on_one_line() -> None:
    console = Console(file=io.StringIO(), width=20)
    with open_live_view(console, RideScript()) as view:
        view.tell(LONG)
    assert printed(console) == f"{LONG.words}\n"


def test_terminal_view_wraps_a_long_event_between_words() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=40, color_system=None)
    with open_live_view(console, RideScript()) as view:
        view.tell(LONG)
        meanwhile = emulated(printed(console))
    wrapped = [
        "words " * 5 + "words",
        "words " * 3 + "To calibrate over it:",
        "--points :file: [b]",
    ]
    assert meanwhile == wrapped
    assert emulated(printed(console)) == wrapped


def test_terminal_view_redraws_figures_at_4_hz_and_a_new_moment_at_once() -> None:
    console = terminal()
    view = TerminalView(console, RideScript())
    for now_ns in range(0, NS_PER_S, NS_PER_S // 20):
        view.show(("riding", now_ns), now_ns)
    view.show(("resting", 0), NS_PER_S - 1)
    view.close()
    drawn = printed(console)
    assert [f"riding {ns} " in drawn for ns in (0, 50_000_000, 250_000_000)] == [True, False, True]
    assert "resting 0 " in drawn


def test_terminal_view_gives_its_script_all_lines_but_one() -> None:
    console = terminal(height=10)
    with open_live_view(console, RideScript()) as view:
        view.show(("riding", 1), 0)
    assert "in 40x9" in printed(console)


@pytest.mark.parametrize(("before", "after"), [(120, 40), (40, 120)])
def test_terminal_view_leaves_nothing_of_a_screen_that_a_resize_has_wrapped(
    before: int, after: int
) -> None:
    console = Console(
        file=io.StringIO(), force_terminal=True, width=before, height=24, color_system=None
    )
    view = TerminalView(console, RideScript())
    view.draw(Text("\n".join(["before " * (before // 7)] * 3)))
    wrapped = "\n".join(emulated(printed(console), columns=before))
    console.file = io.StringIO()
    console.size = ConsoleDimensions(after, 24)
    view.show(("riding", 1), 0)
    assert emulated(wrapped + printed(console), columns=after) == [f"riding 1 in {after}x23"] * 3
    view.close()


def test_terminal_view_leaves_every_event_on_the_terminal_when_it_closes() -> None:
    console = terminal(height=4)
    with open_live_view(console, RideScript()) as view:
        view.show(("riding", 1), 0)
        for number in range(5):
            view.tell(Event("lap", f"lap {number}"))
    left = printed(console).rsplit("\x1b[", 1)[1]
    assert [f"lap {number}" in left for number in range(5)] == [True] * 5


def test_terminal_view_draws_all_of_it_again_after_it_was_suspended() -> None:
    console = terminal()
    with open_live_view(console, RideScript()) as view:
        view.show(("riding", 1), 0)
        view.suspend()
        before = len(printed(console))
        view.resume()
        assert "riding 1 " in printed(console)[before:]
