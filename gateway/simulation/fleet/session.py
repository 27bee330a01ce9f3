"""A race of a whole fleet: connect, race, wait for messages in transit, summarize."""

import asyncio
import gc
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from gateway.cloud.iot_core import IotCore
from gateway.config.cloud import CloudConfig
from gateway.host.state_dir import locked_state_dir
from gateway.simulation.cloud.client import Stream, open_local_cloud
from gateway.simulation.fleet.course import Course
from gateway.simulation.fleet.meter import Meter, MeteredUplink
from gateway.simulation.fleet.plan import CONNECTS_PER_S, FleetError, Plan
from gateway.simulation.fleet.process import Usage, allow_connections
from gateway.simulation.fleet.racer import FleetRacer
from gateway.simulation.fleet.reporter import FleetReporter
from gateway.simulation.fleet.station import Station, memory_buffer, open_file_buffer
from gateway.simulation.scene import RaceMoment, RaceStage, Scene, Summary
from gateway.telemetry.message import Telemetry
from gateway.timing.clock import GatewayClock
from gateway.timing.clock_sync import ClockTrust
from gateway.timing.units import NS_PER_MS, NS_PER_S

#: How long the connections may take to come up, in seconds after the last one was begun.
CONNECT_TIMEOUT_S = 30.0
#: Seconds from the last connection to the start of the race.
COUNTDOWN_S = 3
#: How long the last acknowledgements may take, in seconds after the race or after Ctrl-C.
ARRIVAL_TIMEOUT_S = 60.0
HURRY_S = 2.0
LOOK_EVERY_S = 0.1
#: Scenes are shown once a second, this long after its start: the last second's messages have then
#: been sent.
SHOW_AT_NS = 600 * NS_PER_MS


@dataclass(frozen=True, slots=True)
class FleetTarget:
    """The cloud in which a fleet races. `cloud`: None = one on this computer.

    `state_dir`: None = no files. `thing_prefix`: the things are named <thing_prefix>1, 2, …
    `check`: the command that tests a single connection to this cloud; empty if there is none.
    `trust`: what the config with this cloud declares of the clock.
    """

    cloud: CloudConfig | None
    thing_prefix: str
    state_dir: Path | None
    check: str = ""
    trust: ClockTrust = field(default_factory=ClockTrust)

    @property
    def name(self) -> str:
        """The target in words."""
        if self.cloud is None:
            return "a cloud on this computer"
        return f"{self.cloud.endpoint}:{self.cloud.port}"


async def run_fleet(
    plan: Plan,
    target: FleetTarget,
    clock: GatewayClock,
    stop: asyncio.Event,
    show: Callable[[Scene], None],
) -> Summary:
    """Run the whole race, or as much of it as there is before `stop`; return the summary.

    Raises FleetError, LocalCloudError, CredentialsError, or StateDirError.
    """
    if not clock.is_trustworthy():
        raise FleetError(
            "this computer's clock is not set, but race ids are derived from it: set it first"
        )
    allow_connections(plan.connections)
    async with AsyncExitStack() as stack:
        if target.state_dir is not None:
            stack.enter_context(locked_state_dir(target.state_dir))
        cloud, stream = target.cloud, None
        if cloud is None:
            stream = await stack.enter_async_context(open_local_cloud())
            cloud = stream.config
        return await Fleet(plan, target, cloud, stream, clock).run(show, stop)


