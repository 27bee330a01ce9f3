"""Told as long as all goes round. Whole processes that wedge: tests/e2e/test_service.py."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.host.systemd import ServiceManager
from gateway.host.watchdog import LOOKS, Watchdog
from gateway.host.watchdog import WATCHDOG_S as UNIT_WATCHDOG_S
from gateway.timing.pulse import Pulse
from tests.support.virtual_clock import VirtualClock

WATCHDOG_S = 30


class Heard(ServiceManager):
    def __init__(self) -> None:
        super().__init__({"WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)})
        self.told: list[dict[str, str | int]] = []

    def tell(self, **fields: str | int) -> None:
        self.told.append(fields)

    def pings(self) -> int:
        return sum("WATCHDOG" in fields for fields in self.told)


class Rig:
    """A loop that answers when it is woken, unless it is `wedged`."""

    def __init__(self, patience: int = 1) -> None:
        self.clock = VirtualClock()
        self.service = Heard()
        self.wedged = False
        self.pulse = Pulse("publisher", self.clock, self._wake, patience)
        watchdog = Watchdog(self.service, self.clock, lambda: [self.pulse], lambda: "racing 12")
        self.task = asyncio.create_task(watchdog.run())

    def _wake(self) -> None:
        if not self.wedged:
            self.pulse.beat()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        self.service.close()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.clock.settle()
    yield rig
    await rig.stop()


async def test_watchdog_reports_ready_and_status_at_the_start(rig: Rig) -> None:
    assert rig.service.told == [{"READY": 1, "STATUS": "racing 12"}]


async def test_watchdog_pings_several_times_an_interval_with_the_status(rig: Rig) -> None:
    await rig.clock.run_for(10 * WATCHDOG_S)
    assert rig.service.pings() == 10 * LOOKS
    assert rig.service.told[-1]["STATUS"] == "racing 12"


async def test_watchdog_stops_pinging_and_names_a_wedged_loop(rig: Rig) -> None:
    await rig.clock.run_for(WATCHDOG_S)
    rig.wedged = True
    await rig.clock.run_for(WATCHDOG_S)
    before = rig.service.pings()
    await rig.clock.run_for(10 * WATCHDOG_S)
    assert rig.service.pings() == before
    assert rig.service.told[-1] == {"STATUS": "hung: publisher"}


async def test_watchdog_goes_on_pinging_after_a_slow_loop_recovers(rig: Rig) -> None:
    rig.wedged = True
    await rig.clock.run_for(WATCHDOG_S * 0.4)
    rig.wedged = False
    await rig.clock.run_for(WATCHDOG_S)
    assert rig.service.pings() == LOOKS * 1.4


@pytest.mark.parametrize("stopped_s", [20, 22, 25, 30, 35, 400])
async def test_watchdog_pings_at_once_after_the_process_stood_still(
    rig: Rig, stopped_s: float
) -> None:
    for _ in range(3):
        await rig.clock.run_for(WATCHDOG_S)
        before = rig.service.pings()
        rig.clock.stall(stopped_s)
        await rig.clock.run_for(0)
        assert rig.service.pings() == before + 1
    assert not any("hung" in str(told) for told in rig.service.told)


@pytest.mark.parametrize("stall_s", [0.1, 25])
async def test_loop_that_wedges_is_found_although_the_process_stood_still(
    rig: Rig, stall_s: float
) -> None:
    rig.wedged = True
    for _ in range(20):  # half the watchdog's time, in parts
        await rig.clock.run_for(WATCHDOG_S / 40)
        rig.clock.stall(stall_s)
    before = rig.service.pings()
    await rig.clock.run_for(10 * WATCHDOG_S)
    assert rig.service.pings() - before <= 2
    assert rig.service.told[-1] == {"STATUS": "hung: publisher"}


def test_pings_are_frequent_enough_for_a_process_stopped_for_half_a_minute() -> None:
    unit = (Path(__file__).parents[3] / "systemd" / "alleycat-gateway.service").read_text()
    assert f"WatchdogSec={UNIT_WATCHDOG_S:g}\n" in unit
    assert 30 + UNIT_WATCHDOG_S / LOOKS < UNIT_WATCHDOG_S


async def test_watchdog_gives_a_loop_the_time_of_its_patience() -> None:
    rig = Rig(patience=6)
    rig.wedged = True
    await rig.clock.run_for(6 * WATCHDOG_S / 2)
    assert rig.service.pings() == 6 * LOOKS / 2
    await rig.clock.run_for(10 * WATCHDOG_S)
    assert rig.service.pings() == 6 * LOOKS / 2
    await rig.stop()
