"""What is seen of a bike while it is calibrated."""

import pytest

from drivers import Reading
from gateway.bike.link import LinkState
from gateway.calibrating.guided.figures import (
    ASLEEP_NS,
    NEVER_NS,
    PEDAL,
    PERCENT_ALONE_NS,
    FigureBuilder,
)
from gateway.calibrating.measuring.signal import RawSignal
from gateway.calibrating.state import LinkStatus
from gateway.sampling.calibration import AS_SAID, Calibration, CalibrationTable

NS_PER_S = 1_000_000_000
CONNECTED = LinkStatus(LinkState.CONNECTED)


def builder_of(*readings: Reading) -> FigureBuilder:
    builder = FigureBuilder()
    builder.hear(CONNECTED, 0)
    for reading in readings:
        builder.hear(reading, reading.at_ns)
    return builder


def test_builder_prefers_the_bikes_raw_number() -> None:
    both = Reading(0, resistance_raw=437, resistance_percent=18)
    builder = builder_of(both)
    assert (builder.quantity, builder.number(both)) == ("raw", 437)


def test_builder_takes_percent_only_without_a_raw_number() -> None:
    percent = Reading(0, resistance_percent=18)
    builder = builder_of(percent)
    assert (builder.quantity, builder.number(percent)) == (None, None)
    later = Reading(PERCENT_ALONE_NS + 1, resistance_percent=19)
    builder.hear(later, later.at_ns)
    assert (builder.quantity, builder.number(later)) == ("percent", 19)
    builder.hear(Reading(later.at_ns + 1, resistance_raw=437), later.at_ns + 1)
    assert builder.quantity == "raw"


def test_builder_has_no_number_in_a_reading_of_other_things() -> None:
    builder = builder_of(Reading(0, resistance_raw=437))
    assert builder.number(Reading(1, cadence_rpm=80)) is None


@pytest.mark.parametrize(
    ("raw", "percent", "is_clamped"), [(50, 25, False), (150, 100, True), (-1, 0, True)]
)
def test_figures_have_percent_by_the_given_calibration(
    raw: float, percent: float, is_clamped: bool
) -> None:
    builder = builder_of(Reading(0, resistance_raw=raw, cadence_rpm=80, power_w=100))
    by = Calibration(CalibrationTable([(0, 0), (100, 50), (101, 100)]))
    figures = builder.figures(0, RawSignal(), by)
    assert (figures.percent, figures.is_clamped) == (percent, is_clamped)
    assert (figures.cadence_rpm, figures.power_w) == (80, 100)


def test_figures_of_a_lost_bike_have_its_reason_and_no_numbers() -> None:
    builder = builder_of(Reading(0, resistance_raw=50, cadence_rpm=80))
    builder.hear(LinkStatus(LinkState.LOST, "unplugged"), 1)
    figures = builder.figures(2, RawSignal(), AS_SAID)
    assert (figures.link, figures.reason) == (LinkState.LOST, "unplugged")
    assert (figures.percent, figures.cadence_rpm, figures.warnings) == (None, None, ())


def test_figures_of_a_sleeping_bike_warn_to_pedal() -> None:
    builder = builder_of()
    assert builder.figures(ASLEEP_NS - 1, RawSignal(), AS_SAID).warnings == ()
    assert builder.figures(ASLEEP_NS, RawSignal(), AS_SAID).warnings == (PEDAL,)


def test_figures_of_a_silent_bike_have_a_warning() -> None:
    builder, signal = builder_of(Reading(0, resistance_raw=50)), RawSignal()
    signal.hear(0, 50)
    assert builder.figures(2 * NS_PER_S, signal, AS_SAID).warnings == ()
    (warning,) = builder.figures(4 * NS_PER_S, signal, AS_SAID).warnings
    assert "stopped sending" in warning


def test_builder_notices_a_bike_that_never_says_its_resistance() -> None:
    builder = builder_of(Reading(0, cadence_rpm=80))
    assert not builder.never_says_resistance(NEVER_NS - 1)
    assert builder.never_says_resistance(NEVER_NS)
    assert not builder_of().never_says_resistance(NEVER_NS)
    assert not builder_of(Reading(0, cadence_rpm=80, resistance_raw=1)).never_says_resistance(
        NEVER_NS
    )
