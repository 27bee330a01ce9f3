"""How many connections a gateway opens, under which names, and when it hurries."""

import asyncio
from pathlib import Path

import pytest

from gateway.cloud.connections import client_ids, connections, follow_routes
from gateway.cloud.iot_core import IotCore
from tests.support.gateways import config
from tests.support.virtual_clock import VirtualClock


@pytest.mark.parametrize(("bikes", "count"), [(1, 1), (60, 1), (61, 2), (200, 4)])
async def test_connection_carries_up_to_sixty_bikes(tmp_path: Path, bikes: int, count: int) -> None:
    cloud = config(tmp_path, [{}]).cloud
    assert len(connections(cloud, "gateway-1", bikes)) == count


def test_client_ids_are_the_thing_name_with_a_number_from_the_second_on() -> None:
    assert client_ids("gateway-1", 121) == ["gateway-1", "gateway-1:2", "gateway-1:3"]


async def test_all_connections_hurry_when_a_route_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {(b"eth0", b"00000000", b"010200C0")}
    hurried: list[IotCore] = []
    monkeypatch.setattr("gateway.cloud.connections.routes", lambda: frozenset(known))

    def hasten(uplink: IotCore) -> None:
        hurried.append(uplink)

    monkeypatch.setattr(IotCore, "hasten", hasten)
    uplinks, clock = connections(config(tmp_path, [{}]).cloud, "gateway-1", 61), VirtualClock()
    following = asyncio.create_task(follow_routes(uplinks, clock))
    await clock.run_for(10)
    assert not hurried, "the routes at the start are not new"
    known.add((b"wlan0", b"00000000", b"010200C0"))
    await clock.run_for(10)
    assert hurried == uplinks
    known.clear()
    await clock.run_for(10)
    assert hurried == uplinks, "a route that is gone leads nowhere"
    known.add((b"eth0", b"00000000", b"010200C0"))
    await clock.run_for(1)
    assert hurried == uplinks * 2
    following.cancel()
