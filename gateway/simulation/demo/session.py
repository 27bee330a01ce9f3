"""One race of many gateways on one machine, with an outage, counted at both ends."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.config.packaged import config_path
from gateway.daemon import Gateway
from gateway.race.races import Race
from gateway.simulation.cloud.broker import open_broker
from gateway.simulation.cloud.consumer import Scoreboard
from gateway.simulation.cloud.kinesis import StreamReader, open_kinesis
from gateway.simulation.cloud.rule import load_rule
from gateway.simulation.cloud.rule_engine import RuleEngine, open_rule_engine
from gateway.simulation.demo.network import Network, open_network
from gateway.simulation.demo.racers import Start, open_racer
from gateway.simulation.demo.scene import Scene, Summary, Tally
from gateway.timing.clock import SystemClock

SHARDS = 4
#: From the last gateway's start to the race's: long enough for each to have connected.
COUNTDOWN_S = 3
#: The cable is pulled after this part of the race.
OUTAGE_AT = 1 / 3
REFRESH_S = 0.25
#: After race and outage, for the last messages to arrive.
ARRIVAL_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class DemoOptions:
    bikes: int
    race_s: int
    outage_s: int
    seed: int


@dataclass(frozen=True, slots=True)
class Cloud:
    """The pieces of the cloud that a race is watched through."""

    broker_port: int
    engine: RuleEngine
    reader: StreamReader


def run_demo(options: DemoOptions, show: Callable[[Scene], None]) -> Summary:
    """Start the cloud, race, and take everything down again. Blocks; KeyboardInterrupt is safe.

    `show` is called several times a second. A message that has not arrived in time is lost.
    """
    rule = load_rule(config_path("aws/template.yaml").read_text(encoding="utf-8"))
    with (
        open_broker() as broker,
        open_kinesis(rule.stream, SHARDS) as kinesis,
        open_rule_engine(rule, kinesis, broker.mqtt311_port) as engine,
    ):
        cloud = Cloud(broker.mqtt5_port, engine, kinesis.open_reader())
        return asyncio.run(_race(options, cloud, show))


async def _race(options: DemoOptions, cloud: Cloud, show: Callable[[Scene], None]) -> Summary:
    clock = SystemClock()
    start_ms = clock.wall_ms_at(clock.monotonic_ns()) + COUNTDOWN_S * 1000
    race = Race(start_ms // (options.race_s * 1000), start_ms, options.race_s)
    with TemporaryDirectory(prefix="alleycat-demo-") as directory:
        async with open_network(cloud.broker_port) as network:
            start = Start(race, options.seed, Path(directory), network.port)
            tally = Tally()
            gateways = [
                await open_racer(number, start, clock, tally.on_telemetry)
                for number in range(1, options.bikes + 1)
            ]
            return await Demo(options, race, network, cloud, gateways, tally).run(show)


class Demo:
    """A race under way: `run` it until it ends."""

    def __init__(
        self,
        options: DemoOptions,
        race: Race,
        network: Network,
        cloud: Cloud,
        gateways: list[Gateway],
        tally: Tally,
    ) -> None:
        self._options = options
        self._race = race
        self._network = network
        self._cloud = cloud
        self._gateways = gateways
        self._scoreboard = Scoreboard()
        self._tally = tally

    async def run(self, show: Callable[[Scene], None]) -> Summary:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for gateway in self._gateways:
                tasks.create_task(gateway.run(stop))
            tasks.create_task(self._outage())
            while not self._is_over():
                await self._consume()
                show(self._scene())
                await asyncio.sleep(REFRESH_S)
            stop.set()
        await asyncio.to_thread(self._cloud.engine.drain)
        while await self._consume():
            pass
        show(self._scene())
        return self._summary()

    async def _outage(self) -> None:
        if self._options.outage_s > 0:
            start_s = self._race.start_ms / 1000 + OUTAGE_AT * self._options.race_s
            await asyncio.sleep(start_s - time.time())
            await self._network.cut()
            await asyncio.sleep(self._options.outage_s)
            await self._network.restore()

    def _is_over(self) -> bool:
        """Everybody is in the goal, and the gateways have sent what they kept, or time is up."""
        if self._tally.finals < len(self._gateways):
            return False
        since_s = time.time() - self._race.start_ms / 1000 - self._race.length_s
        sent = all(gateway.status.buffer.depth == 0 for gateway in self._gateways)
        return sent or since_s > self._options.outage_s + ARRIVAL_TIMEOUT_S

    async def _consume(self) -> int:
        """Read what has come into the stream; gives how many records that were."""
        records = await asyncio.to_thread(self._cloud.reader.read)
        for shard_id, data in records:
            self._scoreboard.add(shard_id, data)
            self._tally.arrived[json.loads(data)["uuid"]] += 1
        return len(records)

    def _scene(self) -> Scene:
        scene = Scene(
            race=self._race,
            now_ms=time.time_ns() // 1_000_000,
            network_up=self._network.is_up,
            gateways=tuple(gateway.status for gateway in self._gateways),
            standings=tuple(self._scoreboard.leaderboard(self._race.race_id)),
            produced=len(self._tally.produced),
            in_kinesis=len(self._tally.arrived),
        )
        self._tally.most_buffered = max(self._tally.most_buffered, scene.buffered)
        return scene

    def _summary(self) -> Summary:
        reports = self._scoreboard.reports()
        return Summary(
            racers=len(self._gateways),
            produced=len(self._tally.produced),
            in_kinesis=len(self._tally.arrived),
            lost=self._tally.lost,
            duplicates=self._tally.duplicates,
            shards={str(report.race_id): sorted(report.shard_ids) for report in reports},
            race_s=self._options.race_s,
            outage_s=self._options.outage_s,
            seed=self._options.seed,
            most_buffered=self._tally.most_buffered,
            rule_failures=len(self._cloud.engine.failures),
            leaderboard=tuple(self._scoreboard.leaderboard(self._race.race_id)),
        )
