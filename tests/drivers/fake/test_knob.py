"""A hand turns the knob in steps, and the last one ends where it was to end."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.fake.knob import Knob


@given(
    start=st.floats(0, 100),
    wanted=st.floats(0, 100),
    seed=st.integers(0, 100),
)
def test_it_goes_by_one_to_three_percent_and_settles_exactly(
    start: float, wanted: float, seed: int
) -> None:
    knob = Knob(Random(seed), start)
    places = [start]
    while knob.percent != wanted:
        knob.turn(wanted)
        places.append(knob.percent)
    moves = [abs(after - before) for before, after in pairwise(places)]
    assert all(1 - 1e-9 <= move <= 3 + 1e-9 for move in moves[:-1])
    assert all(move <= 3 for move in moves[-1:])
    assert len(moves) <= abs(wanted - start) + 1
    assert places in (sorted(places), sorted(places, reverse=True))


@pytest.mark.parametrize(("wanted", "direction"), [(60.0, 1.0), (40.0, -1.0)])
def test_it_remembers_which_way_it_was_turned_last(wanted: float, direction: float) -> None:
    knob = Knob(Random(1), 50)
    knob.last_turn = -direction
    knob.turn(50)
    assert knob.last_turn == -direction
    knob.turn(wanted)
    assert knob.last_turn == direction
