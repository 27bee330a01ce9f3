"""kill -9 of the real daemon in mid-outage, again and again: what was a second old arrives.

The rider of the second bike gets off in mid-race: the seconds after that belong to a race that was
joined before, perhaps by an earlier process.

The fake bike is deterministic, so what must arrive is known to the byte: a gateway in virtual time
says it. A second between two lives of the process is not promised.
"""

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.simulation.demo.network import Network, open_network
from gateway.telemetry.message import Telemetry
from tests.durability.arrivals import ends, missing_of_each, promised
from tests.e2e.test_race import BIKES, in_order
from tests.support.gateway_process import GatewayProcess
from tests.support.gateways import VirtualGateway, config
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.subscriber import Subscriber

#: Daemons that are killed side by side: a start takes a second, most of it waiting.
LANES = 4
#: How long a life races, at least and at most.
LIFE_S = (0.2, 3.5)
#: After so much of a second both bikes have been heard, and it gets its message.
HEARD_AFTER_S = 0.6
#: Both bikes are connected so soon after the daemon says that it races, also on a busy machine.
CONNECTED_AFTER_S = 1.0
RIDE_S = 10

#: What a bike says: by bike and end of the second, since the epoch.
Ridden = dict[tuple[str, int], Telemetry]


@dataclass
class Lane:
    """One daemon with a state directory, a broker and a line to it of its own."""

    gateway: GatewayProcess
    network: Network
    subscriber: Subscriber
    #: Ends, in seconds since the epoch, of the seconds that must arrive …
    promised: set[int] = field(default_factory=set)
    #: … and of those that were raced from their beginning, so that each byte is known.
    whole: set[int] = field(default_factory=set)

    async def live_and_die(self, for_s: float) -> None:
        """Start, race for so long without a broker, kill -9."""
        await asyncio.to_thread(self.gateway.start)
        racing = time.time()
        await asyncio.sleep(for_s)
        killed = time.time()
        self.gateway.kill()
        self.promised |= promised(racing + HEARD_AFTER_S, killed)
        # A final may tell of its race, and no life here is as long as a race.
        self.whole |= {end for end in ends(racing + CONNECTED_AFTER_S + 1, killed) if end % RIDE_S}

    async def recover(self, said: Ridden) -> list[tuple[str, int]]:
        """Start once more, with the broker back: what is missing of what was promised."""
        await asyncio.to_thread(self.gateway.start)
        await self.network.restore()
        expected = {bike: self.promised_of(bike, said) for bike in BIKES}
        return await missing_of_each(self.subscriber, expected)

    def promised_of(self, bike: str, said: Ridden) -> set[int]:
        """Return the promised seconds in races that a promised second of pedalling has joined."""
        first: dict[int, int] = {}
        for end in sorted(self.promised):
            # In the second in which the pedals stop, the mean is above 0, but nothing is joined.
            turning = [said.get((bike, one)) for one in (end, end + 1)]
            if all(message is not None and message.cadence > 0 for message in turning):
                first.setdefault((end - 1) // RIDE_S, end)
        joined_at = {end: first.get((end - 1) // RIDE_S) for end in self.promised}
        return {end for end, at in joined_at.items() if at is not None and at <= end}


async def open_lane(stack: AsyncExitStack, directory: Path) -> Lane:
    """Its broker is there, and the line to it is cut."""
    authority = Authority(directory / "authority")
    broker = Mosquitto(directory / "mosquitto", authority)
    broker.start()
    stack.callback(broker.stop)
    subscriber = Subscriber(broker.port, authority.issue("subscriber"))
    stack.callback(subscriber.stop)
    network = await stack.enter_async_context(open_network(broker.port))
    await network.cut()
    gateway = GatewayProcess(directory, authority.issue("gateway-1"))
    stack.callback(gateway.kill)
    gateway.cloud["port"] = network.port
    gateway.race_join = "pedalling"
    gateway.bikes[1] = gateway.bikes[1].replace(" }", ', scenario = "walkaway" }')
    return Lane(gateway, network, subscriber)


async def ridden(directory: Path, from_s: int, until_s: int) -> Ridden:
    """Return what the same bikes say in virtual time."""
    bikes: list[dict[str, Any]] = [{"ride_s": RIDE_S}, {"ride_s": RIDE_S, "scenario": "walkaway"}]
    settings = config(
        directory, bikes, {"length_s": RIDE_S, "join": "pedalling", "per_class": True}
    )
    said: Ridden = {}

    def hear(message: Telemetry) -> None:
        said[message.bike_id, message.device_timestamp // 1000] = message

    virtual = VirtualGateway(settings, wall_ms=from_s * 1000, on_telemetry=hear)
    await virtual.start()
    await virtual.run_for(until_s - from_s)
    await virtual.stop()
    return said


async def kill_again_and_again(lane: Lane, kills: int, chance: random.Random) -> None:
    for _ in range(kills):
        await lane.live_and_die(chance.uniform(*LIFE_S))


@pytest.mark.timeout(1200)
async def test_repeated_kills_lose_no_message_older_than_a_second(
    tmp_path: Path, kills: int
) -> None:
    began = int(time.time())
    async with AsyncExitStack() as stack:
        lanes = [await open_lane(stack, tmp_path / f"lane-{number}") for number in range(LANES)]
        async with asyncio.TaskGroup() as tasks:
            for number, lane in enumerate(lanes):
                share = kills // LANES + (number < kills % LANES)
                tasks.create_task(kill_again_and_again(lane, share, random.Random(number)))
        assert any(lane.promised for lane in lanes)
        said = await ridden(tmp_path / "virtual", began - RIDE_S, int(time.time()) + 1)
        assert any(message.cadence == 0 for message in said.values()), "a rider got off"
        lost = await asyncio.gather(*(lane.recover(said) for lane in lanes))
        assert lost == [[]] * LANES
    for lane in lanes:
        in_order(lane.subscriber.messages)
        for message in lane.subscriber.messages:
            end = message.device_timestamp // 1000
            assert end not in lane.whole or message == said[message.bike_id, end]
