"""What is peculiar to a model of bike is set right, and nothing else is touched."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers import Reading
from drivers.tuning import Tuning

READING = Reading(
    at_ns=5,
    cadence_rpm=80,
    resistance_raw=250,
    power_w=150,
    speed_kmh=30,
    distance_m=1000,
    heart_rate_bpm=120,
    source="ftms",
)


def test_default_tuning_changes_nothing() -> None:
    assert Tuning().tune(READING) == READING


def test_a_cadence_is_scaled() -> None:
    assert Tuning(cadence_scale=0.5).tune(READING) == replace(READING, cadence_rpm=40)


def test_a_resistance_is_scaled_to_percent_and_kept_as_it_was_sent() -> None:
    tuned = Tuning(resistance_scale=0.1).tune(READING)
    assert tuned == replace(READING, resistance_percent=25)


@pytest.mark.parametrize(("raw", "percent"), [(1200, 100), (-10, 0)])
def test_percent_ends_at_0_and_100(raw: float, percent: float) -> None:
    tuned = Tuning(resistance_scale=0.1).tune(replace(READING, resistance_raw=raw))
    assert tuned.resistance_percent == percent


def test_ignored_resistance_is_left_out() -> None:
    said = replace(READING, resistance_percent=20)
    tuned = Tuning(ignore_resistance=True, resistance_scale=2).tune(said)
    assert (tuned.resistance_raw, tuned.resistance_percent) == (None, None)


@given(st.builds(Tuning, cadence_scale=st.floats(0.1, 10), resistance_scale=st.floats(0.1, 10)))
def test_tuning_adds_no_value_to_an_empty_reading(tuning: Tuning) -> None:
    assert tuning.tune(Reading(1)) == Reading(1)


def test_particular_tuning_overrides_the_models_field_by_field() -> None:
    mine = Tuning(cadence_scale=2, ignore_resistance=False)
    models = Tuning(cadence_scale=0.5, resistance_scale=0.1, ignore_resistance=True)
    assert mine.over(models) == Tuning(
        cadence_scale=2, resistance_scale=0.1, ignore_resistance=False
    )


@pytest.mark.parametrize("scale", [0, -1, 11, "two"])
def test_a_scale_that_cannot_be_is_refused(scale: object) -> None:
    with pytest.raises(ValidationError, match="cadence_scale"):
        Tuning.model_validate({"cadence_scale": scale})


def test_power_is_scaled_and_moved() -> None:
    tuned = Tuning(power_scale=10, power_offset_w=-5).tune(READING)
    assert tuned == replace(READING, power_w=1495)


def test_power_of_0_stays_0() -> None:
    still = replace(READING, power_w=0)
    assert Tuning(power_scale=10, power_offset_w=50).tune(still) == still


@pytest.mark.parametrize(("cadence_rpm", "power_w"), [(0, 6), (60, 16), (None, 16)])
def test_offset_is_added_only_while_the_pedals_turn(
    cadence_rpm: float | None, power_w: float
) -> None:
    reading = Reading(0, cadence_rpm=cadence_rpm, power_w=3)
    assert Tuning(power_scale=2, power_offset_w=10).tune(reading).power_w == power_w


def test_power_is_computed_from_the_corrected_cadence_and_marked_as_derived() -> None:
    tuned = Tuning(cadence_scale=0.5, power_from=((0, 0, 2, 10),), power_scale=2).tune(READING)
    assert (tuned.power_w, tuned.source) == (180, "ftms, derived")
    assert Tuning(power_from=((0, 0, 2, 10),)).tune(Reading(1, cadence_rpm=1)).source == "derived"


@pytest.mark.parametrize(
    ("reading", "power_w"),
    [
        (Reading(1, cadence_rpm=80, resistance_raw=2, resistance_percent=3), 160),
        (Reading(1, cadence_rpm=80, resistance_percent=3), 240),
    ],
)
def test_power_is_computed_at_the_bikes_own_level(reading: Reading, power_w: float) -> None:
    rows = ((1.0, 0.0, 1.0, 0.0), (3.0, 0.0, 3.0, 0.0))
    for tuning in (Tuning(power_from=rows), Tuning(power_from=rows, ignore_resistance=True)):
        assert tuning.tune(reading).power_w == power_w


def test_computed_power_replaces_the_bikes_own_even_without_a_cadence() -> None:
    tuning = Tuning(power_from=((0, 0, 2, 10),))
    assert tuning.tune(Reading(1, power_w=10)) == Reading(1)


def test_empty_formula_overrides_the_models() -> None:
    tuning = Tuning(power_from=()).over(Tuning(power_from=((0, 0, 2, 10),)))
    assert tuning.tune(READING) == READING


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("power_scale", 0),
        ("power_scale", float("nan")),
        ("power_scale", 101),
        ("power_offset_w", 501),
        ("power_offset_w", "ten"),
        ("power_from", [[1, 2, 3]]),
        ("power_from", [[float("nan"), 0, 2, 0], [1, 0, 2, 0]]),
        ("power_from", [[2, 0, 2, 0], [1, 0, 2, 0]]),
        ("power_from", "Schwinn"),
    ],
)
def test_power_option_that_cannot_be_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match=key):
        Tuning.model_validate({key: value})
