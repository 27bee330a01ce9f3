"""What every driver of a real interface promises; with `--bike` against a real bike, too."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from drivers import BikeLost, Driver, Frame, FrameSource, Reading
from drivers.clock import MachineClock
from drivers.protocols import PROTOCOLS
from drivers.registry import load_drivers, make_driver
from tests.support.bluez import DBusDaemon
from tests.support.bluez.running import open_bluez
from tests.support.clock import FastClock
from tests.support.live_bikes import FAKES, LiveBike

pytestmark = pytest.mark.slow

ENOUGH = 5


def hardware(named: str) -> LiveBike:
    async def come_back() -> None: ...

    if re.fullmatch("([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", named):
        return LiveBike("ble", {"address": named}, lambda: None, come_back)
    port, _, protocol = named.rpartition(":")
    if not port:
        raise pytest.UsageError(f"--bike={named}: expected its protocol too, as in {named}:peloton")
    return LiveBike("serial", {"port": port, "protocol": protocol}, lambda: None, come_back)


@pytest.fixture(params=[*FAKES, "hardware"])
async def bike(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    dbus_daemon: DBusDaemon,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[LiveBike]:
    if request.param == "hardware":
        named = request.config.getoption("--bike")
        if named is None:
            pytest.skip("no bike was given: --bike=<Bluetooth address, or port:protocol>")
        yield hardware(named)
        return
    async with (
        open_bluez(dbus_daemon, monkeypatch) as bluez,
        FAKES[request.param](tmp_path, bluez) as fake,
    ):
        yield fake


@pytest.fixture
def fake(bike: LiveBike, request: pytest.FixtureRequest) -> LiveBike:
    """One that can be made to vanish."""
    if "hardware" in request.node.name:
        pytest.skip("nobody is there to pull the plug of a real bike")
    return bike


@pytest.fixture
def driver(bike: LiveBike) -> Driver:
    return make_driver(load_drivers()[bike.driver], bike.options, MachineClock())


@pytest.fixture
def hasty_driver(fake: LiveBike) -> Driver:
    """One that soon gives up."""
    return make_driver(load_drivers()[fake.driver], fake.options, FastClock(15))


async def hear(readings: AsyncIterator[Reading], count: int = ENOUGH) -> list[Reading]:
    async with asyncio.timeout(30):
        return [await anext(readings) for _ in range(count)]


async def hear_to_the_end(readings: AsyncIterator[Reading]) -> None:
    async with asyncio.timeout(30):
        async for _ in readings:
            pass


async def test_live_readings_come_in_order_with_a_value_and_a_source(driver: Driver) -> None:
    clock = MachineClock()
    before_ns = clock.monotonic_ns()
    async with driver.open_bike() as readings:
        heard = await hear(readings)
    instants_ns = [one.at_ns for one in heard]
    assert before_ns <= instants_ns[0]
    assert instants_ns == sorted(instants_ns)
    assert instants_ns[-1] <= clock.monotonic_ns()
    assert all(one.said().keys() - {"source"} and one.source for one in heard)


async def test_live_driver_has_a_staleness_limit(driver: Driver) -> None:
    async with driver.open_bike():
        assert 0 < driver.stale_after_s <= 60


async def test_live_driver_shows_the_frames_behind_its_readings(driver: Driver) -> None:
    shown: list[tuple[str, Frame]] = []
    assert isinstance(driver, FrameSource)
    async with driver.open_bike(lambda *frame: shown.append(frame)) as readings:
        heard = await hear(readings)
    decoder = PROTOCOLS[shown[0][0]]()
    decoded = [one for name, frame in shown if name == shown[0][0] for one in decoder.feed(frame)]
    assert [one.at_ns for one in heard] == [one.at_ns for one in decoded[: len(heard)]]


async def test_live_protocol_reports_its_resistance_in_the_way_that_it_claims(
    driver: Driver,
) -> None:
    shown: list[tuple[str, Frame]] = []
    assert isinstance(driver, FrameSource)
    async with driver.open_bike(lambda *frame: shown.append(frame)) as readings:
        await hear(readings, 10)
    decoder = PROTOCOLS[shown[0][0]]()
    decoded = [one for name, frame in shown if name == shown[0][0] for one in decoder.feed(frame)]
    if decoder.reports_own_number:
        assert any(one.resistance_raw is not None for one in decoded)
        assert all(one.resistance_percent is None for one in decoded)
    elif shown[0][0] not in ("ftms", "cross_trainer"):  # some of these do, others report none
        assert all(one.resistance_raw is None or one.resistance_percent for one in decoded)


async def test_live_bike_is_released_and_can_be_opened_again(driver: Driver) -> None:
    for _ in range(3):
        async with driver.open_bike() as readings:
            await hear(readings, 1)
        with pytest.raises(StopAsyncIteration):
            await anext(readings)


async def test_live_bike_is_released_after_an_exception(driver: Driver) -> None:
    with suppress(KeyError):
        async with driver.open_bike() as readings:
            await hear(readings, 1)
            raise KeyError
    async with driver.open_bike() as readings:
        assert await hear(readings, 1)


@pytest.mark.slow
async def test_live_bike_that_vanishes_is_lost_and_can_be_opened_on_its_return(
    fake: LiveBike, hasty_driver: Driver
) -> None:
    async with hasty_driver.open_bike() as readings:
        await hear(readings, 1)
        fake.vanish()
        with pytest.raises(BikeLost) as lost:
            await hear_to_the_end(readings)
        assert str(lost.value)
    await fake.come_back()
    async with hasty_driver.open_bike() as readings:
        await hear(readings, 1)


async def test_live_bike_that_is_away_is_lost_on_opening(
    fake: LiveBike, hasty_driver: Driver
) -> None:
    fake.vanish()
    with pytest.raises(BikeLost) as lost:
        async with hasty_driver.open_bike():
            raise AssertionError("entered")
    assert str(lost.value)


async def test_live_bike_that_appears_while_opening_is_opened_at_once(
    fake: LiveBike, driver: Driver
) -> None:
    fake.vanish()

    async def open_it() -> Reading:
        async with driver.open_bike() as readings:
            return await anext(readings)

    opening = asyncio.create_task(open_it())
    await asyncio.sleep(0.3)
    await fake.come_back()
    assert await asyncio.wait_for(opening, 5)


async def test_live_driver_cancelled_while_opening_leaves_no_tasks_behind(
    fake: LiveBike, driver: Driver
) -> None:
    fake.vanish()
    tasks = []
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), driver.open_bike():
                raise AssertionError("entered")
        tasks.append(len(asyncio.all_tasks()))
    assert tasks[0] == tasks[1] == tasks[2]
