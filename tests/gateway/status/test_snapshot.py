"""The status is a snapshot: it is of one moment and stays as it was."""

from contextlib import closing
from copy import deepcopy
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from random import Random

import pytest

from gateway.bike.link import LinkState
from gateway.bike.status import BikeStatus
from gateway.buffer.store import Batch, Record, Store
from gateway.status.snapshot import BYTES_PER_MESSAGE, BYTES_PER_SECOND, GatewayStatus
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
    for bikes in (1, 3):
        an_hour = 3600 * (BYTES_PER_SECOND + BYTES_PER_MESSAGE * bikes)
        assert status(bikes, 24 * an_hour).hours_left == pytest.approx(24)
    assert status(1, None).hours_left is None


@pytest.mark.parametrize("bikes", [1, 10, 100])
def test_racing_takes_as_much_room_as_is_estimated(tmp_path: Path, bikes: int) -> None:
    chance = Random(bikes)
    with closing(Store(tmp_path / "buffer", 1 << 30)) as store:
        for second in range(900):
            first_id = second * bikes
            store.write(Batch([record(second, first_id + n, n, chance) for n in range(bikes)]))
        each = store.write(Batch()).used_bytes / 900
    expected = BYTES_PER_SECOND + BYTES_PER_MESSAGE * bikes
    assert 0.7 * expected < each <= expected


def record(second: int, id_: int, bike: int, chance: Random) -> Record:
    """Return a message as of a real bike: no two have the same numbers."""
    telemetry = replace(
        message(second % 300 + 1, 5_984_158 + second // 300, f"bike-{bike:03}"),
        cadence=chance.uniform(60, 110),
        resistance=chance.uniform(20, 60),
        power=chance.uniform(50, 300),
    )
    return Record(id_, telemetry.race_id, telemetry.to_json())
