"""What is seen of a bike while it is calibrated."""

import pytest

from drivers import Reading
from gateway.bike.link import LinkState
from gateway.calibrating.guided.figures import ASLEEP_NS, NEVER_NS, PEDAL, PERCENT_ALONE_NS, Ear
from gateway.calibrating.measuring.signal import RawSignal
from gateway.calibrating.state import LinkStatus
from gateway.sampling.calibration import AS_SAID, Calibration, CalibrationTable

NS_PER_S = 1_000_000_000
CONNECTED = LinkStatus(LinkState.CONNECTED)


def ear_of(*readings: Reading) -> Ear:
    ear = Ear()
    ear.hear(CONNECTED, 0)
    for reading in readings:
        ear.hear(reading, reading.at_ns)
    return ear


def test_a_number_of_its_own_is_what_it_is_calibrated_by() -> None:
    both = Reading(0, resistance_raw=437, resistance_percent=18)
    ear = ear_of(both)
    assert (ear.quantity, ear.number(both)) == ("raw", 437)


def test_its_percent_only_if_it_has_no_other_number() -> None:
    percent = Reading(0, resistance_percent=18)
    ear = ear_of(percent)
    assert (ear.quantity, ear.number(percent)) == (None, None)
    later = Reading(PERCENT_ALONE_NS + 1, resistance_percent=19)
    ear.hear(later, later.at_ns)
    assert (ear.quantity, ear.number(later)) == ("percent", 19)
    ear.hear(Reading(later.at_ns + 1, resistance_raw=437), later.at_ns + 1)
    assert ear.quantity == "raw"


def test_a_reading_of_other_things_says_no_number() -> None:
    ear = ear_of(Reading(0, resistance_raw=437))
    assert ear.number(Reading(1, cadence_rpm=80)) is None


@pytest.mark.parametrize(
    ("raw", "percent", "is_clamped"), [(50, 25, False), (150, 100, True), (-1, 0, True)]
)
def test_percent_by_the_calibration_that_is_asked_for(
    raw: float, percent: float, is_clamped: bool
) -> None:
    ear = ear_of(Reading(0, resistance_raw=raw, cadence_rpm=80, power_w=100))
    by = Calibration(CalibrationTable([(0, 0), (100, 50), (101, 100)]))
    figures = ear.figures(0, RawSignal(), by)
    assert (figures.percent, figures.is_clamped) == (percent, is_clamped)
    assert (figures.cadence_rpm, figures.power_w) == (80, 100)


def test_a_lost_bike_has_its_reason_and_no_numbers() -> None:
    ear = ear_of(Reading(0, resistance_raw=50, cadence_rpm=80))
    ear.hear(LinkStatus(LinkState.LOST, "unplugged"), 1)
    figures = ear.figures(2, RawSignal(), AS_SAID)
    assert (figures.link, figures.reason) == (LinkState.LOST, "unplugged")
    assert (figures.percent, figures.cadence_rpm, figures.warnings) == (None, None, ())


def test_a_bike_that_is_asleep_wants_to_be_pedalled() -> None:
    ear = ear_of()
    assert ear.figures(ASLEEP_NS - 1, RawSignal(), AS_SAID).warnings == ()
    assert ear.figures(ASLEEP_NS, RawSignal(), AS_SAID).warnings == (PEDAL,)


def test_one_that_falls_silent_is_warned_of() -> None:
    ear, signal = ear_of(Reading(0, resistance_raw=50)), RawSignal()
    signal.hear(0, 50)
    assert ear.figures(2 * NS_PER_S, signal, AS_SAID).warnings == ()
    (warning,) = ear.figures(4 * NS_PER_S, signal, AS_SAID).warnings
    assert "fallen silent" in warning


def test_one_that_speaks_of_all_but_its_resistance_never_says_it() -> None:
    ear = ear_of(Reading(0, cadence_rpm=80))
    assert not ear.never_says_resistance(NEVER_NS - 1)
    assert ear.never_says_resistance(NEVER_NS)
    assert not ear_of().never_says_resistance(NEVER_NS)
    assert not ear_of(Reading(0, cadence_rpm=80, resistance_raw=1)).never_says_resistance(NEVER_NS)
