"""Whole races in virtual time: real drivers, real buffer, real files; only time and cloud fake."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from drivers import Clock, DriverOptions, Reading
from drivers.contract import DriverType
from drivers.registry import DriverStatus, load_drivers
from gateway.bike.link import LinkState
from gateway.config.schema import Config
from gateway.telemetry.message import Telemetry, telemetry_from_json
from tests.support.buffer_files import buffered
from tests.support.gateways import VirtualGateway, config

RACE = 5_400_763
RACE_START_MS = RACE * 300_000
FOUR_RIDERS: list[dict[str, Any]] = [
    {},
    {"wire": "peloton"},
    {"wire": "ftms", "scenario": "sprint"},
    {"faults": {"zero_cadence_per_min": 10.0, "disconnect_at_s": 50, "disconnect_for_s": 7}},
]


async def ride(state_dir: Path, wall_ms: int, seconds: float, **kwargs: Any) -> list[Telemetry]:
    settings = config(state_dir, kwargs.pop("bikes", FOUR_RIDERS))
    virtual = VirtualGateway(settings, wall_ms, **kwargs)
    await virtual.start()
    virtual.uplink.connect()
    await virtual.run_for(seconds)
    await virtual.stop()
    return virtual.delivered


@pytest.mark.slow
async def test_gateway_sends_every_second_of_a_race_from_start_to_final(tmp_path: Path) -> None:
    messages = await ride(tmp_path / "a", RACE_START_MS - 1500, 302, bikes=[{}])
    race = [m for m in messages if m.race_id == RACE]
    assert [m.second for m in race] == list(range(1, 301))
    assert [m.event for m in race] == ["update"] * 299 + ["final"]
    assert [m.device_timestamp for m in race] == [
        RACE_START_MS + second * 1000 for second in range(1, 301)
    ]
    assert all(60 < m.cadence < 110 for m in race[10:])
    assert len({m.uuid for m in messages}) == len(messages)


async def test_gateway_started_in_mid_race_begins_at_the_current_second(tmp_path: Path) -> None:
    messages = await ride(tmp_path / "a", RACE_START_MS + 36_400, 2, bikes=[{}])
    assert [m.second for m in messages] == [37, 38, 39]


@pytest.mark.slow
async def test_race_of_the_same_seed_is_the_same_at_any_time(tmp_path: Path) -> None:
    """But for what derives from the wall clock: raceId, deviceTimestamp, uuid."""

    def lasting(message: Telemetry) -> tuple[object, ...]:
        return (message.bike_id, message.second, message.event, message.cadence,
                message.resistance, message.power, message.name, message.racer_id)  # fmt: skip

    one = await ride(tmp_path / "a", RACE_START_MS - 1500, 302)
    other = await ride(
        tmp_path / "b", RACE_START_MS + 12_345 * 300_000 - 987, 302, monotonic_ns=123_456_789_012
    )
    of_race = [lasting(m) for m in one if m.race_id == RACE]
    assert len(of_race) > 4 * 290
    assert of_race == [lasting(m) for m in other if m.race_id == RACE + 12_345]


@pytest.mark.slow
async def test_final_arrives_though_bike_and_broker_were_gone(tmp_path: Path) -> None:
    settings = config(tmp_path, [{"faults": {"vanish_at_s": 100}}, {}])
    virtual = VirtualGateway(settings, RACE_START_MS - 500)
    await virtual.start()
    virtual.uplink.connect()
    await virtual.run_for(250)
    virtual.uplink.cut()
    await virtual.run_for(100)
    virtual.uplink.connect()
    await virtual.run_for(10)
    race = [m for m in virtual.delivered if m.race_id == RACE]
    finals = [(m.bike_id, m.second, m.event) for m in race if m.event == "final"]
    assert sorted(finals) == [("bike-1", 300, "final"), ("bike-2", 300, "final")]
    vanished = [m.second for m in race if m.bike_id == "bike-1"]
    assert vanished == [*range(1, 101), 300], "no update while the bike is away"
    await virtual.stop()


@pytest.mark.slow
async def test_messages_older_than_the_interval_survive_a_kill_in_an_outage(
    tmp_path: Path,
) -> None:
    settings = config(tmp_path, [{}, {}])
    produced: list[Telemetry] = []
    first = VirtualGateway(settings, RACE_START_MS, on_telemetry=produced.append)
    await first.start()
    await first.run_for(60.5)
    await first.kill()

    second = VirtualGateway(settings, RACE_START_MS + 70_000)
    await second.start()
    second.uplink.connect()
    await second.run_for(5)
    promised = [m.uuid for m in produced if m.device_timestamp <= RACE_START_MS + 59_500]
    arrived = second.delivered
    assert set(promised) <= {m.uuid for m in arrived}
    for bike in ("bike-1", "bike-2"):
        seconds = [m.second for m in arrived if m.bike_id == bike]
        assert seconds == sorted(seconds)
    await second.stop()


async def test_stop_closes_the_running_second_and_leaves_it_on_disk(tmp_path: Path) -> None:
    produced: list[Telemetry] = []
    virtual = VirtualGateway(config(tmp_path, [{}]), RACE_START_MS, on_telemetry=produced.append)
    await virtual.start()
    await virtual.run_for(30.4)
    await virtual.stop()
    assert produced[-1].second == 31
    assert {race: len(records) for race, records in buffered(tmp_path).items()} == {RACE: 31}


async def test_stop_has_all_on_disk_before_the_uplinks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual = VirtualGateway(config(tmp_path, [{}]), RACE_START_MS, connections=2)
    unwritten: list[int] = []

    async def stop() -> None:
        buffer = virtual.gateway.status.buffer
        unwritten.append(buffer.depth - buffer.on_disk)

    for uplink in virtual.uplinks:
        monkeypatch.setattr(uplink, "stop", stop)
    await virtual.start()
    await virtual.run_for(30.4)
    await virtual.stop()
    assert unwritten == [0, 0]


async def test_stop_while_online_delivers_the_running_second(tmp_path: Path) -> None:
    messages = await ride(tmp_path / "a", RACE_START_MS, 30.4, bikes=[{}])
    assert messages[-1].second == 31


async def test_seconds_lost_in_a_stall_are_counted_and_not_made_up(tmp_path: Path) -> None:
    virtual = VirtualGateway(config(tmp_path, [{}]), RACE_START_MS)
    await virtual.start()
    virtual.uplink.connect()
    await virtual.run_for(10.5)
    virtual.clock.stall(5)
    await virtual.run_for(10)
    assert [m.second for m in virtual.delivered] == [*range(1, 12), *range(16, 26)]
    assert virtual.gateway.status.lost_seconds == 4
    await virtual.stop()


async def test_broken_plugin_is_shown_as_its_bikes_state_and_others_race_on(tmp_path: Path) -> None:
    settings = config(tmp_path, [{}, {}])
    broken = settings.bikes[1].model_copy(update={"driver": "broken", "options": {}})
    settings = settings.model_copy(update={"bikes": [settings.bikes[0], broken]})
    drivers = {**load_drivers(), "broken": DriverStatus("broken", problem="ImportError: no x")}
    virtual = VirtualGateway(settings, RACE_START_MS, drivers=drivers)
    await virtual.start()
    virtual.uplink.connect()
    await virtual.run_for(5)
    healthy, lost = virtual.gateway.status.bikes
    assert healthy.state is LinkState.CONNECTED
    assert lost.state is LinkState.LOST
    assert "ImportError: no x" in lost.reason
    assert {m.bike_id for m in virtual.delivered} == {"bike-1"}
    await virtual.stop()


async def test_gateway_status_counts_produced_accepted_and_buffered_messages(
    tmp_path: Path,
) -> None:
    virtual = VirtualGateway(config(tmp_path, [{}, {}]), RACE_START_MS)
    await virtual.start()
    await virtual.run_for(10.5)
    status = virtual.gateway.status
    assert [(bike.race_id, bike.second) for bike in status.bikes] == [(RACE, 11)] * 2
    assert (status.produced, status.accepted, status.buffer.depth) == (20, 0, 20)
    assert status.bikes[0].sample is not None
    virtual.uplink.connect()
    await virtual.run_for(1)
    status = virtual.gateway.status
    assert (status.cloud.state, status.accepted, status.buffer.depth) == ("connected", 22, 0)
    await virtual.stop()


@pytest.mark.slow
async def test_race_without_faults_logs_only_changes_of_state(tmp_path: Path) -> None:
    with capture_logs() as logs:
        await ride(tmp_path / "a", RACE_START_MS, 200, bikes=[{}])
    assert [log["event"] for log in logs] == [
        "gateway started",
        "bike connected",
        "cloud connected",
        "stopping",
        "stopped",
    ]


@pytest.mark.parametrize("offset_ms", [0, 1, 500])
async def test_first_second_after_a_start_may_be_a_partial_one(
    tmp_path: Path, offset_ms: int
) -> None:
    messages = await ride(tmp_path / "a", RACE_START_MS + 5000 + offset_ms, 3, bikes=[{}])
    assert messages[0].second == 6


class Clinging:
    """A driver whose release of the bike never ends."""

    Options = DriverOptions
    stale_after_s = 3.0

    def __init__(self, options: DriverOptions, clock: Clock) -> None:
        self.released = asyncio.Event()
        CLINGING.append(self)

    @asynccontextmanager
    async def open_bike(self) -> AsyncIterator[AsyncIterator[Reading]]:
        try:
            yield self._silence()
        finally:
            await self.released.wait()

    async def _silence(self) -> AsyncIterator[Reading]:
        await asyncio.Event().wait()
        yield Reading(0)


CLINGING: list[Clinging] = []


@pytest.mark.slow
async def test_driver_that_never_releases_its_bike_does_not_block_the_stop(tmp_path: Path) -> None:
    settings = config(tmp_path, [{}, {}])
    clinging = settings.bikes[1].model_copy(update={"driver": "clinging", "options": {}})
    settings = settings.model_copy(update={"bikes": [settings.bikes[0], clinging]})
    status = DriverStatus("clinging", driver=cast(DriverType, Clinging))
    virtual = VirtualGateway(
        settings, RACE_START_MS, drivers={**load_drivers(), "clinging": status}
    )
    await virtual.start()
    await virtual.run_for(10.4)
    async with asyncio.timeout(20):
        await virtual.stop()
    [records] = buffered(tmp_path).values()
    assert len(records) == 20, "11 of one bike, 9 of the silent one"
    CLINGING.pop().released.set()


@pytest.mark.slow
async def test_hundred_bikes_on_two_connections_stay_within_iot_cores_limits(
    tmp_path: Path,
) -> None:
    virtual = VirtualGateway(config(tmp_path, [{}] * 100), RACE_START_MS, connections=2)
    await virtual.start()
    await virtual.run_for(10)
    cloud = virtual.gateway.status.cloud
    assert (cloud.state, cloud.connections, cloud.connected) == ("not connected yet", 2, 0)
    virtual.uplinks[0].connect()
    cloud = virtual.gateway.status.cloud
    assert (cloud.state, cloud.connected) == ("not connected yet", 1)
    virtual.uplinks[1].connect()
    assert virtual.gateway.status.cloud.state == "connected"
    for _ in range(30):
        before = [len(uplink.sent) for uplink in virtual.uplinks]
        await virtual.run_for(1)
        sent = [len(uplink.sent) - n for uplink, n in zip(virtual.uplinks, before, strict=True)]
        assert max(sent) <= 100
    arrived = [telemetry_from_json(one) for uplink in virtual.uplinks for one in uplink.delivered]
    assert {(t.bike_id, t.second) for t in arrived} >= {
        (f"bike-{number}", second) for number in range(1, 101) for second in range(1, 35)
    }
    assert virtual.gateway.status.buffer.depth <= 100, "the backlog of 10 s is gone"
    await virtual.stop()


async def test_seconds_of_a_fake_bike_are_not_sent_once_a_real_one_is_in_its_place(
    tmp_path: Path,
) -> None:
    """As after setup, or `run --fake-bike`: those that a bike reported are sent all the same."""
    real = real_bike(tmp_path)
    drivers = {**load_drivers(), "real": load_drivers()["fake"]}
    fake = config(tmp_path, [{}])
    for settings, start_ms in ((real, 0), (fake, 400_000), (fake, 800_000)):
        virtual = VirtualGateway(settings, RACE_START_MS + start_ms, drivers=drivers)
        await virtual.start()
        await virtual.run_for(70.5)  # more than one log of the buffer
        await virtual.stop()
    virtual = VirtualGateway(real, RACE_START_MS + 1_200_000, drivers=drivers)
    await virtual.start()
    virtual.uplink.connect()
    with capture_logs() as logs:
        await virtual.run_for(30)
    assert {one.is_simulated for one in virtual.delivered} == {None}
    assert {one.race_id for one in virtual.delivered} == {RACE, RACE + 4}
    assert virtual.gateway.status.buffer.depth == 0
    assert virtual.gateway.status.buffer.lost == 0
    events = [log["event"] for log in logs]
    assert (
        events.count("discarding the buffered seconds of bikes that are no longer simulated") == 1
    )
    await virtual.stop()
    assert buffered(tmp_path) == {}


async def test_seconds_of_a_fake_bike_are_sent_by_the_next_process_with_the_fake_bike(
    tmp_path: Path,
) -> None:
    settings = config(tmp_path, [{}])
    first = VirtualGateway(settings, RACE_START_MS)
    await first.start()
    await first.run_for(10.5)
    await first.stop()
    second = VirtualGateway(settings, RACE_START_MS + 20_000)
    await second.start()
    second.uplink.connect()
    await second.run_for(3)
    assert {one.second for one in second.delivered} > set(range(1, 12))
    assert {one.is_simulated for one in second.delivered} == {True}
    await second.stop()


def real_bike(state_dir: Path) -> Config:
    """Return the config of a bike that is no fake to the gateway, although its driver is."""
    settings = config(state_dir, [{}])
    return settings.model_copy(
        update={"bikes": [settings.bikes[0].model_copy(update={"driver": "real"})]}
    )
