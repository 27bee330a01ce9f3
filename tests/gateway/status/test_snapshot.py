"""The status is a snapshot: it is of one moment and stays as it was."""

from contextlib import closing
from copy import deepcopy
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from gateway.bike.link import LinkState
from gateway.bike.status import BikeStatus
from gateway.buffer.store import Batch, Record, Store
from gateway.status.snapshot import BYTES_PER_MESSAGE, GatewayStatus
from tests.support.gateways import VirtualGateway, config
from tests.support.statuses import bike_status, buffer_status, gateway_status
from tests.support.telemetry import message

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


def test_status_snapshot_is_frozen() -> None:
    status = BikeStatus("bike-1", 7, "Hayden", LinkState.CONNECTED, "", None)
    with pytest.raises(FrozenInstanceError):
        status.state = LinkState.LOST  # type: ignore[misc]


def status(bikes: int, free_bytes: int | None) -> GatewayStatus:
    return gateway_status(*(bike_status(),) * bikes, buffer=buffer_status(free_bytes=free_bytes))


def test_hours_left_are_hours_of_racing_by_all_bikes() -> None:
    an_hour_of_a_bike = 3600 * BYTES_PER_MESSAGE
    assert status(1, 24 * an_hour_of_a_bike).hours_left == 24
    assert status(3, 24 * an_hour_of_a_bike).hours_left == 8
    assert status(1, None).hours_left is None


def test_message_takes_as_much_room_as_is_estimated(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "buffer", 1 << 30)) as store:
        before = store.write(Batch()).used_bytes
        for race_id in range(5_984_158, 5_984_178):
            first = 300 * (race_id - 5_984_158)
            messages = [message(second, race_id, "bike-001") for second in range(1, 301)]
            records = [Record(first + one.second, race_id, one.to_json()) for one in messages]
            store.write(Batch(records))
        each = (store.write(Batch()).used_bytes - before) / (20 * 300)
    assert 0.8 * BYTES_PER_MESSAGE < each <= BYTES_PER_MESSAGE
