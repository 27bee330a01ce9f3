"""What the race hands over to pages, and what it costs: nothing until a page is open."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.status.snapshot import GatewayStatus
from gateway.telemetry.message import Telemetry
from gateway.web.feed import Acknowledged, FeedItem, RaceFeed
from tests.support.gateways import VirtualGateway, config
from tests.support.web_pages import RACE_START_MS


class Feeding:
    """A gateway, and all that its feed hands over."""

    def __init__(self, state_dir: Path) -> None:
        self.virtual = VirtualGateway(config(state_dir, [{}]), RACE_START_MS)
        self.items: list[FeedItem] = []
        gateway = self.virtual.gateway
        self.feed = RaceFeed(
            gateway.observer, gateway.leases.bikes, self.virtual.clock, self.items.append
        )
        gateway.race_side.subscribe(self.feed)

    async def items_of(self, seconds: float) -> list[FeedItem]:
        self.items.clear()
        await self.virtual.run_for(seconds)
        return self.items

    @property
    def listeners(self) -> int:
        (bike,) = self.virtual.gateway.leases.bikes
        return len(bike.fanout.listeners)


@pytest.fixture
async def feeding(tmp_path: Path) -> AsyncIterator[Feeding]:
    feeding = Feeding(tmp_path)
    await feeding.virtual.start()
    running = asyncio.create_task(feeding.feed.run())
    yield feeding
    running.cancel()
    await asyncio.wait([running])
    assert feeding.listeners == 0
    await feeding.virtual.stop()


async def test_no_snapshot_is_made_until_a_page_is_open(feeding: Feeding) -> None:
    found = await feeding.items_of(5)
    assert len(found) == 5
    assert all(isinstance(item, Telemetry) for item in found)
    assert feeding.listeners == 0


async def test_snapshots_come_at_the_rate_of_the_bike_within_limits(feeding: Feeding) -> None:
    feeding.feed.watch(True, False)
    found = [item for item in await feeding.items_of(10) if isinstance(item, GatewayStatus)]
    assert 30 <= len(found) <= 41  # the fake bike reports four times a second


async def test_snapshots_end_with_the_last_page(feeding: Feeding) -> None:
    feeding.feed.watch(True, False)
    await feeding.items_of(2)
    feeding.feed.watch(False, False)
    await feeding.items_of(2)
    found = await feeding.items_of(5)
    assert all(isinstance(item, Telemetry) for item in found)
    assert feeding.listeners == 0


async def test_page_of_a_silent_bike_still_gets_a_heartbeat(feeding: Feeding) -> None:
    await feeding.virtual.stop()
    feeding.feed.watch(True, False)
    assert len(await feeding.items_of(4.5)) == 5
    await feeding.virtual.start()


async def test_what_is_acknowledged_is_handed_over_only_to_a_tail(feeding: Feeding) -> None:
    feeding.virtual.uplink.connect()
    assert len(await feeding.items_of(3)) == 3
    feeding.feed.watch(False, True)
    found = await feeding.items_of(3)
    assert sum(isinstance(item, Acknowledged) for item in found) == 3
