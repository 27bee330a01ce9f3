"""LocalSession: a session of this process with a bike, for when no daemon runs."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from drivers import Reading
from drivers.registry import DriverStatus
from gateway.bike.bikes import Bikes
from gateway.bike.drivers import BikeDrivers
from gateway.bike.riders import Riders
from gateway.calibrating.leases import CalibrationLeases
from gateway.calibrating.messages import Action, Done
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import CalibrationError, CalibrationState, LinkStatus
from gateway.config.schema import BikeConfig
from gateway.host.state_dir import StateDirError, as_owner_of, locked_state_dir
from gateway.host.state_file import StateFiles
from gateway.race.commanded import BikeRaces
from gateway.sampling.calibration_store import CalibrationStore
from gateway.timing.clock import GatewayClock


class LocalSession(CalibrationSession):
    """A CalibrationSession in which this process opens the bike; no race runs on it.

    `driver` is the bike's. Without `is_live` the bike is not connected, and only the methods of
    SavedCalibrations can be used. The state_dir is locked while files change, so that no daemon
    starts that would not notice the change.
    """

    def __init__(
        self,
        bike: BikeConfig,
        driver: DriverStatus,
        state_dir: Path,
        clock: GatewayClock,
        *,
        is_live: bool = True,
    ) -> None:
        super().__init__()
        self._bike_id = bike.id
        self._is_live = is_live
        store = CalibrationStore(state_dir)
        files = StateFiles(state_dir)
        drivers = BikeDrivers({bike.driver: driver}, files, clock)
        self._bikes = Bikes(
            "",
            [bike],
            drivers,
            Riders([bike], [], files),
            lambda _: BikeRaces(),
            store,
            clock,
        )
        self._leases = CalibrationLeases(self._bikes, store, lambda: _locked(state_dir))

    async def __aenter__(self) -> Self:
        self._lease = await self._leases.take(self._bike_id, self if self._is_live else None)
        self._connecting = asyncio.create_task(self._connect())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connecting.cancel()
        await asyncio.wait([self._connecting])
        self._lease.leave()
        self._news.end("the session has ended")

    @property
    def state(self) -> CalibrationState:
        return self._lease.state

    @property
    def link(self) -> LinkStatus:
        return self._lease.link

    async def carry_out(self, action: Action) -> Done:
        return await self._lease.carry_out(action)

    def heard(self, reading: Reading) -> None:
        self._news.tell(reading)

    def link_changed(self) -> None:
        self._news.tell(self.link)

    async def _connect(self) -> None:
        if self._is_live:
            for bike in self._bikes:
                await bike.link.run()


@contextmanager
def _locked(state_dir: Path) -> Iterator[None]:
    try:
        with as_owner_of(state_dir), locked_state_dir(state_dir):
            yield
    except StateDirError as error:
        raise CalibrationError(str(error)) from error
