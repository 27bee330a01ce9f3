"""A metronome that does not drift, whoever is late."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calibrating.measuring.metronome import ASCII_LETTERS, Metronome, mark
from tests.support.virtual_clock import NS_PER_S

START_NS = 7 * NS_PER_S


@given(rpm=st.integers(20, 200), number=st.integers(0, 100_000))
def test_a_beat_is_at_the_start_and_so_many_periods(rpm: int, number: int) -> None:
    exactly_ns = START_NS + number * 60 * NS_PER_S / rpm
    assert abs(Metronome(rpm, START_NS).beat_ns(number) - exactly_ns) <= 1


def test_an_hour_at_70_rpm_ends_on_the_nanosecond() -> None:
    assert Metronome(70, START_NS).beat_ns(70 * 60) == START_NS + 3600 * NS_PER_S


@given(rpm=st.integers(20, 200), number=st.integers(0, 10_000))
def test_the_phase_is_nothing_at_a_beat_and_half_between_two(rpm: int, number: int) -> None:
    metronome = Metronome(rpm, START_NS)
    at_beat = metronome.phase(metronome.beat_ns(number))
    assert min(at_beat, 1 - at_beat) < 1e-6  # a beat is on a whole nanosecond
    between_ns = (metronome.beat_ns(number) + metronome.beat_ns(number + 1)) // 2
    assert metronome.phase(between_ns) == pytest.approx(0.5, abs=1e-6)


@given(rpm=st.integers(20, 200), number=st.integers(0, 10_000), share=st.floats(0.01, 0.99))
def test_the_next_beat_is_the_first_to_come(rpm: int, number: int, share: float) -> None:
    metronome = Metronome(rpm, START_NS)
    assert metronome.next_beat(START_NS - 1 - number) == 0
    at_ns, later_ns = metronome.beat_ns(number), metronome.beat_ns(number + 1)
    assert metronome.next_beat(at_ns + round((later_ns - at_ns) * share)) == number + 1


def test_the_mark_goes_there_and_comes_back_with_the_beat() -> None:
    assert mark(0.0, 5) == "●────"
    assert mark(0.25, 5) == "──○──"
    assert mark(0.5, 5) == "────○"
    assert mark(0.75, 5) == "──○──"
    assert mark(0.99, 5) == "●────"
    assert mark(0.25, 5, ASCII_LETTERS) == "--o--"
    assert mark(0.0, 5, ASCII_LETTERS) == "#----"
