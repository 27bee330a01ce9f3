"""A config that changes while bikes race, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from drivers import Reading
from gateway.config.schema import BikeConfig, Config
from gateway.daemon import races_of
from gateway.race.races import ContinuousRaces
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.calibration_store import CalibrationStore
from gateway.sampling.plausible import OFTEN
from gateway.telemetry.message import Telemetry
from tests.gateway.test_daemon import RACE_START_MS
from tests.support.calibrations import record
from tests.support.gateways import VirtualGateway, config
from tests.support.scripted_bike import scripted_drivers


class Rig:
    """Two fake bikes in races of 20 s, one of which begins now."""

    def __init__(self, state_dir: Path) -> None:
        self.config = config(state_dir, [{"wire": "peloton"}, {}, {}], {"length_s": 20})
        self.third = self.config.bikes[2]
        self.config = self.config.model_copy(update={"bikes": self.config.bikes[:2]})
        self.virtual = VirtualGateway(self.config, RACE_START_MS)

    async def apply(self, bikes: list[BikeConfig], length_s: int = 20) -> None:
        """SIGHUP, and two seconds of riding."""
        changed: Config = self.config.model_copy(update={"bikes": bikes})
        races = ContinuousRaces(length_s)
        applying = asyncio.create_task(self.virtual.gateway.apply(changed, lambda _: races))
        await self.virtual.run_for(2)
        await applying

    def ridden(self, bike_id: str) -> list[Telemetry]:
        return [one for one in self.virtual.delivered if one.bike_id == bike_id]

    def seconds(self, bike_id: str) -> list[int]:
        return [telemetry.second for telemetry in self.ridden(bike_id)]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path)
    await rig.virtual.start()
    rig.virtual.uplink.connect()
    await rig.virtual.run_for(5)
    yield rig
    await rig.virtual.stop()


def changed(bike: BikeConfig, **fields: Any) -> BikeConfig:
    return bike.model_copy(update=fields)


TWENTY_S = ContinuousRaces(20)
TWO_RACES = [*range(1, 21), *range(1, 21)]


@pytest.mark.slow
async def test_changed_calibration_is_in_use_at_once_and_no_second_is_lost(rig: Rig) -> None:
    one, two = rig.config.bikes
    await rig.apply([changed(one, calibration=[(0, 0), (1000, 0.1)]), two])
    await rig.virtual.run_for(33.2)
    for bike_id in ("bike-1", "bike-2"):
        assert rig.seconds(bike_id) == TWO_RACES
    assert max(one.resistance for one in rig.ridden("bike-1")[7:]) <= 0.1
    assert max(two.resistance for two in rig.ridden("bike-2")[7:]) > 0.1


@pytest.mark.slow
async def test_changed_racer_rides_from_the_next_race_on(rig: Rig) -> None:
    one, two = rig.config.bikes
    with capture_logs() as logs:
        await rig.apply([changed(one, racer_id=9, racer_name="Nine", class_id=3), two])
    assert [log["bike"] for log in logs if "with the next race" in log["event"]] == ["bike-1"]
    shown = [(bike.racer_name, bike.next_racer_name) for bike in rig.virtual.gateway.status.bikes]
    assert shown == [("Rider1", "Nine"), ("Rider2", "")]
    await rig.virtual.run_for(33.2)
    assert not any(bike.next_racer_name for bike in rig.virtual.gateway.status.bikes)
    assert rig.seconds("bike-1") == TWO_RACES
    first, second = rig.ridden("bike-1")[:20], rig.ridden("bike-1")[20:]
    assert {(m.racer_id, m.name, m.class_id) for m in first} == {(1, "Rider1", 1)}
    assert {(m.racer_id, m.name, m.class_id) for m in second} == {(9, "Nine", 3)}
    assert (first[-1].event, second[-1].event) == ("final", "final")


@pytest.mark.slow
async def test_changed_class_has_its_own_race_from_the_next_one_on(tmp_path: Path) -> None:
    settings = config(tmp_path, [{}, {}], {"length_s": 20, "per_class": True})
    one, two = settings.bikes
    virtual = VirtualGateway(settings, RACE_START_MS)
    await virtual.start()
    virtual.uplink.connect()
    await virtual.run_for(5)
    reloaded = settings.model_copy(update={"bikes": [changed(one, class_id=3), two]})
    await virtual.gateway.apply(reloaded, races_of(reloaded, None))
    await virtual.run_for(35.2)
    number = RACE_START_MS // 20_000
    assert sorted((m.race_id, m.class_id) for m in virtual.delivered if m.is_final) == [
        (number * 10 + 1, 1),
        (number * 10 + 1, 1),
        (number * 10 + 11, 1),
        (number * 10 + 13, 3),
    ]
    await virtual.stop()


def test_unused_calibration_is_logged_with_its_reason_alone(tmp_path: Path) -> None:
    CalibrationStore(tmp_path).save(record(device="serial /dev/ttyUSB0"))
    with capture_logs() as logs:
        VirtualGateway(config(tmp_path, [{}]), RACE_START_MS)
    [log] = [log for log in logs if log["event"] == "calibration not used"]
    assert log["reason"].startswith("it was made on serial /dev/ttyUSB0, but this bike is fake")


async def test_rig_without_a_calibration_is_logged_once_until_it_is_calibrated(
    tmp_path: Path,
) -> None:
    settings = config(tmp_path, [{"wire": "lines"}, {}], {"length_s": 20})
    rig, other = settings.bikes
    virtual = VirtualGateway(settings, RACE_START_MS)
    with capture_logs() as logs:
        await virtual.start()
        await virtual.run_for(30)
        assert [bike.is_uncalibrated for bike in virtual.gateway.status.bikes] == [True, False]
        calibrated = changed(rig, calibration=[(60, 0), (960, 100)])
        reloaded = settings.model_copy(update={"bikes": [calibrated, other]})
        await virtual.gateway.apply(reloaded, races_of(reloaded, None))
        await virtual.run_for(5)
    assert not any(bike.is_uncalibrated for bike in virtual.gateway.status.bikes)
    event = "bike not calibrated: its own numbers are taken as percentages"
    assert [log["bike"] for log in logs if log["event"] == event] == ["bike-1"]
    await virtual.stop()


class Listener:
    """A calibration session, as far as the Readings go."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []

    def heard(self, reading: Reading) -> None:
        self.readings.append(reading)

    def link_changed(self) -> None: ...


