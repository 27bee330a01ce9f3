"""What a session may do with a bike that is raced on, and when that shows in the telemetry."""

import errno
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers import Reading
from gateway.calibrating.leases import CalibrationLeases, change_files
from gateway.calibrating.messages import Change, Done, Reset, Rollback, Save, TryOut, Undo
from gateway.calibrating.state import CalibrationError, Origin
from gateway.sampling import calibration_store
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.calibration_record import CapturedPoint
from gateway.sampling.calibration_store import CalibrationStore
from gateway.telemetry.message import Telemetry
from tests.support.calibrations import record
from tests.support.files import full_disk
from tests.support.gateways import VirtualGateway, config

RACE_START_MS = 5_400_763 * 300_000
#: What a Peloton says is some hundred: with this it is hardly a percent. And it turns half as fast.
LOW = record(points=(CapturedPoint(0, 0, 1, 20), CapturedPoint(1, 2000, 1, 20)), cadence_scale=0.5)


class CountingListener:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.readings = 0

    def heard(self, reading: Reading) -> None:
        self.readings += 1

    def link_changed(self) -> None: ...


@pytest.fixture
async def virtual(tmp_path: Path) -> AsyncIterator[VirtualGateway]:
    virtual = VirtualGateway(config(tmp_path, [{"wire": "peloton"}] * 2), RACE_START_MS)
    await virtual.start()
    virtual.uplink.connect()
    await virtual.run_for(10)
    yield virtual
    await virtual.stop()


@pytest.fixture
def leases(virtual: VirtualGateway) -> CalibrationLeases:
    return virtual.gateway.leases


async def next_seconds(virtual: VirtualGateway, bike_id: str = "bike-1") -> list[Telemetry]:
    """The next two, without the one that is running."""
    await virtual.run_for(3.2)
    return [one for one in virtual.delivered if one.bike_id == bike_id][-2:]


def is_low(message: Telemetry) -> bool:
    return (
        message.resistance <= 1
        and message.cadence < 60
        and message.resistance_source is ResistanceSource.CALIBRATED
    )


def is_as_said(message: Telemetry) -> bool:
    return (
        message.resistance > 5
        and message.cadence > 60
        and message.resistance_source is ResistanceSource.DEVICE
    )


@pytest.mark.slow
async def test_a_trial_shows_in_the_race_at_once_and_so_does_its_end(
    virtual: VirtualGateway, leases: CalibrationLeases
) -> None:
    lease = await leases.take("bike-1", CountingListener())
    assert all(map(is_as_said, await next_seconds(virtual)))
    await lease.carry_out(TryOut(LOW))
    assert all(map(is_low, await next_seconds(virtual)))
    assert all(map(is_as_said, await next_seconds(virtual, "bike-2")))
    await lease.carry_out(Undo())
    assert all(map(is_as_said, await next_seconds(virtual)))
    await lease.carry_out(TryOut(LOW))
    await next_seconds(virtual)
    lease.leave()
    assert all(map(is_as_said, await next_seconds(virtual)))


async def test_saved_calibration_shows_in_the_race_at_once_and_stays(
    virtual: VirtualGateway, leases: CalibrationLeases
) -> None:
    lease = await leases.take("bike-1", CountingListener())
    await lease.carry_out(Save(LOW))
    lease.leave()
    assert all(map(is_low, await next_seconds(virtual)))
    lease = await leases.take("bike-1", CountingListener())
    await lease.carry_out(TryOut(None))
    assert all(map(is_as_said, await next_seconds(virtual)))
    lease.leave()
    assert all(map(is_low, await next_seconds(virtual)))


async def test_lease_that_was_left_hears_and_changes_nothing(
    virtual: VirtualGateway, leases: CalibrationLeases
) -> None:
    listener = CountingListener()
    lease = await leases.take("bike-1", listener)
    await virtual.run_for(2)
    heard = listener.readings
    assert heard >= 19
    lease.leave()
    other = await leases.take("bike-1", CountingListener())
    await other.carry_out(TryOut(LOW))
    lease.leave()
    await virtual.run_for(2)
    assert listener.readings == heard
    assert other.state.origin is Origin.TRIAL


async def test_lease_is_one_live_session_a_bike_and_any_number_who_look(
    leases: CalibrationLeases,
) -> None:
    lease = await leases.take("bike-1", CountingListener())
    with pytest.raises(CalibrationError, match="in another session"):
        await leases.take("bike-1", CountingListener())
    await leases.take("bike-2", CountingListener())
    looking = await leases.take("bike-1", None)
    with pytest.raises(CalibrationError, match="in another session"):
        await looking.carry_out(Save(record()))
    lease.leave()
    await looking.carry_out(Save(record()))
    assert looking.state.record == record()


async def test_a_disk_that_cannot_be_read_takes_no_lease(
    leases: CalibrationLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    leases.store.directory.mkdir(exist_ok=True)
    monkeypatch.setattr(calibration_store, "read_file", failing)
    with pytest.raises(CalibrationError, match="calibration: Input/output error"):
        await leases.take("bike-1", CountingListener())
    monkeypatch.undo()
    await leases.take("bike-1", CountingListener())


OLD, NEW = record(), record(made_by="alleycat-gateway 9.9.9")


@pytest.fixture
def store(tmp_path: Path) -> CalibrationStore:
    store = CalibrationStore(tmp_path)
    store.save(OLD)
    return store


def change(store: CalibrationStore, one: Change) -> Done:
    return change_files(one, "bike-1", "fake seed 1", store)


def test_saved_file_is_named(store: CalibrationStore) -> None:
    assert change(store, Save(NEW)) == Done(str(store.directory / "bike-1.json"), NEW)
    assert (store.load("bike-1"), store.backups("bike-1")) == (NEW, {1: OLD})


def test_rollback_gives_the_record(store: CalibrationStore) -> None:
    store.save(NEW)
    assert change(store, Rollback(1)) == Done(record=OLD)
    assert store.load("bike-1") == OLD


def test_a_reset_leaves_a_backup(store: CalibrationStore) -> None:
    assert change(store, Reset()) == Done()
    assert (store.load("bike-1"), store.backups("bike-1")) == (None, {1: OLD})


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (Save(record(bike_id="bike-2")), "for bike-2 on fake seed 1; expected bike-1 on fake seed"),
        (Save(record(device="ble X")), "for bike-1 on ble X; expected bike-1 on fake seed 1"),
        (Rollback(1), "bike-1 has no backup 1"),
        (Rollback(-1), "bike-1 has no backup -1"),
    ],
)
def test_refused_change_changes_nothing(store: CalibrationStore, refused: Change, why: str) -> None:
    with pytest.raises(CalibrationError, match=why):
        change(store, refused)
    assert (store.load("bike-1"), store.backups("bike-1")) == (OLD, {})


def test_failing_disk_is_an_error_with_the_place(store: CalibrationStore) -> None:
    with full_disk(), pytest.raises(CalibrationError, match=f"{store.directory}: No space left"):
        change(store, Save(NEW))
    assert store.load("bike-1") == OLD
