import json
from dataclasses import replace
from typing import Any

from gateway.simulation.cloud.arrivals import Arrivals
from gateway.simulation.page.frame import account_of, frame_of
from gateway.simulation.scene import GatewayState, OutageSpan
from gateway.simulation.view import print_summary
from tests.gateway.simulation.test_scene import demo_summary, fleet_summary
from tests.gateway.simulation.test_view import DEMO, FLEET, console, finished, printed


def has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(has_null, value.values()))
    return value is None


def test_frame_files_racers_under_their_names_with_what_is_known() -> None:
    racers = frame_of(DEMO)["racers"]
    assert racers["Racer2"] == {
        "place": 1,
        "class_id": 1,
        "here_now": 148,
        "cadence_rpm": 80.5,
        "resistance_percent": 41.0,
        "buffered": 4,
        "is_online": False,
    }
    assert racers["Racer3"] == {"place": 3, "buffered": 0, "is_online": True}
    final = replace(FLEET, board=(finished(FLEET.board[0], 143.25),))
    assert frame_of(final)["racers"]["Racer1"]["final"] == 143.2
    assert frame_of(final)["racers"]["Racer1"]["gained"] == 2


def test_frame_is_json_without_null_whatever_is_known() -> None:
    for scene in (DEMO, FLEET, replace(DEMO, arrivals=Arrivals({"a": 0}))):
        frame = frame_of(scene)
        assert not has_null(frame)
        assert json.loads(json.dumps(frame)) == frame


def test_frame_has_gateways_by_letter_the_shards_and_the_delay() -> None:
    states = tuple(GatewayState)
    scene = replace(DEMO, gateways=states, arrivals=Arrivals({"a": 5, "b": 0}, 812.34))
    frame = frame_of(scene)
    assert frame["gateways"] == "lkcb"
    assert (frame["shards"], frame["delay_ms"]) == ({"a": 5, "b": 0}, 812.3)
    assert frame["counts"] == {"produced": 24, "buffered": 4}


def test_frame_has_the_race_in_the_terminals_words() -> None:
    frame = frame_of(replace(DEMO, connected=1, outage=OutageSpan(100, 120)))
    assert frame["heading"] == "3 racers on 3 connections → a cloud on this computer"
    assert frame["when"] == "second  37 of 300"
    assert frame["troubles"] == ["2 offline"]
    assert frame["outage"] == {"from_s": 100, "to_s": 120}


def test_account_has_every_line_that_the_terminal_prints_above_and_below_its_table() -> None:
    for summary in (demo_summary(), fleet_summary(stream=None)):
        terminal = console(columns=200)
        print_summary(terminal, summary)
        text = printed(terminal)
        account = account_of(summary)
        assert account["ok"] is summary.ok
        assert all(line["text"] in text for line in account["lines"])
        assert account["lines"][-1]["text"].startswith("class 2, personal records: Ada 128.2")
    assert account_of(demo_summary())["lines"][1] == {
        "style": "good",
        "text": "120 of 120 messages in the stream: nothing lost, 0 duplicates",
    }
