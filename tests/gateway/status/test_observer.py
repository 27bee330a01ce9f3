"""The snapshot of a gateway that races in virtual time: how long, how fast, who."""

from pathlib import Path

import pytest

from gateway.bike.link import LinkState
from gateway.cloud.uplink import Answer, Ending, Verdict
from gateway.host.board import PiHealth
from gateway.race.commanded import BikeRaces
from gateway.race.races import Race, Racer
from gateway.status.snapshot import GatewayStatus
from tests.support.gateways import VirtualGateway, config

RACE_START_MS = 5_400_763 * 300_000


async def racing(tmp_path: Path, seconds: float) -> VirtualGateway:
    virtual = VirtualGateway(config(tmp_path, [{}, {}]), RACE_START_MS)
    await virtual.start()
    virtual.uplink.connect()
    await virtual.run_for(seconds)
    return virtual


@pytest.mark.slow
async def test_status_has_the_messages_per_second(tmp_path: Path) -> None:
    virtual = await racing(tmp_path, 100.5)
    status = virtual.gateway.status
    assert (status.produced, status.produced_per_s) == (200, 2.0)
    assert (status.accepted, status.accepted_per_s) == (200, 2.0)
    virtual.uplink.cut()
    await virtual.run_for(70)
    status = virtual.gateway.status
    assert (status.produced_per_s, status.accepted_per_s) == (2.0, 0.0)
    await virtual.stop()


async def test_status_has_how_long_the_cloud_has_been_in_its_state(tmp_path: Path) -> None:
    virtual = await racing(tmp_path, 30)
    assert virtual.gateway.status.cloud.state_s == 30
    virtual.uplink.cut("no route to the host")
    await virtual.run_for(7)
    virtual.uplink.cut("connection refused")
    await virtual.run_for(5)
    cloud = virtual.gateway.status.cloud
    assert (cloud.state, cloud.state_s) == ("connection refused", 12), "whatever the reasons"
    assert not cloud.is_connected
    virtual.uplink.connect()
    await virtual.run_for(3)
    cloud = virtual.gateway.status.cloud
    assert (cloud.state, cloud.state_s, cloud.is_connected) == ("connected", 3, True)
    await virtual.stop()


async def test_status_shows_the_connection_that_is_away_longest(tmp_path: Path) -> None:
    virtual = VirtualGateway(config(tmp_path, [{}]), RACE_START_MS, connections=3)
    await virtual.start()
    for uplink in virtual.uplinks:
        uplink.connect()
    await virtual.run_for(10)
    virtual.uplinks[1].cut("first")
    await virtual.run_for(10)
    virtual.uplinks[0].cut("second")
    await virtual.run_for(10)
    cloud = virtual.gateway.status.cloud
    assert (cloud.state, cloud.state_s, cloud.connected, cloud.connections) == ("first", 20, 1, 3)
    await virtual.stop()


async def test_status_has_the_refusal_that_lasts_longest(tmp_path: Path) -> None:
    virtual = VirtualGateway(config(tmp_path, [{}, {}]), RACE_START_MS, connections=2)
    await virtual.start()
    for uplink, reason in zip(virtual.uplinks, ("second", "first"), strict=True):
        uplink.answer = lambda _, reason=reason: Answer(Verdict.REFUSED, reason)  # type: ignore[misc]
    virtual.uplinks[1].connect()
    await virtual.run_for(10)
    virtual.uplinks[0].connect()
    await virtual.run_for(10)
    cloud = virtual.gateway.status.cloud
    assert (cloud.refusal, cloud.is_connected) == ("first", True)
    assert 18 <= cloud.refused_s <= 20, "from the first second on, which ends after one"
    await virtual.stop()


async def test_status_has_the_takeovers_of_all_connections(tmp_path: Path) -> None:
    virtual = VirtualGateway(config(tmp_path, [{}]), RACE_START_MS, connections=2)
    await virtual.start()
    for uplink in virtual.uplinks:
        uplink.connect()
        uplink.cut("session taken over", ending=Ending.TAKEN_OVER)
        uplink.connect()
    cloud = virtual.gateway.status.cloud
    assert (cloud.takeovers, cloud.brief_hangups) == (2, 0)
    await virtual.stop()


