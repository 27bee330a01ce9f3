"""Commands: repeated, late, malformed, for an unknown bike; replacing and stopping."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.race import commanded
from gateway.race.commanded import MAX_RACES, BikeRaces, RemoteRaces
from gateway.race.races import Race, Racer

NOW_MS = 1_795_247_400_000


def start(command: str = "start", in_s: int = 10, **changes: Any) -> bytes:
    """A race of 300 s that begins `in_s` after now."""
    fields = {
        "command": command,
        "bikeId": "bike-1",
        "raceId": 12,
        "racerId": 7,
        "name": "Hayden",
        "classId": 1,
        "startMs": NOW_MS + in_s * 1000,
        "lengthS": 300,
    }
    names = {"race_id": "raceId", "bike_id": "bikeId", "racer_id": "racerId", "length_s": "lengthS"}
    fields |= {names.get(name, name): value for name, value in changes.items()}
    return json.dumps(fields).encode()


def stop(race_id: int = 12, bike_id: str = "bike-1") -> bytes:
    return json.dumps({"command": "stop", "bikeId": bike_id, "raceId": race_id}).encode()


@pytest.fixture
def races() -> RemoteRaces:
    return RemoteRaces(["bike-1", "bike-2"])


def ids(races: RemoteRaces, bike_id: str = "bike-1") -> list[int]:
    return [race.race_id for race in races.of(bike_id).all]


def test_start_command_sets_race_time_and_racer_of_its_bike(races: RemoteRaces) -> None:
    response = races.apply(start(), NOW_MS)
    assert json.loads(response.to_json()) == {
        "ok": True,
        "result": "accepted",
        "command": "start",
        "bikeId": "bike-1",
        "raceId": 12,
    }
    race = Race(12, NOW_MS + 10_000, 300, Racer(7, "Hayden", 1))
    assert races.of("bike-1").race_at(NOW_MS) == race
    assert races.of("bike-1").race_at(race.end_ms - 1) == race
    assert races.of("bike-1").race_at(race.end_ms) is None
    assert races.of("bike-2").race_at(NOW_MS) is None


def test_bikes_can_be_given_different_races(races: RemoteRaces) -> None:
    assert races.apply(start(), NOW_MS).ok
    assert races.apply(start(bike_id="bike-2", race_id=13, racer_id=8), NOW_MS).ok
    assert (ids(races, "bike-1"), ids(races, "bike-2")) == ([12], [13])


def test_repeated_start_is_already_done(races: RemoteRaces) -> None:
    races.apply(start(), NOW_MS)
    response = races.apply(start(), NOW_MS + 20_000)
    assert (response.ok, response.result) == (True, "already")
    assert ids(races) == [12]


def test_commanded_races_are_in_order_of_start(races: RemoteRaces) -> None:
    races.apply(start(in_s=310, race_id=13), NOW_MS)
    races.apply(start(in_s=10, race_id=12), NOW_MS)
    assert ids(races) == [12, 13]
    first = races.of("bike-1").all[0]
    following = races.of("bike-1").race_after(first)
    assert following is not None
    assert following.race_id == 13
    assert races.of("bike-1").race_after(following) is None


def test_start_of_a_race_that_is_on_is_accepted(races: RemoteRaces) -> None:
    assert races.apply(start(in_s=-299), NOW_MS).ok


@pytest.mark.parametrize("ago_s", [0, 2])
def test_start_of_a_race_that_is_over_is_refused(races: RemoteRaces, ago_s: int) -> None:
    response = races.apply(start(in_s=-300 - ago_s), NOW_MS)
    assert response.reason == f"race 12 ended {ago_s} s ago"
    assert ids(races) == []


def test_refusal_of_a_race_names_the_first_race_in_its_way(races: RemoteRaces) -> None:
    races.apply(start(in_s=10, race_id=12), NOW_MS)
    races.apply(start(in_s=310, race_id=13), NOW_MS)
    response = races.apply(start(in_s=100, race_id=14), NOW_MS)
    assert response.reason is not None
    assert "the bike already has race 12 of racer 7" in response.reason


def test_race_is_held_until_it_is_stopped_or_replaced(races: RemoteRaces) -> None:
    bike = races.of("bike-1")
    races.apply(start(in_s=-10), NOW_MS)
    races.apply(start(in_s=310, race_id=13), NOW_MS)
    running, planned = bike.all
    assert bike.holds(running)
    assert bike.holds(planned)
    races.apply(start("replace", in_s=-10, racer_id=8), NOW_MS)
    assert not bike.holds(running), "another racer has taken over"
    races.apply(stop(13), NOW_MS)
    assert not bike.holds(planned)


def test_overlapping_race_is_ended_by_replace_and_not_by_start(races: RemoteRaces) -> None:
    races.apply(start(), NOW_MS)
    response = races.apply(start(in_s=100, race_id=13), NOW_MS)
    assert not response.ok
    assert response.reason is not None
    assert "the bike already has race 12 of racer 7" in response.reason
    assert ids(races) == [12]
    assert races.apply(start("replace", in_s=100, race_id=13), NOW_MS).ok
    assert ids(races) == [13]


def test_replace_by_the_same_race_and_racer_is_refused_once_begun(races: RemoteRaces) -> None:
    races.apply(start(in_s=-10), NOW_MS)
    response = races.apply(start("replace", in_s=-10, length_s=600), NOW_MS)
    assert response.reason is not None
    assert f"racer 7 has already begun race 12, at {NOW_MS - 10_000}" in response.reason
    assert races.apply(start("replace", in_s=-10, racer_id=8), NOW_MS).ok, "another racer may"


def test_race_has_begun_in_the_millisecond_of_its_start(races: RemoteRaces) -> None:
    races.apply(start(in_s=10), NOW_MS)
    assert not races.apply(start("replace", in_s=20), NOW_MS + 10_000).ok
    assert races.apply(start("replace", in_s=20), NOW_MS + 9999).ok


def test_replace_moves_a_race_that_has_not_begun(races: RemoteRaces) -> None:
    races.apply(start(), NOW_MS)
    assert races.apply(start("replace", in_s=20), NOW_MS).ok
    assert [race.start_ms for race in races.of("bike-1").all] == [NOW_MS + 20_000]


def test_repeated_stop_is_already_done(races: RemoteRaces) -> None:
    races.apply(start(), NOW_MS)
    races.apply(start(in_s=310, race_id=13), NOW_MS)
    assert races.apply(stop(12), NOW_MS).result == "accepted"
    assert races.apply(stop(12), NOW_MS).result == "already"
    assert ids(races) == [13]


def test_race_stopped_midway_cannot_be_begun_again_by_its_racer(races: RemoteRaces) -> None:
    races.apply(start(in_s=-10), NOW_MS)
    races.apply(stop(), NOW_MS)
    for command in ("start", "replace"):
        response = races.apply(start(command, in_s=20), NOW_MS)
        assert response.result == "refused"
        assert response.reason == (
            f"racer 7 has already begun race 12, at {NOW_MS - 10_000} "
            "(ms since the epoch); choose another raceId or racer"
        )
    assert races.apply(start(in_s=20, racer_id=8), NOW_MS).ok, "another racer may"


def test_race_stopped_before_its_start_can_be_started_again(races: RemoteRaces) -> None:
    races.apply(start(), NOW_MS)
    races.apply(stop(), NOW_MS)
    assert races.apply(start(), NOW_MS).result == "accepted"


@pytest.mark.parametrize("command", [start(bike_id="bike-9"), stop(bike_id="bike-9")])
def test_command_for_an_unknown_bike_is_refused(races: RemoteRaces, command: bytes) -> None:
    response = races.apply(command, NOW_MS)
    assert response.reason == "unknown bike 'bike-9'; expected one of: bike-1, bike-2"


@pytest.mark.parametrize("command", [start(in_s=400, race_id=13), stop()])
def test_command_is_refused_while_the_clock_is_not_set(races: RemoteRaces, command: bytes) -> None:
    races.apply(start(), NOW_MS)
    response = races.apply(command, None)
    assert response.reason is not None
    assert "clock is not set" in response.reason
    assert ids(races) == [12]


def test_racer_cannot_ride_the_same_race_twice(races: RemoteRaces) -> None:
    assert races.apply(start(in_s=-290), NOW_MS).ok
    assert not races.apply(start(in_s=20), NOW_MS).ok, "the first is on"
    assert not races.apply(start(in_s=20), NOW_MS + 11_000).ok, "the first has ended"
    assert not races.apply(start(in_s=20, name="Bob"), NOW_MS).ok, "a new name, the same racer"


def test_race_to_come_is_moved_by_replace_and_not_by_start(races: RemoteRaces) -> None:
    assert races.apply(start(in_s=10), NOW_MS).ok
    assert not races.apply(start(in_s=900), NOW_MS).ok
    assert races.apply(start("replace", in_s=900), NOW_MS).ok
    assert [race.start_ms for race in races.of("bike-1").all] == [NOW_MS + 900_000]


def test_stop_of_a_race_that_is_over_is_already_done(races: RemoteRaces) -> None:
    races.apply(start(in_s=-290), NOW_MS)
    assert races.apply(stop(), NOW_MS + 11_000).result == "already"


def test_stop_at_the_end_of_a_race_is_already_done(races: RemoteRaces) -> None:
    races.apply(start(in_s=-290), NOW_MS)
    assert races.apply(stop(), NOW_MS + 10_000).result == "already"


def test_race_stopped_at_its_start_keeps_the_second_that_began(races: RemoteRaces) -> None:
    races.apply(start(), NOW_MS)
    races.apply(stop(), NOW_MS + 10_000)
    ridden = races.of("bike-1").ridden_at(NOW_MS + 10_000)
    assert ridden is not None
    assert (ridden.race_id, ridden.length_s) == (12, 1)


def test_subscriber_hears_of_each_change_and_of_no_repetition(races: RemoteRaces) -> None:
    heard: list[list[int]] = []
    races.of("bike-1").subscribe(lambda: heard.append(ids(races)))
    counts = []
    for command in (start(), start(), start("replace", race_id=13), stop(13), stop(13)):
        races.apply(command, NOW_MS)
        counts.append(len(heard))
    assert heard == [[12], [13], []]
    assert counts == [1, 1, 2, 3, 3]


def test_former_subscriber_hears_nothing(races: RemoteRaces) -> None:
    heard: list[str] = []

    def first() -> None:
        heard.append("first")

    def second() -> None:
        heard.append("second")

    bike = races.of("bike-1")
    bike.subscribe(first)
    bike.subscribe(second)
    bike.unsubscribe(first)
    races.apply(start(), NOW_MS)
    assert heard == ["second"]


def test_stopped_race_keeps_its_ridden_part_also_after_a_restart(races: RemoteRaces) -> None:
    races.apply(start(in_s=-10), NOW_MS)
    races.apply(stop(), NOW_MS + 500)
    restarted = RemoteRaces(["bike-1", "bike-2"])
    restarted.restore(races.to_json())
    for bike in (races.of("bike-1"), restarted.of("bike-1")):
        assert bike.ridden_at(NOW_MS - 10_001) is None
        ridden = bike.ridden_at(NOW_MS + 999)
        assert ridden is not None
        assert (ridden.race_id, ridden.length_s) == (12, 11)
        assert bike.ridden_at(NOW_MS + 1000) is None
        assert bike.race_at(NOW_MS + 999) == ridden, "its final is still to come"
        assert bike.race_at(NOW_MS + 1000) is None


@pytest.mark.parametrize(
    ("command", "what"),
    [
        (b"", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "command"),
        (b'{"command": "begin"}', "command"),
        (start(race_id="12"), "raceId: Input should be a valid integer"),
        (start(race_id=-1), "raceId"),
        (start(classId=7), "classId"),
        (start(name=""), "name"),
        (start(length_s=0), "lengthS"),
        (start(length_s=86_401), "lengthS"),
        (start(startMs=1.5), "startMs"),
        (start(colour="red"), "colour"),
        (start(name="x" * 9000), "8192"),
        (b'{"command": "stop", "bikeId": "bike-1"}', "raceId: Field required"),
        (b"[" * 5000, "JSON"),
    ],
)
def test_malformed_command_is_refused_naming_the_field_and_changes_nothing(
    races: RemoteRaces, command: bytes, what: str
) -> None:
    races.apply(start(in_s=400, race_id=5), NOW_MS)
    response = races.apply(command, NOW_MS)
    assert (response.ok, response.result) == (False, "refused")
    assert response.reason is not None
    assert what in response.reason
    assert ids(races) == [5]


@given(st.binary(max_size=300))
def test_random_bytes_as_a_command_are_refused(payload: bytes) -> None:
    races = RemoteRaces(["bike-1"])
    assert not races.apply(payload, NOW_MS).ok


def test_start_is_refused_beyond_the_maximum_of_races_until_one_is_over(races: RemoteRaces) -> None:
    for number in range(32):
        assert races.apply(start(in_s=300 * number, race_id=number), NOW_MS).ok
    response = races.apply(start(in_s=300 * 32, race_id=99), NOW_MS)
    assert response.reason is not None
    assert "already has 32 races planned" in response.reason
    assert races.apply(start("replace", in_s=300 * 31, race_id=98), NOW_MS).ok, "one is replaced"
    later_ms = NOW_MS + 300_000
    assert races.apply(start(in_s=300 * 32, race_id=99), later_ms).ok, "one is over"


def test_race_that_is_over_is_forgotten(races: RemoteRaces) -> None:
    races.apply(start(), NOW_MS)
    races.forget_before(NOW_MS + 310_000 - 1)
    assert ids(races) == [12]
    races.forget_before(NOW_MS + 310_000)
    assert ids(races) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["start", "replace", "stop"]),
            st.integers(1, 5),
            st.integers(-400, 900),
            st.integers(1, 400),
        ),
        max_size=30,
    )
)
def test_races_of_a_bike_never_overlap_for_any_commands(
    commands: list[tuple[str, int, int, int]],
) -> None:
    races = RemoteRaces(["bike-1"])
    for command, race_id, in_s, length_s in commands:
        if command == "stop":
            payload = stop(race_id)
        else:
            payload = start(command, in_s, race_id=race_id, length_s=length_s)
        before = races.of("bike-1").all
        response = races.apply(payload, NOW_MS)
        ridden = races.of("bike-1").all
        assert (response.result == "accepted") == (ridden != before)
        for one, following in pairwise(ridden):
            assert one.end_ms <= following.start_ms


def test_bike_without_races_has_none_now_or_later() -> None:
    races = BikeRaces()
    assert races.race_at(0) is None
    assert races.race_after(Race(1, 0, 300)) is None


def test_served_bikes_can_change_and_the_rest_keep_their_races(races: RemoteRaces) -> None:
    races.apply(start(), NOW_MS)
    races.serve(["bike-1", "bike-3"], NOW_MS)
    assert ids(races) == [12]
    assert races.apply(start(bike_id="bike-3", racer_id=8), NOW_MS).ok
    assert not races.apply(start(bike_id="bike-2", racer_id=9), NOW_MS).ok


def test_races_of_a_bike_that_left_are_forgotten_with_the_others(races: RemoteRaces) -> None:
    races.apply(start(bike_id="bike-2", length_s=10), NOW_MS)
    races.serve(["bike-1"], NOW_MS)
    races.forget_before(NOW_MS + 10_000)
    assert b"bike-2" in races.to_json()
    races.forget_before(NOW_MS + 20_000)
    assert b"bike-2" not in races.to_json()


@pytest.mark.parametrize(
    ("in_s", "ridden_s"),
    [(-10, 11), (0, 1), (1, None), (-300, 300)],
    ids=["is on", "begins", "is to come", "has ended"],
)
@pytest.mark.parametrize("is_restarted", [False, True])
def test_race_in_progress_ends_when_its_bike_leaves(
    races: RemoteRaces, is_restarted: bool, in_s: int, ridden_s: int | None
) -> None:
    races.apply(start(in_s=in_s), NOW_MS - 300_000)
    [race] = races.of("bike-1").all
    heard: list[str] = []
    races.of("bike-1").subscribe(lambda: heard.append("changed"))
    if is_restarted:
        races.serve(["bike-2"], None)
        races.end_unserved(NOW_MS)
    else:
        races.serve(["bike-2"], NOW_MS)
    bike = races.of("bike-1")
    ridden = bike.ridden_at(race.start_ms)
    assert ridden == replace(race, length_s=ridden_s or 300)
    assert bike.holds(race) == (ridden_s in (None, 300)), "one that is to come stays planned"
    assert heard == ["changed"]


def test_race_in_progress_stays_while_its_bike_is_served(races: RemoteRaces) -> None:
    races.apply(start(in_s=-10), NOW_MS)
    races.serve(["bike-1"], NOW_MS)
    races.end_unserved(NOW_MS)
    assert [races.of("bike-1").holds(race) for race in races.of("bike-1").all] == [True]


def test_race_cut_short_is_forgotten_once_it_is_over(races: RemoteRaces) -> None:
    races.apply(start(in_s=-10), NOW_MS)
    races.apply(stop(), NOW_MS)
    races.forget_before(NOW_MS + 999)
    assert [race.length_s for race in races.of("bike-1").cut_short] == [11]
    races.forget_before(NOW_MS + 1000)
    assert races.of("bike-1").cut_short == ()


def test_race_cut_short_keeps_a_bike_that_left_in_the_file(races: RemoteRaces) -> None:
    races.apply(start(in_s=-10, bike_id="bike-2"), NOW_MS)
    races.serve(["bike-1"], NOW_MS)
    races.forget_before(NOW_MS)
    assert b"bike-2" in races.to_json()


def test_race_cut_short_last_is_remembered_of_every_bike(
    races: RemoteRaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commanded, "MAX_REMEMBERED", 1)
    for race_id in (12, 13):
        races.apply(start(in_s=0, race_id=race_id), NOW_MS)
        races.apply(stop(race_id), NOW_MS)
    races.forget_before(0)
    assert [race.race_id for race in races.of("bike-1").cut_short] == [13]


def test_newest_ended_races_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commanded, "MAX_REMEMBERED", 20)
    races = RemoteRaces(["bike-1", "bike-2"])
    for number in range(100):
        at_ms = NOW_MS + 10_000 * number
        assert races.apply(start(startMs=at_ms, length_s=10, race_id=number), at_ms).ok
        races.forget_before(0)
    assert ids(races) == list(range(100 - 10 - MAX_RACES, 100)), "half of them are of bike-2"
    for number in range(100, 150):
        at_ms = NOW_MS + 10_000 * number
        races.apply(start(startMs=at_ms, length_s=10, race_id=number), at_ms)
        races.apply(stop(number), at_ms)
        races.forget_before(0)
    assert [race.race_id for race in races.of("bike-1").cut_short] == list(range(140, 150))


def restored(
    *races: Race, cut_short: Sequence[Race] = ()
) -> tuple[BikeRaces, list[tuple[int, str]]]:
    """Return the races of a bike out of a file, and the id and reason of each dropped one."""
    kept = {"races": list(map(asdict, races)), "cut_short": list(map(asdict, cut_short))}
    remote = RemoteRaces([])
    dropped = remote.restore(json.dumps({"bike-1": kept}).encode())
    assert {one.bike_id for one in dropped} <= {"bike-1"}
    return remote.of("bike-1"), [(one.race.race_id, one.reason) for one in dropped]


def race_of(race_id: int, in_s: int, length_s: int = 300, racer_id: int = 7) -> Race:
    return Race(race_id, NOW_MS + in_s * 1000, length_s, Racer(racer_id, "Hayden", 1))


def test_saved_race_is_dropped_if_it_overlaps_with_the_one_before_it() -> None:
    bike, dropped = restored(
        race_of(12, 0), race_of(13, 300), race_of(14, 599), race_of(15, 600), race_of(16, 899)
    )
    assert [race.race_id for race in bike.all] == [12, 13, 15]
    assert dropped == [(14, "it overlaps with race 13"), (16, "it overlaps with race 15")]


def test_saved_race_is_dropped_if_its_racer_has_another_one_with_its_id() -> None:
    bike, dropped = restored(race_of(12, 0), race_of(12, 300, racer_id=8), race_of(12, 600))
    assert [(race.start_ms - NOW_MS) // 1000 for race in bike.all] == [0, 300]
    assert dropped == [(12, "the racer has another race with this id")]


def test_saved_race_that_no_command_can_start_is_dropped_whether_cut_short_or_not() -> None:
    bike, dropped = restored(
        race_of(12, 0, length_s=0),
        race_of(13, 0),
        cut_short=[race_of(14, -900, racer_id=-1), race_of(15, -600, length_s=17)],
    )
    assert bike.all == (race_of(13, 0),)
    assert bike.cut_short == (race_of(15, -600, length_s=17),)
    too_small = "Input should be greater than or equal to"
    assert dropped == [(12, f"lengthS: {too_small} 1"), (14, f"racerId: {too_small} 0")]


def test_thousand_races_are_remembered_of_all_bikes() -> None:
    """Three bikes ride 864 races of five minutes in a day."""
    kept = {"races": [], "cut_short": [asdict(race_of(number, 0)) for number in range(1001)]}
    races = RemoteRaces(["bike-1"])
    races.restore(json.dumps({"bike-1": kept}).encode())
    races.forget_before(0)
    assert [race.race_id for race in races.of("bike-1").cut_short] == list(range(1, 1001))


def test_file_has_ten_thousand_bikes_at_the_most() -> None:
    races = RemoteRaces(["bike-1"])
    bikes: dict[str, dict[str, list[Race]]] = {
        f"bike-{number}": {"races": [], "cut_short": []} for number in range(10_000)
    }
    assert races.restore(json.dumps(bikes).encode()) == []
    bikes["another"] = bikes["bike-1"]
    with pytest.raises(ValueError, match="at most 10000 items"):
        races.restore(json.dumps(bikes).encode())