class Fleet:
    """A race in progress. Call `run` once."""

    def __init__(
        self,
        plan: Plan,
        target: FleetTarget,
        cloud: CloudConfig,
        stream: Stream | None,
        clock: GatewayClock,
    ) -> None:
        self._plan = plan
        self._target = target
        self._cloud = cloud
        self._clock = clock
        self._random = Random(plan.options.seed)
        self._meter = Meter()
        self._stations: list[Station] = []
        self._racers: list[FleetRacer] = []
        self._race_ids: set[int] = set()
        self._course: Course | None = None
        self._start_ns = clock.monotonic_ns()
        self._usage = Usage()
        self._reporter = FleetReporter(plan, target.name, self._meter, stream, clock)

    async def run(self, show: Callable[[Scene], None], stop: asyncio.Event) -> Summary:
        """Run until everything is acknowledged or `stop` is set; then close everything."""
        stopping = asyncio.create_task(stop.wait())
        showing = asyncio.create_task(self._show(show))
        racing = asyncio.create_task(self._connect_and_race())
        try:
            await asyncio.wait((racing, stopping, showing), return_when=asyncio.FIRST_COMPLETED)
            if showing.done():  # only after an error
                showing.result()
            await _end(racing)
            await self._arrive(HURRY_S if stop.is_set() else ARRIVAL_TIMEOUT_S)
            await _end(showing)
            show(await self._scene())
            set_aside = sum(station.set_aside for station in self._stations)
            return await self._reporter.summary(
                self._racers, self._usage, set_aside, interrupted=stop.is_set()
            )
        finally:
            gc.unfreeze()
            for task in (stopping, showing, racing):
                task.cancel()
            await asyncio.gather(*(station.stop() for station in self._stations))

    async def _connect_and_race(self) -> None:
        await self._connect()
        self._line_up()
        # These objects live until the end; the garbage collector would take 0.1 s to scan them all.
        gc.freeze()
        assert self._course is not None
        self._usage = Usage()
        await self._course.run()

    async def _connect(self) -> None:
        began_ns = self._clock.monotonic_ns()
        for number in range(self._plan.connections):
            await self._clock.sleep_until(began_ns + number * NS_PER_S // CONNECTS_PER_S)
            station = await self._open_station(self._thing_name(number))
            station.start()
            self._stations.append(station)
            if self._is_hopeless:
                break
        with suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                while self._are_more_to_come:  # noqa: ASYNC110 many
                    await asyncio.sleep(LOOK_EVERY_S)
        if self._meter.connected == self._plan.connections:
            return
        since_s = (self._clock.monotonic_ns() - began_ns) / NS_PER_S
        test = f"; `{self._target.check}` tests a single one" if self._target.check else ""
        raise FleetError(
            f"{self._plan.connections - self._meter.connected} of {self._plan.connections} "
            f"connections to {self._cloud.endpoint} are not up after {since_s:.0f} s: "
            f"{self._meter.reason or 'no answer'}{test}"
        )

    @property
    def _are_more_to_come(self) -> bool:
        return self._meter.connected < self._plan.connections and not self._is_hopeless

    @property
    def _is_hopeless(self) -> bool:
        """Whether connections have failed and none is up: the rest would fail for that reason."""
        return self._meter.connected == 0 and self._meter.reason != ""

    async def _open_station(self, thing_name: str) -> Station:
        state_dir = self._target.state_dir
        buffer = (
            memory_buffer(self._clock)
            if state_dir is None
            else await open_file_buffer(state_dir, thing_name, self._clock)
        )
        uplink = IotCore(self._cloud, thing_name)
        return Station(
            buffer,
            MeteredUplink(uplink, self._meter, self._clock, self._race_ids),
            self._clock,
            self._random,
            self._cloud.publish_rate_per_s,
            with_file=state_dir is not None,
        )

    def _line_up(self) -> None:
        """Create racers and races; the races start on a whole second."""
        self._clock.reanchor()
        now_ms = self._clock.wall_ms_at(self._clock.monotonic_ns())
        races = self._plan.races_from((now_ms // 1000 + 1 + COUNTDOWN_S) * 1000)
        self._race_ids.update(race.race_id for race in races)
        self._start_ns = self._clock.monotonic_ns_at(races[0].start_ms)
        self._racers += [
            FleetRacer(one, self._thing_name(one.connection), races[one.race])
            for one in self._plan.assignments()
        ]
        self._course = Course(self._racers, self._clock, self._send)

    def _send(self, racer: FleetRacer, telemetry: Telemetry) -> None:
        self._meter.produced += 1
        self._stations[racer.assignment.connection].send(telemetry)

    def _thing_name(self, connection: int) -> str:
        return f"{self._target.thing_prefix}{connection + 1}"

    async def _arrive(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while any(station.waiting for station in self._stations):  # noqa: ASYNC110 many
                    await asyncio.sleep(LOOK_EVERY_S)

    async def _show(self, show: Callable[[Scene], None]) -> None:
        while True:
            show(await self._scene())
            since_ns = (self._clock.monotonic_ns() - self._start_ns - SHOW_AT_NS) % NS_PER_S
            await self._clock.sleep_until(self._clock.monotonic_ns() - since_ns + NS_PER_S)

    async def _scene(self) -> Scene:
        moment = RaceMoment(RaceStage.CONNECTING)
        if self._course is not None:
            since_start_ns = self._clock.monotonic_ns() - self._start_ns
            moment = RaceMoment.at(since_start_ns, self._plan.options.race_s)
        return await self._reporter.scene(moment, self._racers, self._stations)


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel the task if it still runs; raise its error if it has failed."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
