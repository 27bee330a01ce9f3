"""Whole gateways on a clock that is not set, or is set wrong: no second gets a guessed race."""

from pathlib import Path
from typing import Any

import pytest

from gateway.buffer.store import StoreError
from gateway.race.commanded import BikeRaces
from gateway.race.races import Race, Racer
from gateway.telemetry.message import Telemetry
from tests.support.files import written
from tests.support.gateways import VirtualGateway, config
from tests.support.virtual_clock import VirtualClock

pytestmark = pytest.mark.slow

RACE = 5_400_763
START_MS = RACE * 300_000
#: A Pi that was last switched off some days ago.
STALE_MS = START_MS - 4 * 86_400_000 - 123_456


class Pi:
    """A gateway whose clock starts at `wall_ms`, and is not set until it is."""

    def __init__(
        self,
        state_dir: Path,
        wall_ms: int = STALE_MS,
        bikes: list[dict[str, Any]] | None = None,
        clock: VirtualClock | None = None,
        monotonic_ns: int = 5_250_000_000,
    ) -> None:
        self.clock = clock or VirtualClock(wall_ms, monotonic_ns)
        self.clock.is_set = clock is not None
        settings = config(state_dir, [{}] if bikes is None else bikes)
        self.virtual = VirtualGateway(settings, wall_ms, clock=self.clock)
        self.gateway = self.virtual.gateway

    async def start(self, *, online: bool = True) -> None:
        await self.virtual.start()
        if online:
            self.virtual.uplink.connect()

    async def run_for(self, seconds: float) -> None:
        await self.virtual.run_for(seconds)

    def set_clock(self, wall_ms: int) -> None:
        """A time server answers: it is `wall_ms` now."""
        now_ms = self.clock.wall_ms_at(self.clock.monotonic_ns())
        self.clock.step_wall(wall_ms - now_ms)
        self.clock.is_set = True

    def seconds(self, race_id: int, bike_id: str = "bike-1") -> list[int]:
        delivered = self.virtual.delivered
        return [t.second for t in delivered if (t.race_id, t.bike_id) == (race_id, bike_id)]

    def final(self, race_id: int) -> Telemetry:
        [final] = [t for t in self.virtual.delivered if t.is_final and t.race_id == race_id]
        return final


async def test_seconds_are_kept_undated_while_the_clock_is_not_set(tmp_path: Path) -> None:
    pi = Pi(tmp_path)
    await pi.start()
    await pi.run_for(60)
    assert pi.virtual.delivered == []
    status = pi.gateway.status
    assert not status.clock_is_set
    assert status.buffer.unnamed == 60
    assert status.bikes[0].race_id is None
    await pi.virtual.stop()


async def test_undated_seconds_are_sent_in_order_once_the_clock_is_set(tmp_path: Path) -> None:
    """40 s before, and then on to the end of the race, which the cloud can tell to be whole."""
    pi = Pi(tmp_path)
    await pi.start()
    await pi.run_for(40)
    pi.set_clock(START_MS + 30_000)
    await pi.run_for(275)
    assert pi.seconds(RACE - 1) == list(range(291, 301))
    assert pi.seconds(RACE) == list(range(1, 301))
    assert pi.final(RACE).samples == 300
    assert pi.final(RACE - 1).samples is None, "begun before the gateway was"
    assert pi.gateway.status.buffer.unnamed == 0
    assert {telemetry.is_simulated for telemetry in pi.virtual.delivered} == {True}
    for telemetry in pi.virtual.delivered:
        assert telemetry.device_timestamp == telemetry.race_id * 300_000 + telemetry.second * 1000
    await pi.virtual.stop()


@pytest.mark.slow
async def test_undated_races_are_sent_whole_once_the_clock_is_set(tmp_path: Path) -> None:
    """Offline meanwhile, as such a Pi is: whole races, each with its final and its count."""
    pi = Pi(tmp_path, bikes=[{}, {}])
    await pi.start(online=False)
    await pi.run_for(1300)
    pi.set_clock(START_MS + 10_000)
    await pi.run_for(20)
    pi.virtual.uplink.connect()
    await pi.run_for(60)
    for bike_id in ("bike-1", "bike-2"):
        for race_id in (RACE - 1, RACE - 2, RACE - 3, RACE - 4):
            assert pi.seconds(race_id, bike_id) == list(range(1, 301))
    finals = [t for t in pi.virtual.delivered if t.is_final]
    assert sorted((t.race_id, t.samples) for t in finals) == [
        (race_id, None if race_id == RACE - 5 else 300)
        for race_id in range(RACE - 5, RACE)
        for _ in range(2)
    ]
    await pi.virtual.stop()


