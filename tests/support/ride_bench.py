"""A whole gateway in virtual time whose riders are chosen, and join and leave races."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.config.riders import RiderConfig
from gateway.config.schema import Config
from gateway.daemon import races_of
from gateway.riding.requests import ChooseRider, JoinRace, LeaveRace, RideAnswer
from gateway.telemetry.message import Telemetry
from tests.support.gateways import VirtualGateway, config
from tests.support.scripted_bike import scripted_drivers
from tests.support.virtual_clock import VirtualClock

LENGTH_S = 20
RACE = 81_011_445
START_MS = RACE * LENGTH_S * 1000
#: Who may be chosen for any bike.
RIDERS = [
    RiderConfig(racer_id=8, racer_name="Ada", class_ids=[1]),
    RiderConfig(racer_id=9, racer_name="Grace", class_ids=[3, 1]),
]


class RideBench:
    """Bikes whose own riders are 1, 2, … of class 1; their races of 20 s begin at `START_MS`.

    `cadence_rpm` is the script of all bikes. The clock of an earlier bench continues its time.
    """

    def __init__(
        self,
        state_dir: Path,
        cadence_rpm: Sequence[float | None],
        *,
        bikes: int = 1,
        riders: Sequence[RiderConfig] = RIDERS,
        clock: VirtualClock | None = None,
        **race: Any,
    ) -> None:
        self.clock = clock or VirtualClock(START_MS)
        start_ns = self.clock.monotonic_ns_at(START_MS)
        options = {"start_ns": start_ns, "cadence_rpm": list(cadence_rpm)}
        fields = {"length_s": LENGTH_S, "join": "pedalling", "per_class": True, **race}
        settings = config(state_dir, [{}] * bikes, fields)
        scripted = [
            bike.model_copy(update={"driver": "scripted", "options": options})
            for bike in settings.bikes
        ]
        self.settings = settings.model_copy(update={"bikes": scripted, "riders": list(riders)})
        self.virtual = VirtualGateway(
            self.settings, START_MS, drivers=scripted_drivers(), clock=self.clock
        )

    async def start(self) -> "RideBench":
        await self.virtual.start()
        self.virtual.uplink.connect()
        await self.clock.settle()
        return self

    async def choose(
        self, racer_id: int, class_id: int | None = None, bike_id: str = "bike-1"
    ) -> RideAnswer:
        return await self.virtual.gateway.desk.handle(ChooseRider(bike_id, racer_id, class_id))

    async def join(self, bike_id: str = "bike-1") -> RideAnswer:
        return await self.virtual.gateway.desk.handle(JoinRace(bike_id))

    async def leave(self, bike_id: str = "bike-1") -> RideAnswer:
        return await self.virtual.gateway.desk.handle(LeaveRace(bike_id))

    async def run_for(self, seconds: float) -> None:
        await self.virtual.run_for(seconds)

    async def reload(self, changed: Config) -> None:
        """Apply a config, as SIGHUP does, and let two seconds pass."""
        gateway = self.virtual.gateway
        applying = asyncio.create_task(gateway.apply(changed, races_of(changed, None)))
        await self.run_for(2)
        await applying

    async def kill(self) -> None:
        """End it as SIGKILL does, once a join by the pedals is on disk."""
        await self.virtual.gateway.riders.joined.save()
        await self.virtual.kill()

    async def stop(self) -> None:
        await self.virtual.stop()

    @property
    def delivered(self) -> list[Telemetry]:
        return self.virtual.delivered

    def ridden(self, bike_id: str = "bike-1") -> list[tuple[int, int, int, str]]:
        """Return race (from 0), racer, second and event of each message of a bike."""
        return [
            (one.race_id // 10 - RACE, one.racer_id, one.second, one.event)
            for one in self.delivered
            if one.bike_id == bike_id
        ]