async def test_calibration_session_hears_what_the_race_refuses(rig: Rig) -> None:
    bike = rig.virtual.gateway._bikes.get("bike-2")
    assert bike is not None
    listener = Listener()
    bike.fanout.listeners.add(listener)
    absurd = Reading(rig.virtual.clock.monotonic_ns(), cadence_rpm=995, resistance_percent=6_553.5)
    bike.fanout.add(absurd)
    assert listener.readings == [absurd]
    assert [one.name for one in bike.status.refused] == ["cadence_rpm", "resistance_percent"]


async def test_absurd_frame_is_in_the_status_and_in_no_second(rig: Rig) -> None:
    virtual = rig.virtual
    bike = virtual.gateway._bikes.get("bike-2")
    assert bike is not None
    for refused in range(1, OFTEN + 1):
        bike.fanout.add(Reading(virtual.clock.monotonic_ns(), cadence_rpm=995, power_w=16_499))
        await virtual.run_for(1)
        status = bike.status
        assert [(one.name, one.count) for one in status.refused] == [
            ("cadence_rpm", refused),
            ("power_w", refused),
        ]
        assert status.refuses_often == (2 * refused >= OFTEN)
    await virtual.run_for(5)
    for message in rig.ridden("bike-2"):
        assert message.cadence <= 250
        assert message.power is None or message.power <= 3000
    assert virtual.gateway.status.bikes[0].refused == ()


