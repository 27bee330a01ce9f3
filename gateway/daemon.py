"""The composition root: the only file that names concrete classes. Read it from top to bottom.

Bikes (driver → BikeLink → Sampler → Telemetry) → Recorder → Buffer → Publisher → IotCore
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, closing, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import structlog

from drivers.registry import DriverStatus
from gateway.bike.bikes import Bikes, cancel
from gateway.bike.drivers import BikeDrivers
from gateway.bike.live_results import LiveResults
from gateway.bike.recorder import Recorder
from gateway.bike.riders import Riders
from gateway.buffer.buffer import Buffer
from gateway.buffer.opening import open_configured_buffer
from gateway.buffer.quarantine_server import serve_quarantine
from gateway.calibrating.leases import CalibrationLeases
from gateway.calibrating.server import serve_calibration
from gateway.cloud.connections import connections, follow_routes
from gateway.cloud.health import CloudHealth
from gateway.cloud.publisher import Publisher
from gateway.cloud.uplink import Commands, Feed, ReceivingUplink
from gateway.config.clock_trust import clock_trust
from gateway.config.reload import Reload
from gateway.config.schema import BikeConfig, Config
from gateway.host.boots import Boots
from gateway.host.sockets import socket_directory
from gateway.host.state_dir import locked_state_dir
from gateway.host.state_file import StateFiles
from gateway.host.systemd import ServiceManager
from gateway.host.watchdog import Watchdog
from gateway.race.commands import command_topic
from gateway.race.control import RemoteControl, open_remote_control
from gateway.race.races import ContinuousRaces, Races
from gateway.riding.desk import RideDesk
from gateway.riding.server import serve_ride
from gateway.sampling.calibration_store import CalibrationStore
from gateway.status.observer import Observer, StatusSource
from gateway.status.server import serve_status
from gateway.status.snapshot import GatewayStatus
from gateway.status.waiting import load_when_set_up
from gateway.tail.server import TailReaders, serve_tail
from gateway.telemetry.message import Telemetry
from gateway.timing.clock import GatewayClock, SystemClock
from gateway.timing.clock_sync import clock_source
from gateway.timing.pulse import Pulse
from gateway.web.feed import RaceFeed
from gateway.web.race_side import RaceSide
from gateway.web.server import serve_web

#: How long a shutdown waits for the cloud to acknowledge all messages, in seconds.
DRAIN_S = 1.5

log = structlog.get_logger()


async def run_gateway(
    load: Callable[[], Config], drivers: Mapping[str, DriverStatus], file: Path
) -> None:
    """Race and publish until SIGTERM or SIGINT; reload the config on SIGHUP.

    On a terminal, SIGHUP means that the terminal is gone, and stops the gateway as well.
    `load` loads the config `file`. While the gateway is not set up, it only waits for a reload.
    Raises ConfigError, StateDirError or CredentialsError if it cannot start.
    """
    stop, hangup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, stop.set if _is_on_a_terminal() else hangup.set)
    with closing(ServiceManager()) as service:
        config = await load_when_set_up(load, stop, hangup, service, partial(_serve_waiting, file))
        if config is not None:
            await _race(config, load, drivers, stop, hangup, service, file)


def _serve_waiting(
    file: Path, config: Config, observer: StatusSource, clock: GatewayClock
) -> AbstractAsyncContextManager[None]:
    return serve_web(config, RaceSide(asyncio.get_running_loop(), observer, clock), file)


def _is_on_a_terminal() -> bool:
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


async def _race(
    config: Config,
    load: Callable[[], Config],
    drivers: Mapping[str, DriverStatus],
    stop: asyncio.Event,
    hangup: asyncio.Event,
    service: ServiceManager,
    file: Path,
) -> None:
    with locked_state_dir(config.state_dir):
        clock = SystemClock(partial(clock_source, clock_trust(config)))
        buffer = await open_configured_buffer(config, clock)
        files, remote = StateFiles(config.state_dir), None
        if config.race.mode == "remote":
            remote = open_remote_control(files, _bike_ids(config), clock)
        uplinks = connections(config.cloud, config.thing_name, len(config.bikes))
        if remote is not None:
            uplinks[0].subscribe(Commands(command_topic(config.thing_name), remote.handle))
        health = CloudHealth(uplinks, clock)
        gateway = Gateway(config, drivers, races_of(config, remote), clock, buffer, uplinks, files)
        gateway.observer.health = health
        watchdog = Watchdog(service, clock, gateway.pulses, gateway.observer.line)
        apply, note = partial(_apply, gateway, remote, health), gateway.observer.note_config
        reload = Reload(config, load, apply, note, hangup, service)
        async with (
            serve_status(config, gateway.observer),
            serve_tail(config.state_dir, gateway.tail, gateway.observer),
            serve_quarantine(config.state_dir, buffer, gateway.observer.note),
            serve_calibration(config.state_dir, gateway.leases, gateway.observer, clock),
            serve_ride(config.state_dir, gateway.desk, gateway.observer.note),
            serve_web(config, gateway.race_side, file),
        ):
            routing = follow_routes(uplinks, clock)
            await gateway.run(stop, [watchdog.run(), reload.run(), health.run(), routing])


class Gateway:
    """All parts between the bikes and the cloud, from start to orderly shutdown.

    `races_of` returns the races of a bike and its rider. All `uplinks` lead to one broker.
    """

    def __init__(
        self,
        config: Config,
        drivers: Mapping[str, DriverStatus],
        races_of: Callable[[BikeConfig], Races],
        clock: GatewayClock,
        buffer: Buffer,
        uplinks: Sequence[ReceivingUplink],
        files: StateFiles,
    ) -> None:
        calibrations = CalibrationStore(config.state_dir)
        riders = Riders(config.bikes, config.riders, files)
        rate_per_s = config.cloud.publish_rate_per_s
        self._buffer = buffer
        self._uplinks = uplinks
        self._files = files
        self._sockets = socket_directory(config.state_dir)
        self._clock = clock
        self._boots = Boots(files)
        self._drivers = BikeDrivers(drivers, files, clock)
        self._bikes = Bikes(
            config.thing_name, config.bikes, self._drivers, riders, races_of, calibrations, clock
        )
        self.desk = RideDesk(config.race.mode, self._bikes)
        self.tail = TailReaders()
        self._recorder = Recorder(self._bikes, buffer, clock, self._boots)
        self._recorder.on_telemetry.append(self.tail.on_produced)
        self._publishers = [
            Publisher(buffer, uplink, clock, Random(f"{config.thing_name}/{number}"), rate_per_s)
            for number, uplink in enumerate(uplinks)
        ]
        for publisher in self._publishers:
            publisher.on_accepted.append(self.tail.on_acknowledged)
        self.leases = CalibrationLeases(self._bikes, calibrations)
        self.observer = Observer(
            config, self._bikes, self._recorder, self._publishers, buffer, clock, files
        )
        self.observer.results = _follow_results(
            config.cloud.results_topic, self._bikes, clock, uplinks[0]
        )

    def subscribe(self, on_telemetry: Callable[[Telemetry], None]) -> None:
        """Call `on_telemetry` with each new message."""
        self._recorder.on_telemetry.append(on_telemetry)

    @property
    def riders(self) -> Riders:
        return self._bikes.riders

    @property
    def status(self) -> GatewayStatus:
        """The state of every part, at this moment."""
        return self.observer.status()

    @property
    def race_side(self) -> RaceSide:
        """The parts that pages may ask, in the loop that runs."""
        loop = asyncio.get_running_loop()
        return RaceSide(
            loop,
            self.observer,
            self._clock,
            self._feed,
            self.desk,
            self.leases,
            self._sockets,
        )

    def _feed(self, feed: RaceFeed) -> None:
        self.subscribe(feed.on_telemetry)
        for publisher in self._publishers:
            publisher.on_accepted.append(feed.on_acknowledged)

    def pulses(self) -> list[Pulse]:
        """Return the heartbeat of every loop that runs as long as the gateway does."""
        return [
            *(bike.pulse for bike in self._bikes),
            *(publisher.pulse for publisher in self._publishers),
            self._buffer.pulse,
        ]

    async def apply(self, config: Config, races_of: Callable[[BikeConfig], Races]) -> None:
        """Change bikes, racers and races; bikes that remain keep racing."""
        self.riders.serve(config.bikes, config.riders)
        await self._bikes.apply(config.bikes, races_of)
        await self.riders.save()

    async def run(
        self, stop: asyncio.Event, services: Iterable[Coroutine[Any, Any, None]] = ()
    ) -> None:
        """Race until `stop` is set and run `services` meanwhile; then save the buffer to disk."""
        log.info("gateway started", bikes=len(self._bikes), buffered=self._buffer.status.depth)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._bikes.start(tasks, self._recorder.record)
                dating = self._recorder.date_when_the_clock_is_set()
                others = [tasks.create_task(one) for one in (dating, *services)]
                sending = [tasks.create_task(publisher.run()) for publisher in self._publishers]
                saving = (self._buffer.run(), self.riders.joined.run(), self._drivers.run())
                keeping = (self._files.run(self._clock), self._boots.run(self._clock))
                sending += [tasks.create_task(one) for one in (*saving, *keeping)]
                await stop.wait()
                log.info("stopping")
                await cancel(others)
                await self._bikes.stop()
                await self._drain()
                await cancel(sending)
        finally:
            self._bikes.let_go()
            await self._buffer.commit(everything=True)  # whatever the uplinks do
            await asyncio.gather(*(uplink.stop() for uplink in self._uplinks))
            await self._buffer.close()
            log.info("stopped", on_disk=self._buffer.status.depth)

    async def _drain(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await asyncio.gather(*(publisher.drained() for publisher in self._publishers))


def _follow_results(
    topic: str | None, bikes: Bikes, clock: GatewayClock, uplink: ReceivingUplink
) -> LiveResults | None:
    """Subscribe to the results of the bikes' races, if the config names their topic."""
    if topic is None:
        return None
    results = LiveResults(topic, bikes, clock)
    uplink.subscribe(Feed(topic, results.take, results.on_subscribed))
    return results


def races_of(config: Config, remote: RemoteControl | None) -> Callable[[BikeConfig], Races]:
    """Return a function that returns the races of a bike and its rider."""
    if remote is not None:
        return lambda bike: remote.races_of(bike.id)
    race = config.race
    return lambda bike: ContinuousRaces(
        race.length_s,
        race.offset_ms,
        bike.class_id if race.per_class else None,
        waits_for_pedals=race.join == "pedalling",
    )


async def _apply(
    gateway: Gateway, remote: RemoteControl | None, health: CloudHealth, changed: Config
) -> None:
    health.renew()
    if remote is None:
        await gateway.apply(changed, races_of(changed, None))
    else:
        remote.serve(_bike_ids(changed))
        await gateway.apply(changed, races_of(changed, remote))
        await remote.save()


def _bike_ids(config: Config) -> list[str]:
    return [bike.id for bike in config.bikes]
