"""The line that `systemctl status` shows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bike.link import LinkState
from gateway.bike.status import BikeStatus
from gateway.race.results import Place
from gateway.status.line import MOST_CHARACTERS, race_line, status_line
from gateway.status.snapshot import CloudStatus
from tests.support.statuses import (
    bike_status,
    buffer_status,
    gateway_status,
    lost_bike,
    offline,
)

FREE_9_H = 9 * 846_000


def line(*bikes: BikeStatus, **changes: Any) -> str:
    return status_line(gateway_status(*bikes, **changes))


def test_status_line_of_a_gateway_that_is_not_set_up_names_the_command() -> None:
    assert line(is_set_up=False, cloud=offline()) == "not set up yet: sudo alleycat-gateway setup"


def test_status_line_in_an_outage_has_downtime_and_backlog() -> None:
    buffer = buffer_status(depth=2161, on_disk=2100, free_bytes=FREE_9_H)
    assert line(cloud=offline(), buffer=buffer) == (
        "race 59807781 · 87 rpm · 54 % · cloud offline 12 min · 2,161 buffered (room for 9 h)"
    )


def test_status_line_has_race_cadence_resistance_and_cloud() -> None:
    assert line() == "race 59807781 · 87 rpm · 54 % · cloud connected"


def test_status_line_has_the_rank_of_a_single_bike() -> None:
    place = Place(12, 60, 161.7725, 0.3, leader_id=9, leader_output=182.25, age_s=0.6)
    found = line(bike_status(place=place))
    assert found == "race 59807781 · 87 rpm · 54 % · rank 12 of 60 · cloud connected"
    unranked = Place(None, 60, None, None, leader_id=9, leader_output=182.25, age_s=0.6)
    assert line(bike_status(place=unranked)) == line()


@pytest.mark.parametrize(
    ("bike", "expected"),
    [
        ({"second": 103}, "race 59807781, second 103"),
        (
            {"second": 103, "place": Place(12, 60, 161.7, 0.3, 9, 182.25, 0.6)},
            "race 59807781, second 103, rank 12 of 60, 0.30 behind the racer ahead",
        ),
        (
            {"second": 103, "place": Place(1, 60, 182.25, None, 9, 182.25, 0.6)},
            "race 59807781, second 103, rank 1 of 60, in the lead",
        ),
        (
            {"not_joined": "the bike is not connected"},
            "race 59807781 not joined: the bike is not connected",
        ),
        ({"second": 1, "starts_in_s": 134.0}, "race 59807781 begins in 2 min"),
        ({"race_id": None}, ""),
    ],
)
def test_race_line_of_a_bike_has_what_is_known_of_its_race(
    bike: dict[str, Any], expected: str
) -> None:
    assert race_line(bike_status(**bike)) == expected


def test_status_line_waits_for_a_rider_while_no_race_is_joined() -> None:
    waiting = bike_status(not_joined="the pedals have not turned since the race began")
    assert line(waiting).startswith("waiting for a rider · ")
    assert line(waiting, bike_status(2)).startswith("race 59807781 · 2 bikes")
    assert line(bike_status(race_id=None)).startswith("idle · ")


def test_status_line_has_no_backlog_for_messages_on_their_way() -> None:
    assert line(buffer=buffer_status(depth=5)).endswith("cloud connected")
    assert line(buffer=buffer_status(depth=600)).endswith("cloud connected · 600 buffered")


def test_status_line_counts_several_bikes() -> None:
    two = (bike_status(1), bike_status(2))
    assert line(*two) == "race 59807781 · 2 bikes · cloud connected"
    assert line(*two, lost_bike(3)) == "race 59807781 · 2 of 3 bikes · cloud connected"
    assert line(bike_status(1), bike_status(2, race_id=7)).startswith("2 races · 2 bikes")


def test_status_line_tells_of_a_lost_and_a_connecting_bike() -> None:
    assert line(lost_bike()) == "race 59807781 · bike lost for 3 min · cloud connected"
    connecting = bike_status(state=LinkState.CONNECTING, sample=None, state_s=3.0)
    assert line(connecting).startswith("race 59807781 · bike connecting for 3 s · ")


def test_status_line_counts_the_connections_that_are_up() -> None:
    some = CloudStatus("refused", 3, 2, 1.0, 60.0)
    assert line(cloud=some) == "race 59807781 · 87 rpm · 54 % · cloud: 2 of 3 connected"


def test_status_line_between_races_is_idle() -> None:
    assert line(bike_status(race_id=None, second=None, sample=None)) == "idle · cloud connected"


def test_status_line_tells_that_the_clock_is_not_set() -> None:
    nameless = bike_status(race_id=None, second=None)
    buffer = buffer_status(depth=120, unnamed=120, free_bytes=FREE_9_H)
    assert line(nameless, clock_is_set=False, buffer=buffer) == (
        "clock not set · 87 rpm · 54 % · cloud connected · 120 buffered (room for 9 h)"
    )


def test_status_line_tells_of_disk_trouble_and_losses() -> None:
    buffer = buffer_status(problem="disk I/O error", lost=1200)
    assert line(buffer=buffer, lost_seconds=3) == (
        "race 59807781 · 87 rpm · 54 % · disk trouble · 1,200 lost · 3 s lost · cloud connected"
    )


@pytest.mark.parametrize("free_bytes", [None, 0])
def test_status_line_leaves_out_unknown_room_and_shows_none_left(free_bytes: int | None) -> None:
    buffer = buffer_status(depth=7, free_bytes=free_bytes)
    end = " · 7 buffered" if free_bytes is None else " · 7 buffered (room for 0 s)"
    assert line(cloud=offline(), buffer=buffer).endswith(end)


@given(
    depth=st.integers(0, 10**9),
    lost=st.integers(0, 10**9),
    lost_seconds=st.integers(0, 10**9),
    race_id=st.integers(0, 2**63),
    reason=st.text(),
)
def test_status_line_is_short_and_without_names_or_reasons(
    depth: int, lost: int, lost_seconds: int, race_id: int, reason: str
) -> None:
    bike = bike_status(race_id=race_id, racer_name="Hayden")
    text = line(
        bike,
        cloud=offline("Hayden" + reason),
        lost_seconds=lost_seconds,
        buffer=buffer_status(depth=depth, lost=lost, problem="Hayden" + reason),
    )
    assert len(text) <= MOST_CHARACTERS
    assert text.isprintable()
    assert "Hayden" not in text
