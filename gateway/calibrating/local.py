"""OwnDesk, OwnBike: a bike that no daemon holds is calibrated by the process that wants it."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from drivers import Reading
from drivers.registry import DriverStatus, make_driver
from gateway.bike.calibration_choice import calibration_in_use, device_of
from gateway.bike.link import BikeLink
from gateway.calibrating.leases import carry_out
from gateway.calibrating.messages import Change, Done, Reset, Rollback, Save
from gateway.calibrating.session import (
    CalibrationError,
    CalibrationNews,
    CalibrationState,
    Link,
    state_of,
)
from gateway.config.schema import BikeConfig
from gateway.host.state_dir import StateDirError, as_owner_of, locked_state_dir
from gateway.sampling.calibration import AS_SAID, Calibration
from gateway.sampling.calibration_record import CalibrationRecord
from gateway.sampling.calibration_store import CalibrationStore
from gateway.timing.clock import Clock


class OwnDesk:
    """A CalibrationDesk: the files alone.

    They change while the state_dir is held against a daemon, which would know nothing of it.
    """

    def __init__(self, bike: BikeConfig, driver: DriverStatus, state_dir: Path) -> None:
        """`driver`: the bike's. Raises CalibrationError if the files cannot be read."""
        self._bike = bike
        self._state_dir = state_dir
        self._device = device_of(bike, driver)
        self._store = CalibrationStore(state_dir)
        self._trial: Calibration | None = None
        self._look()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    @property
    def state(self) -> CalibrationState:
        return state_of(self._bike.id, self._found, self._trial, self._backups, None)

    async def save(self, record: CalibrationRecord) -> Path:
        file = self._change(Save(record)).file
        assert file is not None
        return Path(file)

    async def rollback(self, number: int = 1) -> CalibrationRecord:
        record = self._change(Rollback(number)).record
        assert record is not None
        return record

    async def reset(self) -> None:
        self._change(Reset())

    def _change(self, change: Change) -> Done:
        try:
            with as_owner_of(self._state_dir), locked_state_dir(self._state_dir):
                done = carry_out(change, self._bike.id, self._device, self._store)
        except StateDirError as error:
            raise CalibrationError(str(error)) from error
        self._trial = None
        self._look()
        return done

    def _look(self) -> None:
        """What the files say now."""
        self._found = calibration_in_use(self._bike, self._device, self._store)
        try:
            self._backups = self._store.backups(self._bike.id)
        except OSError as error:
            raise CalibrationError(f"{error.filename}: {error.strerror}") from error


class OwnBike(OwnDesk):
    """A CalibrationSession: the bike besides. Nobody races on it meanwhile."""

    def __init__(
        self, bike: BikeConfig, driver: DriverStatus, state_dir: Path, clock: Clock
    ) -> None:
        super().__init__(bike, driver, state_dir)
        self._news = CalibrationNews(lambda: self.link)
        self._link = BikeLink(
            bike.id,
            make_driver(driver, bike.options, clock),
            _Ear(self._news),
            clock,
            Random(bike.id),
            stale_after_s=bike.stale_after_s,
            on_change=lambda: self._news.tell(self.link),
        )

    async def __aenter__(self) -> Self:
        self._linking = asyncio.create_task(self._link.run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._linking.cancel()
        await asyncio.wait([self._linking])
        self._news.end("the session is over")

    @property
    def state(self) -> CalibrationState:
        return replace(super().state, resistance_table=self._link.resistance_table)

    @property
    def link(self) -> Link:
        return Link(self._link.state, self._link.reason)

    def news(self) -> AsyncGenerator[Reading | Link, None]:
        return self._news.listen()

    async def try_out(self, record: CalibrationRecord | None) -> None:
        self._trial = AS_SAID if record is None else record.calibration

    async def undo(self) -> None:
        self._trial = None


class _Ear:
    """A ReadingSink who passes Readings on."""

    def __init__(self, news: CalibrationNews) -> None:
        self._news = news

    def connected(self, at_ns: int, stale_after_s: float) -> None: ...

    def add(self, reading: Reading) -> None:
        self._news.tell(reading)

    def disconnected(self) -> None: ...
