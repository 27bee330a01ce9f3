"""How many connections a gateway opens, and under which names."""

from pathlib import Path

import pytest

from gateway.cloud.connections import client_ids, connections
from tests.support.gateways import config


@pytest.mark.parametrize(("bikes", "count"), [(1, 1), (60, 1), (61, 2), (200, 4)])
async def test_connection_carries_up_to_sixty_bikes(tmp_path: Path, bikes: int, count: int) -> None:
    cloud = config(tmp_path, [{}]).cloud
    assert len(connections(cloud, "gateway-1", bikes)) == count


def test_client_ids_are_the_thing_name_with_a_number_from_the_second_on() -> None:
    assert client_ids("gateway-1", 121) == ["gateway-1", "gateway-1:2", "gateway-1:3"]