async def test_resistance_that_is_always_0_is_derived_logged_and_in_the_status(
    tmp_path: Path,
) -> None:
    settings = config(tmp_path, [{}], {"length_s": 20})
    ridden = {"cadence_rpm": [75.0] * 30, "resistance_percent": 0.0, "power_w": 48.0}
    bike = changed(
        settings.bikes[0], driver="scripted", options={"start_ns": 5_000_000_000, **ridden}
    )
    settings = settings.model_copy(update={"bikes": [bike]})
    virtual = VirtualGateway(settings, RACE_START_MS, drivers=scripted_drivers())
    await virtual.start()
    virtual.uplink.connect()
    with capture_logs() as logs:
        await virtual.run_for(20.2)
    event = "the bike's resistance not used: races use one derived from power and cadence"
    [log] = [log for log in logs if log["event"] == event]
    [status] = virtual.gateway.status.bikes
    reason = (
        "the reported resistance is always 0, although the power shows that there is resistance"
    )
    assert (log["bike"], log["reason"], status.resistance_doubt) == ("bike-1", reason, reason)
    final = virtual.delivered[-1]
    assert (final.resistance, final.resistance_source) == (29.4, ResistanceSource.DERIVED)
    await virtual.stop()


async def test_added_bike_joins_and_the_others_ride_on(rig: Rig) -> None:
    await rig.apply([*rig.config.bikes, rig.third])
    await rig.virtual.run_for(13.2)
    assert rig.seconds("bike-1") == list(range(1, 21))
    assert rig.seconds("bike-3") == list(range(6, 21))


async def test_unused_calibration_of_an_added_bike_is_logged_once(rig: Rig) -> None:
    of_another_bike = record(bike_id="bike-3", device="serial /dev/ttyUSB0")
    CalibrationStore(rig.config.state_dir).save(of_another_bike)
    with capture_logs() as logs:
        await rig.apply([*rig.config.bikes, rig.third])
    assert [log["event"] for log in logs].count("calibration not used") == 1


async def test_removed_bike_rides_its_running_second_to_the_end(rig: Rig) -> None:
    changed = rig.config.model_copy(update={"bikes": rig.config.bikes[:1]})
    applying = asyncio.create_task(rig.virtual.gateway.apply(changed, lambda _: TWENTY_S))
    await rig.virtual.run_for(0.9)
    assert rig.seconds("bike-2")[-1] == 5
    await rig.virtual.run_for(0.3)
    assert rig.seconds("bike-2")[-1] == 6
    await applying


async def test_removed_bike_is_released(rig: Rig) -> None:
    removed, listener = rig.virtual.gateway._bikes.get("bike-2"), Listener()
    assert removed is not None
    removed.fanout.listeners.add(listener)
    await rig.apply(rig.config.bikes[:1])
    assert listener.readings, "it was heard until then"
    listener.readings.clear()
    await rig.virtual.run_for(3)
    assert listener.readings == []


async def test_removed_bike_ends_its_race_with_the_running_second(rig: Rig) -> None:
    one, two = rig.config.bikes
    await rig.apply([one])
    await rig.virtual.run_for(13.2)
    assert rig.seconds("bike-1") == list(range(1, 21))
    assert [(m.second, m.event) for m in rig.ridden("bike-2")][-2:] == [
        (5, "update"),
        (6, "final"),
    ]
    assert [bike.bike_id for bike in rig.virtual.gateway.status.bikes] == ["bike-1"]
    await rig.apply([one, two])
    assert [bike.bike_id for bike in rig.virtual.gateway.status.bikes] == ["bike-1", "bike-2"]


async def test_changed_driver_options_reopen_the_bike_in_mid_race(rig: Rig) -> None:
    one, two = rig.config.bikes
    await rig.apply([changed(one, options={**one.options, "scenario": "idle"}), two])
    await rig.virtual.run_for(13.2)
    assert rig.seconds("bike-1") == list(range(1, 21))
    assert rig.ridden("bike-1")[3].cadence > 0
    assert {m.cadence for m in rig.ridden("bike-1")[-8:]} == {0}


async def test_changed_race_length_holds_from_the_next_race_on(rig: Rig) -> None:
    await rig.apply(list(rig.config.bikes), length_s=10)
    await rig.virtual.run_for(23.2)
    assert rig.seconds("bike-1") == [*range(1, 21), *range(1, 11)]


@pytest.mark.slow
async def test_unchanged_config_keeps_links_and_races(rig: Rig) -> None:
    link = rig.virtual.gateway._bikes.get("bike-1").link  # type: ignore[union-attr]
    await rig.apply(list(rig.config.bikes))
    assert rig.virtual.gateway._bikes.get("bike-1").link is link  # type: ignore[union-attr]
    await rig.virtual.run_for(33.2)
    assert rig.seconds("bike-1") == TWO_RACES
