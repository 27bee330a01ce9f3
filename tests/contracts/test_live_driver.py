"""What every driver of a real interface promises; with `--bike` of a real bike instead."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers import Driver, Frame, FrameSource, Reading
from drivers.protocols import PROTOCOLS
from drivers.registry import load_drivers, make_driver
from drivers.testing import BikeUnderTest, DriverContract
from tests.support.bluez import DBusDaemon
from tests.support.bluez.running import open_bluez
from tests.support.live_bikes import FAKES

pytestmark = pytest.mark.slow

ENOUGH = 5
HARDWARE = pytest.param("hardware", marks=pytest.mark.hardware)


def hardware(named: str) -> BikeUnderTest:
    if re.fullmatch("([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", named):
        return BikeUnderTest("ble", {"address": named})
    if named.startswith("ant:"):
        return BikeUnderTest("ant", {"device_number": int(named.removeprefix("ant:"))})
    port, _, protocol = named.rpartition(":")
    return BikeUnderTest("serial", {"port": port, "protocol": protocol})


@pytest.fixture(params=[*FAKES, HARDWARE])
async def bike(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    dbus_daemon: DBusDaemon,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[BikeUnderTest]:
    if request.param == "hardware":
        yield hardware(request.config.getoption("--bike"))
        return
    async with (
        open_bluez(dbus_daemon, monkeypatch) as bluez,
        FAKES[request.param](tmp_path, bluez) as fake,
    ):
        yield fake


@pytest.fixture
def driver(bike: BikeUnderTest) -> Driver:
    return make_driver(load_drivers()[bike.driver], bike.options, bike.clock)


async def hear(readings: AsyncIterator[Reading], count: int = ENOUGH) -> list[Reading]:
    async with asyncio.timeout(30):
        return [await anext(readings) for _ in range(count)]


class TestLiveDriver(DriverContract):
    """The same tests as for every other driver."""


async def test_live_readings_have_a_source(driver: Driver) -> None:
    async with driver.open_bike() as readings:
        assert all(one.source for one in await hear(readings))


async def test_live_driver_shows_the_frames_behind_its_readings(driver: Driver) -> None:
    shown: list[tuple[str, Frame]] = []
    assert isinstance(driver, FrameSource)
    async with driver.open_bike(lambda *frame: shown.append(frame)) as readings:
        heard = await hear(readings)
    decoder = PROTOCOLS[shown[0][0]]()
    decoded = [one for name, frame in shown if name == shown[0][0] for one in decoder.feed(frame)]
    # A frame is recorded when it arrives, and read a moment later.
    waits_ns = [one.at_ns - read.at_ns for one, read in zip(heard, decoded, strict=False)]
    assert len(waits_ns) == len(heard)
    assert all(0 <= wait_ns < 1_000_000_000 for wait_ns in waits_ns)


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


async def test_live_bike_that_appears_while_opening_is_opened_at_once(
    bike: BikeUnderTest, driver: Driver
) -> None:
    if bike.vanish is None or bike.come_back is None:
        pytest.skip("a real bike cannot be switched off by a test")
    bike.vanish()

    async def open_it() -> Reading:
        async with driver.open_bike() as readings:
            return await anext(readings)

    opening = asyncio.create_task(open_it())
    await asyncio.sleep(0.3)
    await bike.come_back()
    assert await asyncio.wait_for(opening, 5)


async def test_live_driver_cancelled_while_opening_leaves_no_tasks_behind(
    bike: BikeUnderTest, driver: Driver
) -> None:
    if bike.vanish is None:
        pytest.skip("a real bike cannot be switched off by a test")
    bike.vanish()
    tasks = []
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), driver.open_bike():
                raise AssertionError("entered")
        tasks.append(len(asyncio.all_tasks()))
    assert tasks[0] == tasks[1] == tasks[2]
