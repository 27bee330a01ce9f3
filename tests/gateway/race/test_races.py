"""Races on the wall clock: which is on, when it began, which is next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.race.races import ContinuousRaces, Race

RACES = st.builds(
    ContinuousRaces, st.integers(1, 86_400), st.integers(min_value=0, max_value=10_000_000)
)
WALL_MS = st.integers(0, 4_102_444_800_000)


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


@given(RACES, WALL_MS)
def test_race_at_an_instant_contains_that_instant(races: ContinuousRaces, wall_ms: int) -> None:
    race = races.race_at(wall_ms)
    assert race.start_ms <= wall_ms < race.start_ms + race.length_s * 1000


@given(RACES, WALL_MS)
def test_races_follow_each_other_without_a_break(races: ContinuousRaces, wall_ms: int) -> None:
    race = races.race_at(wall_ms)
    following = races.race_after(race)
    assert following.race_id == race.race_id + 1
    assert following.start_ms == race.start_ms + race.length_s * 1000


@given(RACES, WALL_MS)
def test_race_offset_moves_the_start_and_not_the_id(races: ContinuousRaces, wall_ms: int) -> None:
    unmoved = ContinuousRaces(races.length_s).race_at(wall_ms)
    moved = races.race_at(wall_ms + races.offset_ms)
    assert moved.race_id == unmoved.race_id
    assert moved.start_ms == unmoved.start_ms + races.offset_ms
