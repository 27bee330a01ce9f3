"""What every CalibrationSession does: with a bike that a daemon races on, and with nobody's."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from drivers import Reading
from drivers.contract import TableOrigin
from drivers.registry import load_drivers
from gateway.bike.link import LinkState
from gateway.calibrating.local import LocalSession
from gateway.calibrating.messages import FILE_NAME
from gateway.calibrating.remote import DaemonSession
from gateway.calibrating.server import serve_calibration
from gateway.calibrating.session import CalibrationSession, SavedCalibrations
from gateway.calibrating.state import CalibrationError, LinkStatus, Origin
from gateway.config.schema import Config
from gateway.sampling.calibration import AS_SAID
from gateway.sampling.calibration_record import CalibrationRecord
from gateway.sampling.calibration_store import CalibrationStore
from tests.support.calibrations import record
from tests.support.files import full_disk
from tests.support.gateways import VirtualGateway, config
from tests.support.virtual_clock import VirtualClock

START_MS = 1_700_000_100_000
ONE = record()
OTHER = record(
    made_at=ONE.made_at + timedelta(hours=1), points=ONE.points[:3], cadence_scale=0.5, rate_hz=10.0
)

DRIVERS = load_drivers()


class Rig:
    """A fake bike, its files, and two ways to it: `session` and `saved` open one each."""

    session: Callable[[], AbstractAsyncContextManager[CalibrationSession]]
    saved: Callable[[], AbstractAsyncContextManager[SavedCalibrations]]
    run_for: Callable[[float], Any]

    def __init__(self, settings: Config) -> None:
        self.settings = settings
        self.store = CalibrationStore(settings.state_dir)


async def own_rig(settings: Config) -> AsyncIterator[Rig]:
    rig = Rig(settings)
    bike = settings.bikes[0]
    clock = VirtualClock(START_MS)
    local = partial(LocalSession, bike, DRIVERS[bike.driver], settings.state_dir, clock)
    rig.session = local
    rig.saved = partial(local, is_live=False)
    rig.run_for = clock.run_for
    yield rig


async def daemon_rig(settings: Config) -> AsyncIterator[Rig]:
    rig = Rig(settings)
    virtual = VirtualGateway(settings, START_MS)
    gateway = virtual.gateway
    socket = settings.state_dir / FILE_NAME
    rig.session = lambda: DaemonSession(socket, "bike-1")
    rig.saved = lambda: DaemonSession(socket, "bike-1", is_live=False)
    rig.run_for = virtual.run_for
    async with serve_calibration(
        settings.state_dir, gateway.leases, gateway.observer, virtual.clock
    ):
        await virtual.start()
        yield rig
        await virtual.stop()


@pytest.fixture
def options() -> dict[str, Any]:
    """Of the fake bike."""
    return {"wire": "peloton"}


@pytest.fixture(params=[own_rig, daemon_rig], ids=["own", "daemon"])
async def rig(request: pytest.FixtureRequest, options: dict[str, Any]) -> AsyncIterator[Rig]:
    with TemporaryDirectory(prefix="alleycat-") as directory:  # a socket's path is short
        async for rig in request.param(config(Path(directory), [options])):
            yield rig


async def listen(
    rig: Rig, session: CalibrationSession, seconds: float
) -> list[Reading | LinkStatus]:
    """What is heard in so much time."""
    heard: list[Reading | LinkStatus] = []

    async def hear() -> None:
        async for news in session.news():
            heard.append(news)  # noqa: PERF401 what was heard stays when this is cancelled

    hearing = asyncio.create_task(hear())
    await rig.run_for(seconds)
    hearing.cancel()
    with suppress(asyncio.CancelledError):
        await hearing
    return heard


def saved(rig: Rig) -> CalibrationRecord | None:
    return rig.store.load("bike-1")


async def test_session_state_names_bike_device_calibration_and_table(rig: Rig) -> None:
    async with rig.session() as session:
        await rig.run_for(1)
        state = session.state
    assert (state.bike_id, state.device) == ("bike-1", "fake seed 1")
    assert (state.in_use, state.origin, state.record) == (AS_SAID, Origin.BIKE, None)
    assert (state.problem, state.backups) == ("", {})
    assert state.resistance_table is not None
    assert state.resistance_table.origin is TableOrigin.BIKE
    assert len(state.resistance_table.points) == 31


async def test_session_news_have_every_reading_of_the_bike(rig: Rig) -> None:
    async with rig.session() as session:
        await rig.run_for(1)
        link, *readings = await listen(rig, session, 3)
    assert link == LinkStatus(LinkState.CONNECTED)
    assert len(readings) >= 28, "a Peloton answers ten times a second"
    heard = [one for one in readings if isinstance(one, Reading)]
    assert [one.at_ns for one in heard] == sorted(one.at_ns for one in heard)
    assert any(one.resistance_raw for one in heard)
    assert any(one.cadence_rpm for one in heard)
    assert heard[-1].source == "fake"


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"wire": "peloton", "faults": {"disconnect_at_s": 2, "disconnect_for_s": 4}}]
)
async def test_session_news_tell_a_lost_link_with_its_reason_and_its_return(rig: Rig) -> None:
    async with rig.session() as session:
        heard = await listen(rig, session, 60)
        assert session.link == LinkStatus(LinkState.CONNECTED)
    links = [one for one in heard if isinstance(one, LinkStatus)]
    connected = LinkStatus(LinkState.CONNECTED)
    lost = LinkStatus(LinkState.LOST, "the fake bike dropped the link for 4 s")
    after = links[links.index(connected) :]
    assert after == [connected, lost, connected]
    assert isinstance(heard[-1], Reading)


async def test_trial_is_in_use_until_it_is_undone(rig: Rig) -> None:
    async with rig.session() as session:
        await session.try_out(ONE)
        assert session.state.origin is Origin.TRIAL
        assert session.state.in_use.table is not None
        assert session.state.in_use.table.percent_at(803) == 50
        await session.try_out(OTHER)
        assert session.state.in_use.cadence_scale == 0.5
        await session.undo()
        assert (session.state.in_use, session.state.origin) == (AS_SAID, Origin.BIKE)
    assert saved(rig) is None


async def test_trial_of_none_is_the_bikes_own_numbers(rig: Rig) -> None:
    async with rig.session() as session:
        await session.save(ONE)
        await session.try_out(None)
        assert (session.state.in_use, session.state.origin) == (AS_SAID, Origin.TRIAL)
        assert session.state.record == ONE
        await session.undo()
        assert session.state.origin is Origin.SAVED


async def test_undo_without_a_trial_changes_nothing(rig: Rig) -> None:
    async with rig.session() as session:
        await session.undo()
        assert session.state.origin is Origin.BIKE


async def test_trial_ends_with_its_session(rig: Rig) -> None:
    async with rig.session() as session:
        await session.try_out(ONE)
    await rig.run_for(1)
    async with rig.session() as session:
        assert session.state.origin is Origin.BIKE
    assert saved(rig) is None


async def test_save_is_on_disk_and_in_use_when_it_returns(rig: Rig) -> None:
    async with rig.session() as session:
        await session.try_out(OTHER)
        file = await session.save(ONE)
        assert saved(rig) == ONE
        assert file == rig.store.directory / "bike-1.json"
        state = session.state
    assert (state.record, state.origin) == (ONE, Origin.SAVED)
    assert state.in_use.table is not None
    assert state.in_use.table.points == ((164, 0), (511, 25), (803, 50), (914, 75), (967, 100))
    await rig.run_for(1)
    async with rig.session() as session:
        assert session.state.record == ONE


async def test_rollback_brings_the_last_backup_back(rig: Rig) -> None:
    async with rig.session() as session:
        await session.save(ONE)
        await session.save(OTHER)
        assert session.state.backups == {1: ONE}
        await session.try_out(None)
        assert await session.rollback() == ONE
        assert session.state.backups == {1: OTHER, 2: ONE}
        assert (session.state.record, session.state.origin) == (ONE, Origin.SAVED)
        assert saved(rig) == ONE


async def test_rollback_to_a_missing_backup_changes_nothing(rig: Rig) -> None:
    async with rig.session() as session:
        await session.save(ONE)
        await session.try_out(OTHER)
        with pytest.raises(CalibrationError, match="bike-1 has no backup 3; it has none"):
            await session.rollback(3)
        assert session.state.origin is Origin.TRIAL
        assert saved(rig) == ONE


async def test_reset_leaves_a_backup_that_rollback_brings_back(rig: Rig) -> None:
    async with rig.session() as session:
        await session.save(ONE)
        await session.reset()
        assert (session.state.record, session.state.origin) == (None, Origin.BIKE)
        assert saved(rig) is None
        assert await session.rollback() == ONE
        assert saved(rig) == ONE


@pytest.mark.parametrize(
    "of_another", [replace(ONE, bike_id="bike-2"), replace(ONE, device="serial /dev/ttyUSB0")]
)
async def test_save_refuses_a_calibration_of_another_bike(
    rig: Rig, of_another: CalibrationRecord
) -> None:
    async with rig.session() as session:
        with pytest.raises(CalibrationError, match="expected bike-1 on fake seed 1"):
            await session.save(of_another)
        assert session.state.origin is Origin.BIKE
    assert not rig.store.directory.exists()


async def test_failed_save_leaves_the_old_calibration_in_use(rig: Rig) -> None:
    async with rig.session() as session:
        await session.save(ONE)
        with full_disk(), pytest.raises(CalibrationError, match="/calibration: No space left"):
            await session.save(OTHER)
        assert (session.state.record, session.state.origin) == (ONE, Origin.SAVED)
        assert saved(rig) == ONE
        await session.save(OTHER)
        assert saved(rig) == OTHER


async def test_saved_calibrations_change_without_the_bike(rig: Rig) -> None:
    async with rig.saved() as files:
        await files.save(ONE)
        await files.save(OTHER)
        await files.rollback()
        assert (files.state.record, files.state.backups) == (ONE, {1: OTHER, 2: ONE})
        await files.reset()
    async with rig.saved() as files:
        assert (files.state.record, files.state.backups) == (None, {1: ONE, 2: OTHER, 3: ONE})


async def test_session_news_end_with_the_session(rig: Rig) -> None:
    async with rig.session() as session:
        news = session.news()
        await anext(news)
    with pytest.raises(CalibrationError, match="the session has ended"):
        async for _ in news:
            pass
