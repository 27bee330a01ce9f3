"""The outage in virtual time; the whole demo is in tests/e2e/test_demo.py."""

import asyncio

from gateway.race.races import Race
from gateway.simulation.cloud.arrivals import Arrivals
from gateway.simulation.cloud.leaderboard import StreamResult
from gateway.simulation.demo.network import open_network
from gateway.simulation.demo.session import Demo, DemoOptions
from tests.support.virtual_clock import VirtualClock

NOTHING = StreamResult(0, 0, 0, 0, {}, [])
START_S = 3


class EmptyStream:
    """A Stream that nothing comes into."""

    async def count(self) -> Arrivals:
        return Arrivals({})

    async def report(self) -> StreamResult:
        return NOTHING

    async def result(self) -> StreamResult:
        return NOTHING


async def test_demo_cuts_the_network_after_a_third_of_the_race_for_the_outage() -> None:
    clock = VirtualClock()
    race = Race(1, START_S * 1000, length_s=30)
    async with open_network(broker_port=1) as network:
        demo = Demo(DemoOptions(0, 30, 25, seed=1), race, network, EmptyStream(), clock)
        running = asyncio.create_task(demo.run([], lambda _: None))
        await clock.run_for(START_S + 9.9)
        assert network.is_up
        await clock.run_for(0.2)
        assert not network.is_up
        await clock.run_for(24.8)
        assert not network.is_up
        await clock.run_for(0.2)
        assert network.is_up
        summary = await running
        assert summary.ok
        assert summary.outage is not None
        assert summary.outage.outage_s == 25


async def test_demo_counts_what_spectators_cut_as_outage() -> None:
    clock = VirtualClock()
    race = Race(1, START_S * 1000, length_s=30)
    async with open_network(broker_port=1) as network:
        demo = Demo(DemoOptions(0, 30, 0, seed=1), race, network, EmptyStream(), clock)
        for is_up in (False, False, True, True, False):
            await demo.switch(is_up)
            assert network.is_up is is_up
            await clock.run_for(2)
        outage = (await demo.run([], lambda _: None)).outage
        assert outage is not None
        assert outage.outage_s == 6
