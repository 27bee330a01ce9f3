"""Races on the wall clock: which is on, when it began, which is next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.race.races import (
    ANALYTICS_MAX_ID,
    MAX_ID,
    MAX_LENGTH_S,
    ContinuousRaces,
    Race,
    Racer,
    second_at,
)

CLASSES = st.integers(1, 6)
LENGTHS_S = st.integers(1, 86_400)
OFFSETS_MS = st.integers(min_value=0, max_value=10_000_000)
RACES = st.builds(ContinuousRaces, LENGTHS_S, OFFSETS_MS, st.none() | CLASSES)
#: Up to the end of the year 2099.
WALL_MS = st.integers(0, 4_102_444_799_999)


@pytest.mark.parametrize(
    ("wall_ms", "race_id"),
    [
        (0, 0),
        (299_999, 0),
        (300_000, 1),
        (1_620_228_937_000, 5_400_763),
        (5_400_763 * 300_000, 5_400_763),
        (5_400_764 * 300_000 - 1, 5_400_763),
    ],
)
def test_race_id_is_the_number_of_race_lengths_since_the_epoch(wall_ms: int, race_id: int) -> None:
    assert ContinuousRaces().race_at(wall_ms) == Race(race_id, race_id * 300_000, 300)


@pytest.mark.parametrize(
    ("races", "wall_ms", "race"),
    [
        (ContinuousRaces(300, 0, 1), 1_795_247_503_000, Race(59_841_581, 1_795_247_400_000, 300)),
        (ContinuousRaces(300, 0, 6), 1_795_247_503_000, Race(59_841_586, 1_795_247_400_000, 300)),
        (ContinuousRaces(300, 0, 1), 1_795_247_699_999, Race(59_841_581, 1_795_247_400_000, 300)),
        (ContinuousRaces(300, 0, 1), 1_795_247_700_000, Race(59_841_591, 1_795_247_700_000, 300)),
        (ContinuousRaces(60, 7000, 3), 67_000, Race(13, 67_000, 60)),
        (ContinuousRaces(60, 7000, 3), 66_999, Race(3, 7000, 60)),
    ],
)
def test_race_id_of_a_class_ends_with_the_class(
    races: ContinuousRaces, wall_ms: int, race: Race
) -> None:
    assert races.race_at(wall_ms) == race


@given(LENGTHS_S, OFFSETS_MS, WALL_MS, WALL_MS, CLASSES, CLASSES)
def test_races_have_the_same_id_only_at_the_same_time_and_in_the_same_class(
    length_s: int, offset_ms: int, one_ms: int, other_ms: int, one_class: int, other_class: int
) -> None:
    one = ContinuousRaces(length_s, offset_ms, one_class).race_at(one_ms)
    other = ContinuousRaces(length_s, offset_ms, other_class).race_at(other_ms)
    same = (one.start_ms, one_class) == (other.start_ms, other_class)
    assert (one.race_id == other.race_id) == same


@given(RACES, st.integers(1_700_000_000_000, 4_102_444_799_999))
def test_race_id_is_a_number_that_javascript_can_tell_from_others(
    races: ContinuousRaces, wall_ms: int
) -> None:
    assert 0 < races.race_at(wall_ms).race_id <= MAX_ID == 9_007_199_254_740_991


def test_race_id_for_the_length_of_the_backend_fits_into_31_bits_until_4011() -> None:
    new_year_4011_ms = 64_408_608_000_000
    race_id = ContinuousRaces(300, 0, 6).race_at(new_year_4011_ms).race_id
    assert race_id < ANALYTICS_MAX_ID == 2_147_483_647


def test_longest_race_takes_a_day() -> None:
    assert MAX_LENGTH_S == 24 * 60 * 60


@given(RACES, WALL_MS)
def test_race_at_an_instant_contains_that_instant(races: ContinuousRaces, wall_ms: int) -> None:
    race = races.race_at(wall_ms)
    assert race.start_ms <= wall_ms < race.start_ms + race.length_s * 1000


@given(RACES, WALL_MS)
def test_races_follow_each_other_without_a_break(races: ContinuousRaces, wall_ms: int) -> None:
    race = races.race_at(wall_ms)
    following = races.race_after(race)
    assert following.race_id == race.race_id + (1 if races.class_id is None else 10)
    assert following.start_ms == race.start_ms + race.length_s * 1000


@given(RACES, WALL_MS)
def test_race_offset_moves_the_start_and_not_the_id(races: ContinuousRaces, wall_ms: int) -> None:
    unmoved = ContinuousRaces(races.length_s, class_id=races.class_id).race_at(wall_ms)
    moved = races.race_at(wall_ms + races.offset_ms)
    assert moved.race_id == unmoved.race_id
    assert moved.start_ms == unmoved.start_ms + races.offset_ms


@pytest.mark.parametrize(
    ("after_ms", "second"), [(-1, 0), (0, 1), (999, 1), (1000, 2), (299_999, 300), (300_000, 301)]
)
def test_second_of_a_race_begins_with_its_first_millisecond(after_ms: int, second: int) -> None:
    race = Race(12, 1_620_228_900_000, 300)
    assert second_at(race, race.start_ms + after_ms) == second


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (Race(12, 60_000, 300, Racer(7, "Hayden", 1)), True),
        (Race(12, 60_000, 45, Racer(7, "Hayden", 1)), True),
        (Race(13, 60_000, 300, Racer(7, "Hayden", 1)), False),
        (Race(12, 61_000, 300, Racer(7, "Hayden", 1)), False),
        (Race(12, 60_000, 300, Racer(8, "Bob", 1)), False),
    ],
    ids=["itself", "cut short", "another id", "another start", "another racer"],
)
def test_ride_is_the_same_whatever_its_length(other: Race, is_same: bool) -> None:
    assert Race(12, 60_000, 300, Racer(7, "Hayden", 1)).is_same_ride(other) == is_same


@pytest.mark.parametrize(
    ("start_ms", "length_s", "is_within"),
    [
        (60_000, 300, True),
        (61_000, 298, True),
        (60_000, 301, False),
        (59_000, 300, False),
        (59_000, 302, False),
    ],
)
def test_race_is_within_another_from_its_start_to_its_end(
    start_ms: int, length_s: int, is_within: bool
) -> None:
    assert Race(13, start_ms, length_s).is_within(Race(12, 60_000, 300)) == is_within


def test_continuous_race_that_has_begun_is_always_ridden_to_its_end() -> None:
    races = ContinuousRaces()
    assert races.holds(races.race_at(600_000))


def test_continuous_race_can_be_joined_by_a_turn_of_the_pedals_before_it() -> None:
    assert ContinuousRaces(300, waits_for_pedals=True).joined_for_s == 300
    assert ContinuousRaces(300).joined_for_s is None
