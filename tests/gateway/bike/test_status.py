"""When a bike counts as connected, and how it is received."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from drivers import BikeLost, Clock, DriverOptions, Reading, Reception
from drivers.registry import DriverStatus
from gateway.bike.link import LinkState
from gateway.bike.status import BikeStatus, RadioStatus, ResultsStatus, radio_status
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.sampler import Sample
from tests.support.gateways import VirtualGateway, config


@pytest.mark.parametrize("state", LinkState)
def test_bike_is_connected_in_one_state_of_its_link_alone(state: LinkState) -> None:
    status = BikeStatus("bike-1", 7, "Ann", state, "", None)
    assert status.is_connected == (state.value == "connected")


def status_of(state: LinkState, sample: Sample | None = None) -> BikeStatus:
    return BikeStatus("bike-1", 7, "Ann", state, "", sample)


def test_new_bike_has_lost_and_refused_nothing() -> None:
    status = status_of(LinkState.CONNECTING)
    assert (status.losses_per_hour, status.refuses_often, status.refused) == (0, False, ())
    assert (status.state_s, status.is_simulated) == (0.0, False)


def test_new_subscription_has_received_nothing() -> None:
    assert ResultsStatus("results") == ResultsStatus("results", None, 0, 0, 0)


@pytest.mark.parametrize(
    ("race_id", "not_joined", "has_joined"),
    [(None, "", False), (1, "", True), (1, "does not pedal", False), (None, "late", False)],
)
def test_racer_has_joined_a_race_that_they_are_not_left_out_of(
    race_id: int | None, not_joined: str, has_joined: bool
) -> None:
    bike = replace(status_of(LinkState.CONNECTED), race_id=race_id, not_joined=not_joined)
    assert bike.has_joined == has_joined


@pytest.mark.parametrize("state", LinkState)
@pytest.mark.parametrize("source", [None, *ResistanceSource])
def test_bike_is_uncalibrated_while_a_connected_one_sends_its_own_numbers(
    state: LinkState, source: ResistanceSource | None
) -> None:
    sample = Sample(present=True, cadence_rpm=80.0, resistance_percent=50.0, power_w=None)
    sent = None if source is None else replace(sample, resistance_source=source)
    is_so = state is LinkState.CONNECTED and source is ResistanceSource.UNCALIBRATED
    assert status_of(state, sent).is_uncalibrated == is_so


@pytest.mark.parametrize(
    ("reception", "status"),
    [
        (None, None),
        (Reception("hci0"), RadioStatus("hci0", None, None)),
        (Reception("hci1", -71, 5_000_000_000), RadioStatus("hci1", -71, 2.5)),
    ],
    ids=["no radio", "no signal yet", "signal"],
)
def test_radio_status_has_the_age_of_the_signal(
    reception: Reception | None, status: RadioStatus | None
) -> None:
    assert radio_status(reception, 7_500_000_000) == status


class RadioBike:
    """A bike that is received at hci1, and lost after its first Reading."""

    Options = DriverOptions
    stale_after_s = 3.0

    def __init__(self, options: DriverOptions, clock: Clock) -> None:
        del options
        self._clock = clock
        self.reception: Reception | None = None

    @asynccontextmanager
    async def open_bike(self) -> AsyncIterator[AsyncIterator[Reading]]:
        self.reception = Reception("hci1", -71, self._clock.monotonic_ns())
        yield self._readings()

    async def _readings(self) -> AsyncIterator[Reading]:
        yield Reading(self._clock.monotonic_ns(), cadence_rpm=80)
        raise BikeLost("out of reach")


async def test_status_of_a_gateway_has_reception_and_losses_of_its_bike(tmp_path: Path) -> None:
    fake = config(tmp_path, [{}])
    bike = fake.bikes[0].model_copy(update={"driver": "radio", "options": {}})
    settings = fake.model_copy(update={"bikes": [bike]})
    drivers = {"radio": DriverStatus("radio", RadioBike)}
    virtual = VirtualGateway(settings, 0, drivers=drivers)
    await virtual.start()
    (status,) = virtual.gateway.status.bikes
    assert status.radio == RadioStatus("hci1", -71, 0.0)
    assert status.losses_per_hour == 1
    await virtual.stop()
