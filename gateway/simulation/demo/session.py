"""A race of many gateways on one computer, with an outage; messages are counted at both ends."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.daemon import Gateway
from gateway.race.races import Race
from gateway.simulation.cloud.client import Stream, open_local_cloud
from gateway.simulation.cloud.leaderboard import StreamResult
from gateway.simulation.demo.network import Network, open_network
from gateway.simulation.demo.racers import Start, open_racer, race_from
from gateway.simulation.demo.reporter import DemoReporter
from gateway.simulation.scene import OutageSpan, Scene, Summary
from gateway.timing.clock import GatewayClock, SystemClock
from gateway.timing.units import NS_PER_S

#: Seconds from the start of the first gateway to the start of the race: enough for all to connect.
COUNTDOWN_S = 3
#: The network is cut after this fraction of the race.
OUTAGE_AT = 1 / 3
#: Seconds between two scenes.
REFRESH_S = 0.25
#: How long the last messages may take to arrive, in seconds after race and outage.
ARRIVAL_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The user's options for a demo."""

    bikes: int
    race_s: int
    outage_s: int
    seed: int

    @property
    def outage(self) -> OutageSpan | None:
        """The part of the race without a network."""
        if not self.outage_s:
            return None
        from_s = OUTAGE_AT * self.race_s
        return OutageSpan(from_s, from_s + self.outage_s)


async def run_demo(
    options: DemoOptions, offer: Callable[["Demo"], None], show: Callable[[Scene], None]
) -> Summary:
    """Start the cloud, run the race, and shut everything down. Raises LocalCloudError.

    `show` is called several times a second, `offer` once with the demo, whose network can be
    switched. A message that does not arrive in time counts as lost.
    """
    clock = SystemClock()
    async with open_local_cloud() as cloud, open_network(cloud.config.port) as network:
        start_ms = clock.wall_ms_at(clock.monotonic_ns()) + COUNTDOWN_S * 1000
        race = race_from(start_ms, options.race_s)
        demo = Demo(options, race, network, cloud, clock)
        offer(demo)
        with TemporaryDirectory(prefix="alleycat-demo-") as directory:
            start = Start(race, options.seed, Path(directory), network.port)
            gateways = [
                await open_racer(number, start, clock, demo.reporter.observe)
                for number in range(1, options.bikes + 1)
            ]
            return await demo.run(gateways, show)


class Demo:
    """A race whose gateways report what they produce to its `reporter`. Call `run` once."""

    def __init__(
        self,
        options: DemoOptions,
        race: Race,
        network: Network,
        stream: Stream,
        clock: GatewayClock,
    ) -> None:
        self._options = options
        self._start_ns = clock.monotonic_ns_at(race.start_ms)
        self._network = network
        self._stream = stream
        self._clock = clock
        #: How long the network has been down in all; and since when, if it is down now.
        self._down_ns = 0
        self._down_since_ns: int | None = None
        self.reporter = DemoReporter(options.race_s, self._start_ns, options.outage)

    async def run(self, gateways: Sequence[Gateway], show: Callable[[Scene], None]) -> Summary:
        """Run until every message has arrived or time is up; return the summary."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for gateway in gateways:
                tasks.create_task(gateway.run(stop))
            tasks.create_task(self._cut_network())
            while not self._is_over(gateways):
                show(await self._scene(gateways, await self._stream.report()))
                await asyncio.sleep(REFRESH_S)
            stop.set()
        result = await self._stream.result()
        show(await self._scene(gateways, result))
        options, outage_s = self._options, round(self._outage_ns() / NS_PER_S)
        return self.reporter.summary(options.bikes, result, outage_s, options.seed)

    async def switch(self, is_up: bool) -> None:
        """Restore the network, or cut it."""
        self._down_ns = self._outage_ns()
        self._down_since_ns = None if is_up else self._clock.monotonic_ns()
        await (self._network.restore() if is_up else self._network.cut())

    def _outage_ns(self) -> int:
        since_ns = self._down_since_ns
        return self._down_ns + (0 if since_ns is None else self._clock.monotonic_ns() - since_ns)

    async def _cut_network(self) -> None:
        if outage := self._options.outage:
            await self._clock.sleep_until(self._start_ns + int(outage.from_s * NS_PER_S))
            await self.switch(False)
            await self._clock.sleep_until(self._start_ns + int(outage.to_s * NS_PER_S))
            await self.switch(True)

    def _is_over(self, gateways: Sequence[Gateway]) -> bool:
        """Return whether all racers have finished and all buffers are empty, or time is up."""
        if self.reporter.finals < len(gateways):
            return False
        limit_s = self._options.race_s + self._options.outage_s + ARRIVAL_TIMEOUT_S
        is_late = self._clock.monotonic_ns() > self._start_ns + limit_s * NS_PER_S
        return is_late or all(gateway.status.buffer.depth == 0 for gateway in gateways)

    async def _scene(self, gateways: Sequence[Gateway], result: StreamResult) -> Scene:
        arrivals = await self._stream.count()
        return self.reporter.scene(
            [gateway.status for gateway in gateways],
            result,
            self._clock.monotonic_ns(),
            network_is_up=self._network.is_up,
            arrivals=arrivals,
        )
