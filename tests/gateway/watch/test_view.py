"""How a watched bike is shown: on a terminal, in lines, as JSON."""

import io
import json
from random import Random

import pytest
from rich.console import Console

from drivers import Reading
from drivers.registry import UnusableDriver
from gateway.bike.link import BikeLink, LinkState
from gateway.timing.clock import SystemClock
from gateway.watch.session import Watch
from gateway.watch.view import (
    WatchScreen,
    heading,
    open_view,
    reading_json,
    reading_line,
    table,
)
from tests.support.emulated import emulated

S = 1_000_000_000
READING = Reading(2 * S, cadence_rpm=80.04, resistance_raw=417, power_w=0, source="lines")


@pytest.fixture
def watch() -> Watch:
    watch = Watch()
    watch.connected(0, stale_after_s=3)
    watch.add(READING)
    return watch


@pytest.fixture
def link(watch: Watch) -> BikeLink:
    link = BikeLink("bike-1", UnusableDriver("gone"), watch, SystemClock(), Random(1))
    link.state = LinkState.CONNECTED
    return link


def console(width: int = 80, terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)


def text_of(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_watch_table_says_what_is_live_stale_and_unknown(
    watch: Watch, link: BikeLink, width: int
) -> None:
    shown = console(width)
    shown.print(table(WatchScreen(link, watch.fields(6 * S))))
    lines = text_of(shown).splitlines()
    assert lines[0].strip() == "bike-1: connected"
    assert "80 rpm (stale)" in text_of(shown)
    assert "0 W (stale)" in text_of(shown)
    assert "unknown" in text_of(shown)
    assert "lines" in text_of(shown)
    assert max(len(line) for line in lines) <= width


def test_watch_heading_has_the_reason(link: BikeLink) -> None:
    link.state, link._reason = LinkState.LOST, "the cable is out"
    assert heading(link) == "bike-1: lost: the cable is out"


def test_watch_lines_are_values_once_a_second_and_changed_states(
    watch: Watch, link: BikeLink
) -> None:
    shown = console()
    with open_view(shown, link, watch) as show:
        for quarter in range(8, 16):
            show(quarter * S // 4, "")
        link.state, link._reason = LinkState.LOST, "[org.bluez.Error] gone"
        show(5 * S, "")
    assert text_of(shown).splitlines() == [
        "bike-1: connected",
        "cadence 80 rpm  resistance, as sent 417  power 0 W",
        "cadence 80 rpm  resistance, as sent 417  power 0 W",
        "bike-1: lost: [org.bluez.Error] gone",
    ]


def test_watch_of_states_alone_prints_no_values(link: BikeLink) -> None:
    shown = console()
    with open_view(shown, link, None) as show:
        show(1, "")
        show(2 * S, "")
    assert text_of(shown) == "bike-1: connected\n"


def test_watch_shows_the_race_of_the_bike(watch: Watch, link: BikeLink) -> None:
    for terminal in (True, False):
        shown = console(terminal=terminal)
        with open_view(shown, link, watch) as show:
            show(3 * S, "race 12, second 103, rank 3 of 60")
        assert "race 12, second 103, rank 3 of 60" in text_of(shown)


def test_watch_redraws_a_terminal_and_nothing_else(watch: Watch, link: BikeLink) -> None:
    for terminal, expected in ((True, "age"), (False, "cadence 80 rpm")):
        shown = console(terminal=terminal)
        with open_view(shown, link, watch) as show:
            show(3 * S, "")
        assert expected in text_of(shown)


def test_watch_leaves_its_last_table_on_a_terminal(watch: Watch, link: BikeLink) -> None:
    shown = console(terminal=True)
    with open_view(shown, link, watch) as show:
        show(3 * S, "")
        link.state = LinkState.LOST
        show(4 * S, "")
    left = emulated(text_of(shown))
    assert left[0] == "bike-1: lost"
    assert sum("cadence" in line for line in left) == 1


def test_watch_keeps_the_reason_of_the_last_loss(watch: Watch, link: BikeLink) -> None:
    shown = console(terminal=True)
    with open_view(shown, link, watch) as show:
        link.state, link._reason = LinkState.LOST, "the cable is out"
        show(3 * S, "")
        assert "last lost" not in text_of(shown)
        link.state, link._reason = LinkState.CONNECTED, ""
        show(4 * S, "")
    left = emulated(text_of(shown))
    assert left[:2] == ["bike-1: connected", "last lost: the cable is out"]


def test_watch_lines_name_the_gateway_that_has_the_bike(watch: Watch, link: BikeLink) -> None:
    shown = console()
    link.state, link._reason = LinkState.LOST, "in use"
    with open_view(shown, link, watch) as show:
        show(3 * S, "gateway-1 reads bike-1")
    assert text_of(shown) == "bike-1: lost: in use; gateway-1 reads bike-1\n"


def test_reading_json_leaves_out_what_was_not_said() -> None:
    assert json.loads(reading_json(READING, start_ns=S)) == {
        "t_s": 1.0,
        "cadence_rpm": 80.04,
        "resistance_raw": 417,
        "power_w": 0,
        "source": "lines",
    }


def test_reading_line_has_time_and_values() -> None:
    assert reading_line(READING, S) == (
        "    1.000 s  cadence 80 rpm  resistance, as sent 417  power 0 W"
    )


@pytest.mark.parametrize("terminal", [True, False])
def test_watch_shows_a_value_that_cannot_be_true_and_that_it_is_left_out(
    watch: Watch, link: BikeLink, terminal: bool
) -> None:
    watch.add(Reading(3 * S, cadence_rpm=79, power_w=16_499))
    shown = console(width=120, terminal=terminal)
    with open_view(shown, link, watch) as show:
        show(3 * S, "")
    assert "16499 W" in text_of(shown)
    assert "implausible values, left out: 1 × power, the last one 16,499 W" in text_of(shown)


def test_reading_names_the_values_that_cannot_be_true() -> None:
    absurd = Reading(2 * S, cadence_rpm=995, power_w=166, heart_rate_bpm=300)
    assert json.loads(reading_json(absurd, S))["implausible"] == ["cadence_rpm", "heart_rate_bpm"]
    assert reading_line(absurd, S) == (
        "    1.000 s  cadence 995 rpm (implausible)  power 166 W  heart rate 300 bpm (implausible)"
    )
