"""Leases: the right to calibrate a bike. A bike has at most one live session."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import structlog

from gateway.bike.bike import Bike
from gateway.bike.bikes import Bikes
from gateway.bike.link import ReadingListener
from gateway.calibrating.messages import (
    Action,
    Change,
    Done,
    Reset,
    Rollback,
    Save,
    TryOut,
    Undo,
)
from gateway.calibrating.state import CalibrationError, CalibrationState, LinkStatus, state_of
from gateway.sampling.calibration import AS_SAID
from gateway.sampling.calibration_record import CalibrationRecord
from gateway.sampling.calibration_store import CalibrationStore, NoBackupError

log = structlog.get_logger()


class CalibrationLeases:
    """The bikes that can be calibrated: `take` one, and `CalibrationLease.leave` it afterwards.

    `hold_files` is entered while files change, and may raise CalibrationError.
    """

    def __init__(
        self,
        bikes: Bikes,
        store: CalibrationStore,
        hold_files: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.bikes = bikes
        self.store = store
        self.hold_files = hold_files
        #: Locked while files are read or changed.
        self.changing = asyncio.Lock()
        #: The live leases by the bike's id.
        self.taken: dict[str, CalibrationLease] = {}

    async def take(self, bike_id: str, listener: ReadingListener | None) -> "CalibrationLease":
        """Return a lease of a bike, which is live if it has a listener. Raises CalibrationError."""
        bike = self.bikes.get(bike_id)
        if bike is None:
            has = ", ".join(one.config.id for one in self.bikes)
            raise CalibrationError(
                f"the gateway has no bike {bike_id!r}; its bikes: {has}. If you have changed the "
                "config, reload it: sudo systemctl reload alleycat-gateway"
            )
        lease = CalibrationLease(self, bike, listener)
        if listener is not None:
            if bike_id in self.taken:
                raise CalibrationError(_taken(bike_id))
            self.taken[bike_id] = lease
            bike.fanout.listeners.add(listener)
            log.info("calibration started", bike=bike_id)
        try:
            async with self.changing:
                await lease.look()
        except BaseException:
            lease.leave()
            raise
        return lease


class CalibrationLease:
    """One session with one bike, from `CalibrationLeases.take` to `leave`."""

    def __init__(
        self, leases: CalibrationLeases, bike: Bike, listener: ReadingListener | None
    ) -> None:
        self._leases = leases
        self._bike = bike
        self._listener = listener
        self._device = bike.calibration.device
        self._backups: Mapping[int, CalibrationRecord] = {}

    @property
    def is_live(self) -> bool:
        return self._listener is not None

    @property
    def _bike_id(self) -> str:
        return self._bike.config.id

    @property
    def state(self) -> CalibrationState:
        bike = self._bike
        table = bike.link.resistance_table
        return state_of(self._bike_id, bike.calibration, bike.trial, self._backups, table)

    @property
    def link(self) -> LinkStatus:
        return LinkStatus(self._bike.link.state, self._bike.link.reason)

    @property
    def over(self) -> str:
        """Why this lease has ended after a reload of the config; empty while it is valid."""
        if self._leases.bikes.get(self._bike_id) is not self._bike:
            return f"{self._bike_id} was removed from the gateway's config"
        device = self._bike.calibration.device
        if device != self._device:
            return (
                f"the config now assigns {self._bike_id} to another device, {device}; "
                "start the calibration again"
            )
        return ""

    async def carry_out(self, action: Action) -> Done:
        """Carry out `action`; a change of files is on disk and in use when this returns.

        Raises CalibrationError.
        """
        match action:
            case TryOut(record):
                self._expect_valid()
                self._bike.trial = AS_SAID if record is None else record.calibration
            case Undo():
                self._bike.trial = None
            case _:
                return await self._change(action)
        return Done()

    async def _change(self, change: Change) -> Done:
        leases = self._leases
        async with leases.changing:
            self._expect_valid()
            if leases.taken.get(self._bike_id, self) is not self:
                raise CalibrationError(_taken(self._bike_id))
            done = await asyncio.to_thread(self._change_files, change)
            log.info("calibration changed", bike=self._bike_id, by=change.ask)
            leases.bikes.recalibrate(self._bike)
            self._bike.trial = None
            await self.look()
        return done

    def _change_files(self, change: Change) -> Done:
        """Change the files. This blocks."""
        with self._leases.hold_files():
            return change_files(change, self._bike_id, self._device, self._leases.store)

    async def look(self) -> None:
        """Reload the list of backups. Raises CalibrationError if it cannot be read."""
        store = self._leases.store
        try:
            self._backups = await asyncio.to_thread(store.backups, self._bike_id)
        except OSError as error:
            raise CalibrationError(f"{store.directory}: {error.strerror or error}") from error

    def leave(self) -> None:
        """End the lease: revert any trial."""
        if self._listener is None or self._leases.taken.get(self._bike_id) is not self:
            return
        del self._leases.taken[self._bike_id]
        self._bike.fanout.listeners.discard(self._listener)
        self._bike.trial = None
        log.info("calibration ended", bike=self._bike_id)

    def _expect_valid(self) -> None:
        if self.over:
            raise CalibrationError(self.over)


def _taken(bike_id: str) -> str:
    return f"{bike_id} is being calibrated in another session; end that session first"


def change_files(change: Change, bike_id: str, device: str, store: CalibrationStore) -> Done:
    """Change the files; the change is on disk when this returns. This blocks.

    Raises CalibrationError if nothing was changed.
    """
    try:
        match change:
            case Save(record):
                if (record.bike_id, record.device) != (bike_id, device):
                    raise CalibrationError(
                        f"not saved: this calibration is for {record.bike_id} on {record.device}; "
                        f"expected {bike_id} on {device}"
                    )
                return Done(str(store.save(record)), record)
            case Rollback(number):
                return Done(record=store.rollback(bike_id, number))
            case Reset():
                store.reset(bike_id)
                return Done()
    except NoBackupError as error:
        raise CalibrationError(str(error)) from None
    except OSError as error:
        why = error.strerror or error
        raise CalibrationError(f"{store.directory}: {why}: nothing was changed") from error