async def test_status_has_how_long_a_bike_has_been_in_its_state(tmp_path: Path) -> None:
    faults = {"disconnect_at_s": 20, "disconnect_for_s": 9}
    virtual = VirtualGateway(config(tmp_path, [{"faults": faults}]), RACE_START_MS)
    await virtual.start()
    await virtual.run_for(19)
    (bike,) = virtual.gateway.status.bikes
    assert (bike.state, bike.is_connected, bike.state_s) == (LinkState.CONNECTED, True, 19)
    await virtual.run_for(6)
    (bike,) = virtual.gateway.status.bikes
    assert (bike.state, bike.state_s) == (LinkState.LOST, 5), "also when it is tried again"
    await virtual.stop()


async def test_status_has_the_age_of_the_last_sample(tmp_path: Path) -> None:
    virtual = VirtualGateway(config(tmp_path, [{}]), RACE_START_MS)
    await virtual.start()
    assert virtual.gateway.status.bikes[0].sample_age_s is None
    await virtual.run_for(3.4)
    assert virtual.gateway.status.bikes[0].sample_age_s == 0.4
    await virtual.stop()


async def test_racer_in_the_status_is_that_of_the_race(tmp_path: Path) -> None:
    race = Race(12, RACE_START_MS + 5000, 10, Racer(8, "Ada", 2))
    races = {"bike-1": BikeRaces([race])}
    virtual = VirtualGateway(config(tmp_path, [{}]), RACE_START_MS, races=races)
    await virtual.start()
    await virtual.run_for(8)
    (bike,) = virtual.gateway.status.bikes
    assert (bike.racer_name, bike.race_id, bike.second) == ("Ada", 12, 4)
    await virtual.run_for(20)
    (bike,) = virtual.gateway.status.bikes
    assert (bike.racer_name, bike.race_id) == ("Rider1", None)
    await virtual.stop()


async def test_note_of_the_observer_is_in_the_status(tmp_path: Path) -> None:
    virtual = await racing(tmp_path, 1)
    virtual.gateway.observer.note("metrics.port 9785: in use")
    status: GatewayStatus = virtual.gateway.status
    assert status.notes == ("metrics.port 9785: in use",)
    assert (status.thing_name, status.uptime_s) == ("gateway-1", 1.0)
    assert status.version
    await virtual.stop()


async def test_notes_on_the_config_are_replaced_by_those_of_the_next_reload(tmp_path: Path) -> None:
    virtual = await racing(tmp_path, 1)
    observer = virtual.gateway.observer
    observer.note("metrics.port 9785: in use")
    observer.note_config(["restart the gateway to apply the changed cloud"])
    observer.note_config(["restart the gateway to apply the changed buffer"])
    assert virtual.gateway.status.notes == (
        "metrics.port 9785: in use",
        "restart the gateway to apply the changed buffer",
    )
    await virtual.stop()


async def test_note_on_the_name_of_the_pages_lasts_until_the_name_leads_there(
    tmp_path: Path,
) -> None:
    virtual = await racing(tmp_path, 1)
    virtual.gateway.observer.note_name("Avahi does not answer")
    virtual.gateway.observer.note_name("Avahi is not running")
    assert virtual.gateway.status.notes == ("Avahi is not running",)
    virtual.gateway.observer.note_name(None)
    assert not virtual.gateway.status.notes
    await virtual.stop()


async def test_status_has_the_state_dir_of_the_config(tmp_path: Path) -> None:
    virtual = await racing(tmp_path, 1)
    assert virtual.gateway.status.holds(tmp_path)
    assert not virtual.gateway.status.holds(tmp_path / "other")
    await virtual.stop()


async def test_board_is_read_once_a_second_however_many_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[PiHealth] = []

    def read_pi_health() -> PiHealth:
        read.append(PiHealth(60.0 + len(read)))
        return read[-1]

    monkeypatch.setattr("gateway.status.observer.read_pi_health", read_pi_health)
    virtual = VirtualGateway(config(tmp_path, [{}]), RACE_START_MS)
    found = [virtual.gateway.status.pi for _ in range(3)]
    await virtual.clock.run_for(1)
    assert found == read * 3
    assert virtual.gateway.status.pi == PiHealth(61.0)
