"""When a bike counts as connected."""

import pytest

from gateway.bike.link import LinkState
from gateway.bike.status import BikeStatus


@pytest.mark.parametrize("state", LinkState)
def test_bike_is_connected_in_one_state_of_its_link_alone(state: LinkState) -> None:
    status = BikeStatus("bike-1", 7, "Ann", state, "", None)
    assert status.is_connected == (state.value == "connected")
