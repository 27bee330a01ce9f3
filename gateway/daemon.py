"""The composition root: the only file that names concrete classes. Read it top to bottom.

driver → BikeLink → Sampler ─tick→ Telemetry → Buffer → Publisher → IotCore
"""

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random

import structlog

from drivers.registry import DriverStatus, make_driver
from gateway.bike_link import BikeLink
from gateway.buffer import Buffer, open_buffer
from gateway.clock import Clock, SystemClock
from gateway.config import BikeConfig, Config
from gateway.iot_core import IotCore
from gateway.publisher import Publisher
from gateway.race import ContinuousRaces, Races
from gateway.race_clock import RaceClock, RaceSecond
from gateway.sampler import Sample, Sampler
from gateway.state_lock import locked_state_dir
from gateway.status import BikeStatus, GatewayStatus
from gateway.telemetry import Telemetry, make_telemetry
from gateway.uplink import Uplink

#: On shutdown the cloud gets this long to acknowledge what is on its way.
DRAIN_S = 1.5

#: On shutdown a driver gets this long to let go of its bike.
LET_GO_S = 1.0

log = structlog.get_logger()


async def run_gateway(config: Config, drivers: Mapping[str, DriverStatus]) -> None:
    """The daemon: race and publish until SIGTERM or SIGINT.

    Raises StateDirError, StoreError or CredentialsError if it cannot even begin.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with locked_state_dir(config.state_dir):
        clock = SystemClock()
        uplink = IotCore(config.cloud, client_id=config.thing_name)
        buffer = await open_buffer(
            config.state_dir / "buffer.db",
            clock,
            commit_interval_s=config.buffer.commit_interval_s,
            max_bytes=config.buffer.max_size_mib * 1024 * 1024,
        )
        races = ContinuousRaces(config.race.length_s, config.race.offset_ms)
        await Gateway(config, drivers, races, clock, buffer, uplink).run(stop)


class Bike:
    """One bike: its driver kept connected by a link that feeds a sampler."""

    def __init__(
        self, config: BikeConfig, thing_name: str, status: DriverStatus, clock: Clock
    ) -> None:
        driver = make_driver(status, config.options, clock)
        self.config = config
        self.sampler = Sampler(config.calibration_table)
        self.link = BikeLink(
            config.id,
            driver,
            self.sampler,
            clock,
            Random(f"{thing_name}/{config.id}"),
            config.stale_after_s,
        )
        self.last_sample: Sample | None = None

    @property
    def status(self) -> BikeStatus:
        return BikeStatus(
            self.config.id,
            self.config.racer_name,
            self.link.state,
            self.link.reason,
            self.last_sample,
        )


class Gateway:
    """Everything between the bikes and the cloud, from start to ordered shutdown."""

    def __init__(
        self,
        config: Config,
        drivers: Mapping[str, DriverStatus],
        races: Races,
        clock: Clock,
        buffer: Buffer,
        uplink: Uplink,
    ) -> None:
        self._config = config
        self._buffer = buffer
        self._uplink = uplink
        self._clock = clock
        self._race_clock = RaceClock(races, clock)
        self._bikes = [
            Bike(bike, config.thing_name, drivers[bike.driver], clock) for bike in config.bikes
        ]
        self._publisher = Publisher(
            buffer, uplink, clock, Random(config.thing_name), config.cloud.publish_rate_per_s
        )
        self._produced = 0
        #: Called with each message as it is produced.
        self.on_telemetry: Callable[[Telemetry], None] = lambda _: None

    @property
    def status(self) -> GatewayStatus:
        running = self._race_clock.running
        return GatewayStatus(
            race_id=running.race.race_id,
            second=running.second,
            lost_seconds=self._race_clock.lost_seconds,
            bikes=tuple(bike.status for bike in self._bikes),
            cloud=self._publisher.state,
            produced=self._produced,
            accepted=self._publisher.accepted,
            buffer=self._buffer.status,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Race until `stop`. Afterwards nothing is left in memory alone."""
        log.info("racing", race_id=self.status.race_id, buffered=self._buffer.status.depth)
        # Not in the group: a driver that does not let go must not keep the buffer from closing.
        links = [asyncio.create_task(bike.link.run()) for bike in self._bikes]
        try:
            async with asyncio.TaskGroup() as tasks:
                race = tasks.create_task(self._race())
                sending = [
                    tasks.create_task(self._buffer.run()),
                    tasks.create_task(self._publisher.run()),
                ]
                await stop.wait()
                log.info("stopping")
                await _cancel([race])
                await _cancel(links)
                await self._drain()
                await _cancel(sending)
        finally:
            for link in links:
                link.cancel()
            await self._uplink.stop()
            await self._buffer.close()
            log.info("stopped", on_disk=self._buffer.status.depth)

    async def _race(self) -> None:
        """Close every second as it ends; on the way out also the one that was running."""
        try:
            while True:
                self._close_second(await self._race_clock.tick())
        finally:
            running = self._race_clock.running
            if running.start_ns <= self._clock.monotonic_ns():
                self._close_second(running)

    def _close_second(self, second: RaceSecond) -> None:
        for bike in self._bikes:
            sample = bike.sampler.close_second(second.start_ns, second.end_ns)
            bike.last_sample = sample
            if sample.present or second.is_final:
                telemetry = make_telemetry(
                    self._config.thing_name, bike.config.id, bike.config.racer, second, sample
                )
                self._buffer.append(telemetry)
                self._produced += 1
                self.on_telemetry(telemetry)

    async def _drain(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self._publisher.drained()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=LET_GO_S)
