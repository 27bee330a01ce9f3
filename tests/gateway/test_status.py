"""The status is a snapshot: it is of one moment and stays as it was."""

from copy import deepcopy
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from gateway.bike_link import LinkState
from gateway.status import BikeStatus
from tests.support.gateways import VirtualGateway, config

RACE_START_MS = 5_400_763 * 300_000


async def test_a_snapshot_stays_while_the_gateway_goes_on(tmp_path: Path) -> None:
    virtual = VirtualGateway(config(tmp_path, [{}]), RACE_START_MS)
    await virtual.start()
    await virtual.run_for(3.5)
    before = virtual.gateway.status
    kept = deepcopy(before)
    await virtual.run_for(5)
    assert before == kept
    after = virtual.gateway.status
    assert (before.bikes[0].second, after.bikes[0].second) == (4, 9)
    assert after.produced == before.produced + 5
    assert after.bikes[0].sample != before.bikes[0].sample
    await virtual.stop()


def test_nobody_can_change_it() -> None:
    status = BikeStatus("bike-1", "Hayden", LinkState.CONNECTED, "", None)
    with pytest.raises(FrozenInstanceError):
        status.state = LinkState.LOST  # type: ignore[misc]
