"""The modules of the rider's page that only compute."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.simulation.cloud.leaderboard import score
from tests.browser.rider_scenes import ridden

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("rank", "ending"),
    [(1, "st"), (2, "nd"), (3, "rd"), (4, "th"), (11, "th"), (12, "th"), (13, "th"), (21, "st"),
     (100, "th"), (101, "st"), (111, "th"), (112, "th"), (123, "rd")],
)  # fmt: skip
def test_rank_has_the_ending_of_its_ordinal(run_module: Run, rank: int, ending: str) -> None:
    assert run_module("units.js", "module.ordinalEnding(given)", rank) == ending


def test_numbers_are_rounded_and_unknown_ones_are_a_dash(run_module: Run) -> None:
    script = "given.map(value => module.rounded(value, 1))"
    assert run_module("units.js", script, [0, -0.01, 12.25, 99.96, None]) == [
        *("0.0", "0.0", "12.3", "100.0", "–")
    ]


def test_clock_counts_whole_seconds_down_to_zero(run_module: Run) -> None:
    shown = run_module("units.js", "given.map(module.clock)", [134, 60, 9.2, 0, -3, None])
    assert shown == ["2:14", "1:00", "0:10", "0:00", "0:00", "–"]


@pytest.mark.parametrize(("cadence", "resistance"), [(0, 0), (87.26, 54.13), (120.5, 100)])
def test_output_is_the_same_as_that_of_the_backend(
    run_module: Run, cadence: float, resistance: float
) -> None:
    shown = run_module("output.js", "module.outputOf(...given)", [cadence, resistance])
    assert shown == pytest.approx(score(cadence, resistance), abs=1e-4)


def test_line_has_a_gap_where_seconds_are_missing_and_marks_the_best(run_module: Run) -> None:
    messages = [message.to_json().decode() for message in ridden([*range(1, 11), *range(21, 31)])]
    script = "module.lineOf(given.map(JSON.parse), 600, 100)"
    line = run_module("line.js", script, messages)
    assert line["path"].count("M") == 2
    assert line["path"].count("L") == 18
    assert 0 < line["best"]["x"] < 600
    assert line["best"]["y"] == 8


def test_line_of_no_seconds_is_empty(run_module: Run) -> None:
    assert run_module("line.js", "module.lineOf([], 600, 100)") == {"path": "", "best": None}


def test_best_seconds_work_without_storage(run_module: Run) -> None:
    script = """(() => {
      const refuse = () => { throw new Error("refused"); };
      Object.defineProperty(window, "localStorage", { get: refuse });
      const bests = new module.Bests();
      bests.add({ bikeId: "b", raceId: 1, racerId: 7, classId: 2, second: 3 }, 90);
      bests.add({ bikeId: "b", raceId: 1, racerId: 7, classId: 2, second: 4 }, 80);
      const bike = { bike_id: "b", race_id: 1, racer_id: 7, class_id: 2 };
      return [bests.ofRace(bike), bests.record(bike), bests.record({ ...bike, class_id: 3 })];
    })()"""
    assert run_module("bests.js", script) == [90, 90, None]


def test_screen_may_sleep_if_the_race_ends_before_the_browser_answers(run_module: Run) -> None:
    script = """(async () => {
      const held = new Set();
      const request = async () => {
        const lock = { release: async () => held.delete(lock) };
        held.add(lock);
        return lock;
      };
      const keepAwake = module.wakeLock({ wakeLock: { request } });
      keepAwake(true);
      keepAwake(false);
      await new Promise((done) => setTimeout(done));
      const afterEnd = held.size;
      keepAwake(true);
      document.dispatchEvent(new Event("visibilitychange"));
      await new Promise((done) => setTimeout(done));
      return [afterEnd, held.size];
    })()"""
    assert run_module("wake.js", f"await {script}") == [0, 1]


@pytest.mark.parametrize(
    ("hours_left", "danger"),
    [
        (600.0, None),
        (0.5, "The cloud cannot be reached. In 30 minutes, the oldest seconds will be lost."),
        (
            0.0,
            "The cloud cannot be reached, and there is no room left: the oldest seconds are lost.",
        ),
    ],
)
def test_seconds_lost_long_ago_are_no_danger(
    run_module: Run, hours_left: float, danger: str | None
) -> None:
    gateway = {
        "buffer": {"problem": None, "lost": 12, "depth": 9, "on_disk": 9},
        "cloud": {"connected": 0, "connections": 1},
        "bikes": [{}],
    }
    report = {"gateway": gateway, "hours_left": hours_left}
    assert run_module("light.js", "module.dangerOf(given)", report) == danger
