"""Bikes: all bikes of a gateway and their tasks. A new config is applied while they race."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import structlog

from drivers import Driver
from gateway.bike.bike import Bike, Sink
from gateway.bike.calibration_choice import CalibrationInUse, calibration_in_use
from gateway.bike.drivers import BikeDrivers
from gateway.bike.riders import Riders
from gateway.config.schema import BikeConfig
from gateway.race.races import Races
from gateway.sampling.calibration_store import CalibrationStore
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

#: How long a driver may take to release its bike, in seconds.
LET_GO_S = 1.0

log = structlog.get_logger()


class Bikes(Collection[Bike]):
    """All bikes of a gateway: begun with `start`, changed with `apply`, ended with `stop`.

    `races_of` returns the races of a bike and its rider.
    """

    def __init__(
        self,
        thing_name: str,
        configs: Sequence[BikeConfig],
        drivers: BikeDrivers,
        riders: Riders,
        races_of: Callable[[BikeConfig], Races],
        calibrations: CalibrationStore,
        clock: GatewayClock,
    ) -> None:
        self._thing_name = thing_name
        self._drivers = drivers
        self.riders = riders
        self._races_of = races_of
        self._calibrations = calibrations
        self._clock = clock
        self._bikes = {config.id: self._make(config) for config in configs}
        #: Each bike's tasks, by its id.
        self._races: dict[str, asyncio.Task[None]] = {}
        self._links: dict[str, asyncio.Task[None]] = {}

    def __iter__(self) -> Iterator[Bike]:
        return iter(self._bikes.values())

    def __len__(self) -> int:
        return len(self._bikes)

    def __contains__(self, bike: object) -> bool:
        return bike in self._bikes.values()

    def get(self, bike_id: str) -> Bike | None:
        return self._bikes.get(bike_id)

    def start(self, tasks: asyncio.TaskGroup, sink: Sink) -> None:
        """Start all bikes. A failing race task ends the group; a failing link does not."""
        self._tasks, self._sink = tasks, sink
        for bike in self:
            self._begin(bike)

    async def stop(self) -> None:
        """Close every running second, then release every bike."""
        await cancel(self._races.values())
        await cancel(self._links.values())

    def let_go(self) -> None:
        """Cancel all links without waiting: a stuck driver must not keep the buffer open."""
        for link in self._links.values():
            link.cancel()

    def recalibrate(self, bike: Bike) -> None:
        """Apply the calibration that is saved or configured now."""
        bike.calibration = self._calibration(bike.config)

    def change_rider(self, bike_id: str) -> None:
        """Let a bike's rider ride it, if the bike is there: another one may have been chosen."""
        bike = self.get(bike_id)
        if bike is not None:
            config = self.riders.with_rider(bike.config)
            bike.reconfigure(config, self._races_of(config))

    async def apply(
        self, configs: Sequence[BikeConfig], races_of: Callable[[BikeConfig], Races]
    ) -> None:
        """Apply the differences: racers from their next race on, calibrations at once."""
        self._races_of = races_of
        wanted = {config.id: config for config in configs}
        await self._retire([bike for bike in self if bike.config.id not in wanted])
        for config in configs:
            bike = self._bikes.get(config.id)
            if bike is None:
                self._bikes[config.id] = bike = self._make(config)
                self._begin(bike)
                continue
            is_other_link = _link_of(config) != _link_of(bike.config)
            ridden = self.riders.with_rider(config)
            bike.reconfigure(ridden, races_of(ridden))
            self.recalibrate(bike)
            if is_other_link:
                await cancel([self._links[config.id]])
                bike.relink(self._driver(config))
                self._links[config.id] = asyncio.create_task(bike.link.run())

    async def _retire(self, bikes: Sequence[Bike]) -> None:
        """Remove bikes after their running second has ended."""
        if not bikes:
            return
        for bike in bikes:
            bike.riding.retire()
        await self._clock.sleep_until(self._clock.monotonic_ns() + NS_PER_S)
        ids = [bike.config.id for bike in bikes]
        await cancel([self._races.pop(bike_id) for bike_id in ids])
        await cancel([self._links.pop(bike_id) for bike_id in ids])
        for bike_id in ids:
            del self._bikes[bike_id]

    def _make(self, config: BikeConfig) -> Bike:
        config, joins = self.riders.with_rider(config), self.riders.joined.of(config.id)
        bike = Bike(
            config,
            self._calibration(config),
            self._thing_name,
            self._driver(config),
            self._races_of(config),
            joins,
            self._clock,
        )
        for ride in joins.kept:
            if ride.racer is not None:
                bike.riding.resume(ride, ride.racer, self._races_of(config.ridden_by(ride.racer)))
        return bike

    def _calibration(self, config: BikeConfig) -> CalibrationInUse:
        device = self._drivers.device_of(config)
        found = calibration_in_use(config, device, self._calibrations)
        if found.problem:
            reason = found.problem.removeprefix("not used: ")
            log.warning("calibration not used", bike=config.id, reason=reason)
        return found

    def _driver(self, config: BikeConfig) -> Driver:
        return self._drivers.make(config)

    def _begin(self, bike: Bike) -> None:
        self._races[bike.config.id] = self._tasks.create_task(bike.race(self._sink))
        # The link is not in the group, so that the group does not wait for it; see `let_go`.
        self._links[bike.config.id] = asyncio.create_task(bike.link.run())


def _link_of(config: BikeConfig) -> tuple[object, ...]:
    """Return the part of the config that a link depends on."""
    return config.driver, config.options, config.stale_after_s


async def cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for them, at most LET_GO_S."""
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    if waiting:
        await asyncio.wait(waiting, timeout=LET_GO_S)