@pytest.mark.parametrize("last_undated", [299, 300])
async def test_final_just_after_the_clock_is_set_counts_undated_seconds(
    tmp_path: Path, last_undated: int
) -> None:
    """The next second has a race at once; undated ones get theirs when the daemon looks, later."""
    pi = Pi(tmp_path, monotonic_ns=5_750_000_000)
    await pi.start()
    await pi.run_for(310)
    pi.set_clock(START_MS + last_undated * 1000 + 100)
    await pi.run_for(5)
    assert pi.seconds(RACE) == list(range(1, 301))
    assert pi.final(RACE).samples == 300
    await pi.virtual.stop()


async def test_undated_seconds_of_a_killed_process_are_dated_in_the_same_boot(
    tmp_path: Path,
) -> None:
    pi = Pi(tmp_path)
    await pi.start()
    await pi.run_for(30)
    await pi.virtual.kill()
    pi.set_clock(START_MS + 40_000)
    following = Pi(tmp_path, clock=pi.clock)
    await following.start()
    await following.run_for(5)
    assert following.seconds(RACE)[:29] == list(range(11, 40)), "the last second was not due"
    await following.virtual.stop()


@pytest.mark.slow
async def test_finals_of_many_undated_races_all_have_their_count(
    tmp_path: Path,
) -> None:
    clock = VirtualClock(STALE_MS, monotonic_ns=5_750_000_000)
    clock.is_set = False
    virtual = VirtualGateway(config(tmp_path, [{}], {"length_s": 5}), STALE_MS, clock=clock)
    await virtual.start()
    virtual.uplink.connect()
    await virtual.run_for(1000)
    clock.step_wall(START_MS + 100 - clock.wall_ms_at(clock.monotonic_ns()))
    clock.is_set = True
    await virtual.run_for(20)
    samples = {final.race_id: final.samples for final in virtual.delivered if final.is_final}
    assert len(samples) > 200
    _first, *later = [samples[race_id] for race_id in sorted(samples)]
    assert set(later) == {5}
    await virtual.stop()


async def test_final_has_no_count_if_a_killed_process_began_the_race_undated(
    tmp_path: Path,
) -> None:
    """What it produced is named, but whether that is all of it is not known."""
    pi = Pi(tmp_path)
    await pi.start()
    await pi.run_for(30)
    await pi.virtual.kill()
    pi.set_clock(START_MS + 20_000)
    following = Pi(tmp_path, clock=pi.clock)
    await following.start()
    await following.run_for(282)
    assert following.seconds(RACE)[:18] == list(range(1, 19))
    assert following.final(RACE).samples is None
    await following.virtual.stop()


async def test_undated_seconds_of_an_earlier_boot_are_quarantined(tmp_path: Path) -> None:
    pi = Pi(tmp_path)
    await pi.start()
    await pi.run_for(30)
    await pi.virtual.stop()
    rebooted = Pi(tmp_path)
    rebooted.clock.boot_id = "boot-2"
    await rebooted.start()
    await rebooted.run_for(10)
    rebooted.set_clock(START_MS + 40_000)
    await rebooted.run_for(5)
    assert rebooted.seconds(RACE)[:10] == list(range(31, 41))
    status = rebooted.gateway.status.buffer
    assert (status.quarantined, status.unnamed, status.depth) == (30, 0, 0)
    await rebooted.virtual.stop()


@pytest.mark.parametrize("off_s", [7.4, 3 * 86_400], ids=["at once", "days later"])
async def test_undated_seconds_of_an_earlier_boot_are_named_if_its_clock_was_set_in_time(
    tmp_path: Path, off_s: float
) -> None:
    """The power fails between the answer of the time server and the naming of the seconds."""
    pi = Pi(tmp_path)
    await pi.start()
    await pi.run_for(30.9)
    pi.virtual.bench.failure = StoreError("busy")
    pi.set_clock(START_MS + 40_150)
    await pi.run_for(2)
    await written(tmp_path / "boots.json")
    await pi.virtual.kill()
    off_at_ms = pi.clock.wall_ms_at(pi.clock.monotonic_ns())
    rebooted = Pi(tmp_path, monotonic_ns=3_125_000_000)
    rebooted.clock.boot_id = "boot-2"
    await rebooted.start()
    await rebooted.run_for(2)
    rebooted.set_clock(off_at_ms + round(off_s * 1000))
    await rebooted.run_for(10)
    assert rebooted.seconds(RACE)[:30] == list(range(10, 40))
    status = rebooted.gateway.status.buffer
    assert (status.quarantined, status.unnamed) == (0, 0)
    await rebooted.virtual.stop()


