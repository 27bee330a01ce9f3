"""The modules of the show that only compute."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from gateway.simulation.page.frame import frame_of
from gateway.simulation.page.patch import difference
from tests.browser.show_scenes import demo_at, fleet_at
from tests.gateway.simulation.page.test_patch import applied

Run = Callable[..., Any]


def test_patch_is_applied_as_the_gateway_means_it(run_module: Run) -> None:
    frames = [{}, *(frame_of(demo_at(second)) for second in (1, 9, 12)), {"a": 1}]
    for before, after in pairwise(frames):
        patch = difference(before, after)
        found = run_module("patch.js", "module.patched(...given)", [before, patch])
        assert found == applied(before, patch) == json.loads(json.dumps(after))


def test_racers_are_listed_by_place_within_their_class_or_by_search(run_module: Run) -> None:
    racers = frame_of(fleet_at(3, racers=40))["racers"]

    def listed(**options: object) -> list[tuple[str, int]]:
        found = run_module("standings.js", "module.listed(...given)", [racers, options])
        return [(racer["name"], racer["place"]) for racer in found]

    assert run_module("standings.js", "module.classesOf(given)", racers) == [1, 2]
    assert [place for _, place in listed()] == list(range(1, 41))
    of_class = listed(classId=2)
    assert [place for _, place in of_class] == list(range(1, 21))
    assert all(racers[name]["class_id"] == 2 for name, _ in of_class)
    name = next(name for name, racer in racers.items() if racer["place"] == 37)
    assert listed(search=f" {name.upper()}")[0] == (name, 37)


def test_racer_without_a_result_has_no_place(run_module: Run) -> None:
    racers = {"Ada": {"place": 2}, "Bruno": {"place": 1, "class_id": 1, "here_now": 0}}
    found = run_module("standings.js", "module.listed(given, {})", racers)
    assert [(racer["name"], racer["place"]) for racer in found] == [("Bruno", 1), ("Ada", None)]


def test_rate_is_that_of_the_last_three_seconds(run_module: Run) -> None:
    script = "(() => { const rate = new module.Rate(); return given.map(x => rate.add(...x)); })()"
    looks = [[0, 0], [0, 0], [500, 4], [1000, 8], [4000, 8], [8000, 48]]
    assert run_module("rate.js", script, looks) == [None, None, 8, 8, 0, 10]


def test_every_gateway_is_a_dot_in_the_path_of_its_state(run_module: Run) -> None:
    letters = "lkcb" * 250
    field = run_module("dots.js", "module.dots(given)", letters)
    counts = {letter: path.count("M") for letter, path in field["paths"].items()}
    assert counts == dict.fromkeys("lkcb", 250)
    assert field["width"] > 3 * field["height"]
    counts = run_module("dots.js", "module.counted(given)", "llk")
    assert counts == {"l": 2, "k": 1, "c": 0, "b": 0}
