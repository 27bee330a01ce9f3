"""The composition root: the only file that names concrete classes. Read it top to bottom.

Bike (driver → BikeLink → Sampler ─tick→ Telemetry) → Buffer → Publisher → IotCore
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from random import Random
from typing import Any

import structlog

from drivers.registry import DriverStatus
from gateway.bike.bikes import Bikes, cancel
from gateway.buffer.buffer import Buffer, open_buffer
from gateway.calibrating.seats import CalibrationSeats
from gateway.calibrating.server import serve_calibration
from gateway.cloud.iot_core import IotCore
from gateway.cloud.publisher import Publisher
from gateway.cloud.uplink import Commands, Uplink
from gateway.config.reload import Reload
from gateway.config.schema import Config
from gateway.host.state_dir import locked_state_dir
from gateway.host.state_disk import volatile_file_system
from gateway.host.systemd import ServiceManager
from gateway.host.watchdog import Watchdog
from gateway.race.commanded import RemoteRaces
from gateway.race.commands import command_topic
from gateway.race.control import RemoteControl
from gateway.race.file import RaceFile
from gateway.race.races import ContinuousRaces, Races
from gateway.sampling.calibration_store import CalibrationStore
from gateway.status.line import status_line
from gateway.status.observer import Observer
from gateway.status.server import serve_status
from gateway.status.snapshot import GatewayStatus
from gateway.telemetry.message import Telemetry
from gateway.telemetry.undated import NotNameable, UnnamedSecond, unnamed_from_json
from gateway.timing.clock import Clock, SystemClock
from gateway.timing.pulse import Pulse
from gateway.timing.units import NS_PER_S

#: One connection carries so many bikes, and has room left for backlog.
BIKES_PER_CONNECTION = 60

#: On shutdown the cloud gets this long to acknowledge what is on its way.
DRAIN_S = 1.5

log = structlog.get_logger()


async def run_gateway(load: Callable[[], Config], drivers: Mapping[str, DriverStatus]) -> None:
    """The daemon: race and publish until SIGTERM or SIGINT; SIGHUP has the config loaded anew.

    Raises ConfigError, StateDirError or CredentialsError if it cannot even begin.
    """
    config = load()
    stop, hangup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    with locked_state_dir(config.state_dir), closing(ServiceManager()) as service:
        clock = SystemClock()
        remote = _remote_control(config, clock) if config.race.mode == "remote" else None
        buffer = await _open_buffer(config, clock)
        gateway = Gateway(
            config, drivers, _races(config, remote), clock, buffer, _uplinks(config, remote)
        )
        if remote is not None:
            remote.on_change = gateway.races_changed
        watchdog = Watchdog(service, clock, gateway.pulses, lambda: status_line(gateway.status))
        reload = Reload(config, load, partial(_apply, gateway, remote), hangup, service)
        async with (
            serve_status(config, gateway.observer),
            serve_calibration(config.state_dir, gateway.seats, gateway.observer, clock),
        ):
            await gateway.run(stop, [watchdog.run(), reload.run()])


async def _apply(gateway: "Gateway", remote: RemoteControl | None, changed: Config) -> None:
    if remote is not None:
        remote.serve(bike.id for bike in changed.bikes)
    await gateway.apply(changed, _races(changed, remote))


async def _open_buffer(config: Config, clock: Clock) -> Buffer:
    buffer = await open_buffer(
        config.state_dir / "buffer.db",
        clock,
        commit_interval_s=config.buffer.commit_interval_s,
        max_bytes=config.buffer.max_size_mib * 1024 * 1024,
    )
    volatile = volatile_file_system(config.state_dir)
    if volatile is not None:
        buffer.note(
            f"state_dir {config.state_dir} is on {volatile}: what is buffered is lost when the "
            "power goes; expected a directory on a real disk"
        )
    return buffer


def _remote_control(config: Config, clock: Clock) -> RemoteControl:
    races = RemoteRaces(bike.id for bike in config.bikes)
    file = RaceFile(config.state_dir / "races.json")
    file.load(races)
    return RemoteControl(races, file, clock)


def _races(config: Config, remote: RemoteControl | None) -> Callable[[str], Races]:
    """What gives the races of a bike, by its id."""
    if remote is not None:
        return remote.races_of
    continuous = ContinuousRaces(config.race.length_s, config.race.offset_ms)
    return lambda bike_id: continuous


def _uplinks(config: Config, remote: RemoteControl | None) -> list[IotCore]:
    commands = None if remote is None else Commands(command_topic(config.thing_name), remote.handle)
    first, *further = client_ids(config.thing_name, len(config.bikes))
    return [
        IotCore(config.cloud, first, commands),
        *(IotCore(config.cloud, client_id) for client_id in further),
    ]


def client_ids(thing_name: str, bikes: int) -> list[str]:
    """One connection, named like the thing; more only if it cannot carry all bikes.

    The thing's policy in config/aws/template.yaml must allow them.
    """
    count = -(-bikes // BIKES_PER_CONNECTION)
    return [thing_name, *(f"{thing_name}:{number}" for number in range(2, count + 1))]


class Gateway:
    """Everything between the bikes and the cloud, from start to ordered shutdown."""

    def __init__(
        self,
        config: Config,
        drivers: Mapping[str, DriverStatus],
        races_of: Callable[[str], Races],
        clock: Clock,
        buffer: Buffer,
        uplinks: Sequence[Uplink],
    ) -> None:
        """`races_of`: by a bike's id. `uplinks`: all to the same broker."""
        self._buffer = buffer
        self._uplinks = uplinks
        self._clock = clock
        calibrations = CalibrationStore(config.state_dir)
        self._bikes = Bikes(config.thing_name, config.bikes, drivers, races_of, calibrations, clock)
        #: For those who calibrate bikes.
        self.seats = CalibrationSeats(self._bikes, calibrations)
        rate_per_s = config.cloud.publish_rate_per_s
        self._publishers = [
            Publisher(buffer, uplink, clock, Random(f"{config.thing_name}/{number}"), rate_per_s)
            for number, uplink in enumerate(uplinks)
        ]
        self.observer = Observer(config.thing_name, self._bikes, self._publishers, buffer, clock)
        self._is_naming = False
        #: Called with each message as it is produced.
        self.on_telemetry: Callable[[Telemetry], None] = lambda _: None

    @property
    def status(self) -> GatewayStatus:
        return self.observer.status()

    def pulses(self) -> list[Pulse]:
        """Of every loop that must go round."""
        return [
            *(bike.pulse for bike in self._bikes),
            *(publisher.pulse for publisher in self._publishers),
            self._buffer.pulse,
        ]

    async def apply(self, config: Config, races_of: Callable[[str], Races]) -> None:
        """Other bikes and races, while the others race on."""
        await self._bikes.apply(config.bikes, races_of)

    async def run(
        self, stop: asyncio.Event, beside: Iterable[Coroutine[Any, Any, None]] = ()
    ) -> None:
        """Race until `stop`, with what is to run beside it. Nothing is left in memory alone."""
        log.info("racing", bikes=len(self._bikes), buffered=self._buffer.status.depth)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._bikes.start(tasks, self._on_second)
                others = [self._name_when_the_clock_is_set(), *beside]
                other = [tasks.create_task(one) for one in others]
                sending = [tasks.create_task(publisher.run()) for publisher in self._publishers]
                sending.append(tasks.create_task(self._buffer.run()))
                await stop.wait()
                log.info("stopping")
                await cancel(other)
                await self._bikes.stop()
                await self._drain()
                await cancel(sending)
        finally:
            self._bikes.let_go()
            for uplink in self._uplinks:
                await uplink.stop()
            await self._buffer.close()
            log.info("stopped", on_disk=self._buffer.status.depth)

    def races_changed(self) -> None:
        """Commands have said that other races are to be ridden."""
        self._bikes.races_changed()

    def _on_second(self, second: Telemetry | UnnamedSecond) -> None:
        if isinstance(second, UnnamedSecond):
            self._buffer.append_unnamed(second.to_json())
            return
        self._name_seconds()  # before a message that must come after them
        self._buffer.append(second)
        self.observer.count_produced()
        self.on_telemetry(second)

    async def _name_when_the_clock_is_set(self) -> None:
        if not self._clock.is_trustworthy():
            log.warning("clock not set: seconds are kept, and get their race when it is")
            while not self._clock.is_trustworthy():
                await self._clock.sleep_until(self._clock.monotonic_ns() + NS_PER_S)
            log.info("clock set", unnamed=self._buffer.status.unnamed)
        self._name_seconds()

    def _name_seconds(self) -> None:
        if not self._is_naming:
            self._is_naming = True
            self._clock.reanchor()
            self._buffer.name_seconds(self._name)

    def _name(self, payload: bytes) -> Telemetry | None:
        """The message that a kept second becomes; None if nobody raced. Raises NotNameable."""
        unnamed = unnamed_from_json(payload)
        if unnamed.boot_id != self._clock.boot_id:
            raise NotNameable("ridden in an earlier boot, in which the clock was never set")
        bike = self._bikes.get(unnamed.bike_id)
        if bike is None:
            raise NotNameable(f"bike {unnamed.bike_id} is not in the config any more")
        return bike.name(unnamed)

    async def _drain(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await asyncio.gather(*(publisher.drained() for publisher in self._publishers))
