"""When a bike counts as connected, and how it is received."""

import pytest

from drivers import Reception
from gateway.bike.link import LinkState
from gateway.bike.status import BikeStatus, RadioStatus, radio_status


@pytest.mark.parametrize("state", LinkState)
def test_bike_is_connected_in_one_state_of_its_link_alone(state: LinkState) -> None:
    status = BikeStatus("bike-1", 7, "Ann", state, "", None)
    assert status.is_connected == (state.value == "connected")


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
