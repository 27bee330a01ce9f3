"""A watched bike: each field with its value, age, rate and source, and nothing made up."""

import pytest

from drivers import Reading
from gateway.sampling.constant import TURNED_S
from gateway.sampling.series import FieldState
from gateway.watch.session import UNITS, FieldView, Watch

S = 1_000_000_000


def field(watch: Watch, name: str, at_s: float) -> FieldView:
    return next(one for one in watch.fields(round(at_s * S)) if one.name == name)


@pytest.fixture
def watch() -> Watch:
    watch = Watch()
    watch.connected(0, stale_after_s=3)
    return watch


def test_watch_shows_every_value_of_a_reading(watch: Watch) -> None:
    said = dict.fromkeys(UNITS, 1.0)
    watch.add(Reading(0, source="ftms", **said))
    assert [one.value for one in watch.fields(1)] == [1.0] * len(UNITS)
    assert set(Reading.__dataclass_fields__) - {"at_ns", "source"} == set(UNITS)


def test_watch_field_never_said_is_unknown(watch: Watch) -> None:
    assert field(watch, "power_w", 1) == FieldView(
        "power_w", "W", FieldState.UNKNOWN, None, None, 0.0, ""
    )


def test_watch_zero_is_live_and_ages_until_it_is_stale(watch: Watch) -> None:
    watch.add(Reading(1 * S, cadence_rpm=0, source="ftms"))
    assert field(watch, "cadence_rpm", 3.5) == FieldView(
        "cadence_rpm", "rpm", FieldState.LIVE, 0, 2.5, 0.0, "ftms"
    )
    assert field(watch, "cadence_rpm", 4).state is FieldState.STALE
    assert field(watch, "cadence_rpm", 4).value == 0


def test_watch_rate_is_that_of_the_last_seconds(watch: Watch) -> None:
    for tenth in range(100):
        watch.add(Reading(tenth * S // 10, cadence_rpm=80))
    for second in range(10, 20):
        watch.add(Reading(second * S, cadence_rpm=80))
    assert field(watch, "cadence_rpm", 9.9).rate_hz == pytest.approx(1)
    assert field(watch, "cadence_rpm", 19.5).rate_hz == pytest.approx(1)
    assert field(watch, "cadence_rpm", 30).rate_hz == 0


def test_watch_rate_before_the_first_seconds_are_full(watch: Watch) -> None:
    for quarter in range(5):
        watch.add(Reading(quarter * S // 4, cadence_rpm=80))
    assert field(watch, "cadence_rpm", 1).rate_hz == pytest.approx(4)


def test_watch_rate_of_two_at_once_is_zero(watch: Watch) -> None:
    watch.add(Reading(S, cadence_rpm=80))
    watch.add(Reading(S, cadence_rpm=80))
    assert field(watch, "cadence_rpm", 1).rate_hz == 0


def test_watch_forgets_a_lost_bike(watch: Watch) -> None:
    watch.add(Reading(S, cadence_rpm=80))
    watch.disconnected(0)
    assert field(watch, "cadence_rpm", 1).state is FieldState.UNKNOWN


def test_watch_remembers_that_a_bike_which_is_lost_was_heard(watch: Watch) -> None:
    assert not watch.has_heard
    watch.add(Reading(S, cadence_rpm=80))
    watch.disconnected(0)
    assert watch.has_heard


def test_watch_passes_every_reading_on() -> None:
    heard: list[Reading] = []
    watch = Watch(heard.append)
    watch.add(Reading(1, cadence_rpm=80))
    assert heard == [Reading(1, cadence_rpm=80)]


def test_watch_notes_what_a_race_would_not_use(watch: Watch) -> None:
    for second in range(11):
        assert watch.notes == []
        watch.add(Reading(second * S, cadence_rpm=75, power_w=48, resistance_raw=0))
    watch.add(Reading(11 * S, cadence_rpm=995, power_w=48, resistance_raw=0))
    assert watch.notes == [
        "the reported resistance is always 0, although the power shows that there is resistance; "
        "races use one derived from power and cadence instead, unless the bike is calibrated",
        "implausible values, left out: 1 × cadence, the last one 995 rpm",
    ]
    assert field(watch, "cadence_rpm", 11).value == 995, "it is shown as it was sent"
    for second in range(12, 13 + TURNED_S):
        assert len(watch.notes) == 2
        watch.add(Reading(second * S, cadence_rpm=75, power_w=48, resistance_raw=7))
    assert len(watch.notes) == 1