async def test_absent_bike_has_no_undated_seconds_but_its_final(tmp_path: Path) -> None:
    faults = {"vanish_at_s": 0.5}
    pi = Pi(tmp_path, bikes=[{"faults": faults, "ride_s": 3600}])
    await pi.start()
    await pi.run_for(40)
    pi.set_clock(START_MS + 20_000)
    await pi.run_for(5)
    assert pi.seconds(RACE) == []
    assert pi.final(RACE - 1).cadence == 0
    await pi.virtual.stop()


@pytest.mark.parametrize("step_s", [2.5, -2.5])
async def test_clock_step_in_mid_race_neither_repeats_nor_skips_a_second(
    tmp_path: Path, step_s: float
) -> None:
    pi = Pi(tmp_path, wall_ms=START_MS - 1000)
    pi.clock.is_set = True
    await pi.start()
    await pi.run_for(100)
    pi.clock.step_wall(round(step_s * 1000))
    await pi.run_for(202)
    assert pi.seconds(RACE) == list(range(1, 301))
    assert pi.final(RACE).samples == 300
    await pi.virtual.stop()


async def test_clock_leap_to_another_race_takes_effect_after_the_running_one(
    tmp_path: Path,
) -> None:
    pi = Pi(tmp_path, wall_ms=START_MS)
    pi.clock.is_set = True
    await pi.start()
    await pi.run_for(100)
    pi.clock.step_wall(10 * 300_000 + 50_000)
    await pi.run_for(206)
    assert pi.seconds(RACE) == list(range(1, 301))
    assert pi.seconds(RACE + 11)[:2] == [51, 52]
    assert len({t.uuid for t in pi.virtual.delivered}) == len(pi.virtual.delivered)
    await pi.virtual.stop()


async def test_final_of_a_race_joined_late_has_no_count(tmp_path: Path) -> None:
    pi = Pi(tmp_path, wall_ms=START_MS + 200_000)
    pi.clock.is_set = True
    await pi.start()
    await pi.run_for(402)
    assert pi.final(RACE).samples is None
    assert pi.final(RACE + 1).samples == 300
    assert all(t.samples is None for t in pi.virtual.delivered if not t.is_final)
    await pi.virtual.stop()


async def test_final_does_not_count_seconds_without_the_bike(tmp_path: Path) -> None:
    faults = {"disconnect_at_s": 50, "disconnect_for_s": 20}
    pi = Pi(tmp_path, wall_ms=START_MS, bikes=[{"faults": faults}])
    pi.clock.is_set = True
    await pi.start()
    await pi.run_for(302)
    seconds = pi.seconds(RACE)
    assert 270 < len(seconds) < 290
    assert pi.final(RACE).samples == len(seconds)
    await pi.virtual.stop()


async def test_bikes_ride_different_races_with_racers_of_their_own(tmp_path: Path) -> None:
    races = {
        "bike-1": BikeRaces([Race(70, START_MS + 500, 10, Racer(41, "Ada", 2))]),
        "bike-2": BikeRaces([Race(9, START_MS + 3000, 6, Racer(42, "Bruno", 3))]),
    }
    virtual = VirtualGateway(config(tmp_path, [{}, {}]), START_MS, races=races)
    await virtual.start()
    virtual.uplink.connect()
    await virtual.run_for(5)
    bikes = virtual.gateway.status.bikes
    assert [(bike.race_id, bike.second, bike.race_length_s) for bike in bikes] == [
        (70, 5, 10),
        (9, 3, 6),
    ]
    await virtual.run_for(20)
    messages = virtual.delivered
    ridden = {
        (t.bike_id, t.race_id, t.racer_id, t.name, t.class_id, t.samples)
        for t in messages
        if t.is_final
    }
    assert ridden == {("bike-1", 70, 41, "Ada", 2, 10), ("bike-2", 9, 42, "Bruno", 3, 6)}
    assert sorted(t.second for t in messages if t.race_id == 70) == list(range(1, 11))
    assert sorted(t.second for t in messages if t.race_id == 9) == list(range(1, 7))
    assert [bike.race_id for bike in virtual.gateway.status.bikes] == [None, None]
    await virtual.stop()
