"""Commands to a whole gateway; over a real broker: tests/e2e/test_remote_race.py."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.host.state_file import MAX_BYTES, StateFiles
from gateway.race.commanded import MAX_RACES, MAX_REMEMBERED, RemoteRaces
from gateway.race.control import RemoteControl, open_remote_control
from gateway.race.races import MAX_ID
from tests.gateway.host.test_state_file import BusyDisk
from tests.gateway.race.test_commanded import NOW_MS, start, stop
from tests.support.gateways import VirtualGateway, config
from tests.support.virtual_clock import VirtualClock

DAY_MS = 86_400_000


class Rig:
    """Two bikes that ride by command."""

    def __init__(self, state_dir: Path, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock(NOW_MS)
        state_dir.mkdir(exist_ok=True)
        self.files = StateFiles(state_dir)
        self.control = open_remote_control(self.files, ["bike-1", "bike-2"], self.clock)
        self.virtual = VirtualGateway(
            config(state_dir, [{}, {}]),
            NOW_MS,
            clock=self.clock,
            files=self.files,
            races={bike_id: self.control.races_of(bike_id) for bike_id in ("bike-1", "bike-2")},
        )

    async def command(self, payload: bytes) -> bool:
        response = json.loads(await self.control.handle(payload))
        await self.clock.settle()
        ok: bool = response["ok"]
        return ok

    def ridden(self, bike_id: str = "bike-1") -> list[tuple[int, int, str]]:
        return [
            (t.race_id, t.second, t.event) for t in self.virtual.delivered if t.bike_id == bike_id
        ]

    async def start(self) -> None:
        await self.virtual.start()
        self.virtual.uplink.connect()


async def test_bike_rides_only_when_commanded(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.start()
    await rig.virtual.run_for(20)
    assert rig.virtual.delivered == []
    assert await rig.command(start(in_s=25, length_s=4))
    await rig.virtual.run_for(10)
    assert rig.ridden() == [
        (12, 1, "update"), (12, 2, "update"), (12, 3, "update"), (12, 4, "final"),
    ]  # fmt: skip
    assert rig.ridden("bike-2") == []
    await rig.virtual.stop()


async def test_race_stopped_midway_ends_with_a_final(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.start()
    await rig.command(start(in_s=0))
    await rig.virtual.run_for(3.5)
    assert await rig.command(stop())
    await rig.virtual.run_for(5)
    assert [event for _, _, event in rig.ridden()] == ["update"] * 3 + ["final"]
    [final] = [t for t in rig.virtual.delivered if t.is_final]
    assert (final.second, final.samples) == (4, 4)
    await rig.virtual.stop()


async def test_race_that_replaces_another_begins_at_its_current_second(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    await rig.start()
    await rig.command(start(in_s=0))
    await rig.virtual.run_for(3.5)
    assert not await rig.command(start(in_s=2, race_id=13, racer_id=8))
    assert await rig.command(start("replace", in_s=2, race_id=13, racer_id=8, length_s=5))
    await rig.virtual.run_for(6)
    assert rig.ridden() == [
        (12, 1, "update"), (12, 2, "update"), (12, 3, "update"), (12, 4, "final"),
        (13, 3, "update"), (13, 4, "update"), (13, 5, "final"),
    ]  # fmt: skip
    await rig.virtual.stop()


async def test_final_counts_the_seconds_of_its_racer_only(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.start()
    await rig.command(start(in_s=0, racer_id=7, length_s=10))
    await rig.virtual.run_for(3.5)
    assert await rig.command(start("replace", in_s=0, racer_id=8, length_s=10))
    await rig.virtual.run_for(8)
    finals = [(t.racer_id, t.second, t.samples) for t in rig.virtual.delivered if t.is_final]
    assert finals == [(7, 4, 4), (8, 10, 6)]
    await rig.virtual.stop()


@pytest.mark.parametrize("is_replaced", [False, True])
async def test_race_stopped_before_a_kill_is_closed_by_a_restart_within_its_last_second(
    tmp_path: Path, is_replaced: bool
) -> None:
    killed = Rig(tmp_path)
    await killed.start()
    await killed.command(start(in_s=0))
    await killed.virtual.run_for(3.2)
    replacing = start("replace", in_s=2, race_id=13, racer_id=8, length_s=5)
    assert await killed.command(replacing if is_replaced else stop())
    await killed.virtual.kill()
    after = Rig(tmp_path, killed.clock)
    await after.start()
    await after.virtual.run_for(10)
    following = [(13, 3, "update"), (13, 4, "update"), (13, 5, "final")] if is_replaced else []
    assert after.ridden() == [(12, 4, "final"), *following]
    await after.virtual.stop()


@pytest.mark.parametrize("step_ms", [-20, 20, 100_000])
async def test_race_that_was_stopped_has_one_final_after_any_clock_step(
    tmp_path: Path, step_ms: int
) -> None:
    rig = Rig(tmp_path)
    await rig.start()
    await rig.command(start(in_s=0))
    await rig.virtual.run_for(3.5)
    rig.clock.step_wall(step_ms)
    assert await rig.command(start("replace", in_s=2, race_id=13, racer_id=8, length_s=200))
    await rig.virtual.run_for(3)
    assert [second for race, second, event in rig.ridden() if event == "final"] == [4]
    assert {race for race, _, _ in rig.ridden()[4:]} == {13}
    await rig.virtual.stop()


async def test_start_of_a_stopped_race_is_refused_with_the_reason(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.start()
    await rig.command(start(in_s=0))
    await rig.virtual.run_for(3.5)
    await rig.command(stop())
    assert json.loads(await rig.control.handle(start(in_s=5))) == {
        "ok": False,
        "result": "refused",
        "reason": f"racer 7 has already begun race 12, at {NOW_MS} (ms since the epoch); choose "
        "another raceId or racer",
        "command": "start",
        "bikeId": "bike-1",
        "raceId": 12,
    }
    await rig.virtual.run_for(10)
    assert [second for _, second, _ in rig.ridden()] == [1, 2, 3, 4]
    await rig.virtual.stop()


@pytest.mark.parametrize("step_s", [-3600, 3600])
async def test_start_command_goes_by_a_clock_stepped_between_races(
    tmp_path: Path, step_s: int
) -> None:
    rig = Rig(tmp_path)
    await rig.start()
    await rig.virtual.run_for(20)
    rig.clock.step_wall(step_s * 1000)
    assert not await rig.command(start(in_s=step_s + 10, length_s=5)), "over 5 s ago"
    assert await rig.command(start(in_s=step_s + 22, length_s=4))
    await rig.virtual.run_for(1.9)
    assert rig.ridden() == []
    await rig.virtual.run_for(1.2)
    assert rig.ridden() == [(12, 1, "update")]
    await rig.virtual.stop()


async def test_commanded_race_continues_after_a_kill_and_restart(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.start()
    await rig.command(start(in_s=0, length_s=20))
    await rig.virtual.run_for(5)
    await rig.virtual.kill()
    following = Rig(tmp_path, rig.clock)
    await following.start()
    await following.virtual.run_for(20)
    assert [second for _, second, _ in following.ridden()] == list(range(6, 21))
    assert following.ridden()[-1] == (12, 20, "final")
    await following.virtual.stop()


@pytest.mark.parametrize("command", [start(), stop()])
async def test_command_is_refused_and_not_saved_while_the_clock_is_not_set(
    tmp_path: Path, command: bytes
) -> None:
    clock = VirtualClock(NOW_MS)
    clock.is_set = False
    rig = Rig(tmp_path, clock)
    await rig.start()
    assert not await rig.command(command)
    assert not (tmp_path / "races.json").exists()
    await rig.virtual.stop()


async def test_busy_disk_delays_responses_but_no_command(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    disk = BusyDisk(tmp_path / "races.json", "commanded races")
    control = RemoteControl(RemoteRaces(["bike-1", "bike-2"]), disk, rig.clock)
    responses = [
        asyncio.create_task(control.handle(start(race_id=race_id, in_s=10 * race_id, length_s=5)))
        for race_id in (1, 2, 3)
    ]
    assert await asyncio.to_thread(disk.is_saving.wait, 10)
    assert [race.race_id for race in control.races_of("bike-1").all] == [1, 2, 3]
    assert not any(response.done() for response in responses)
    disk.may_go_on.set()
    await asyncio.gather(*responses)
    assert len(disk.written) == 2, "those that waited are saved together"


async def test_command_with_a_racer_id_beyond_the_analytics_is_accepted_with_a_warning(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    with capture_logs() as logs:
        assert await rig.command(start(racer_id=2_147_483_648))
        assert await rig.command(start(in_s=400, race_id=13))
    assert [(one["event"], one["log_level"], "warning" in one) for one in logs] == [
        ("race command", "warning", True),
        ("race command", "info", False),
    ]


async def test_log_has_a_bike_only_if_the_gateway_has_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with capture_logs() as logs:
        assert await rig.command(start())
        assert not await rig.command(start().replace(b"bike-1", b"bike-99"))
    accepted, refused = logs
    assert accepted["bike"] == "bike-1"
    assert (refused["bike_id"], refused.get("bike")) == ("bike-99", None)


async def test_saved_race_with_an_id_that_javascript_confuses_is_dropped_with_a_log(
    tmp_path: Path,
) -> None:
    told = Rig(tmp_path)
    await told.command(start(race_id=1))
    await told.command(start(race_id=2, in_s=400, racer_id=8))
    await told.command(start(race_id=3, in_s=800, racer_id=9))
    saved = tmp_path / "races.json"
    content = saved.read_text()
    # As an older gateway saved them, which accepted such ids.
    content = content.replace('"race_id":1,', '"race_id":9007199254740992,')
    saved.write_text(content.replace('"racer_id":9,', '"racer_id":9007199254740993,'))
    with capture_logs() as logs:
        restored = Rig(tmp_path)
    assert [race.race_id for race in restored.control.races_of("bike-1").all] == [2]
    assert [(one["event"], one["bike"], one["race_id"], one["racer_id"]) for one in logs] == [
        ("commanded race dropped", "bike-1", 9_007_199_254_740_992, 7),
        ("commanded race dropped", "bike-1", 3, 9_007_199_254_740_993),
    ]
    problem = "Input should be less than or equal to 9007199254740991"
    assert [one["reason"] for one in logs] == [f"raceId: {problem}", f"racerId: {problem}"]
    [note] = restored.files.problems
    assert note.startswith(f"2 commanded races in {saved} cannot be ridden")


async def booted_without_the_time(state_dir: Path, *races: bytes) -> Rig:
    """Told of these races by an earlier process; the clock is a day ahead, and not set."""
    told = Rig(state_dir)
    for race in races:
        await told.control.handle(race)
    clock = VirtualClock(NOW_MS + DAY_MS, monotonic_ns=5_250_000_000)
    clock.is_set = False
    rig = Rig(state_dir, clock)
    await rig.start()
    return rig


def set_clock(rig: Rig) -> None:
    """A time server answers."""
    rig.clock.step_wall(-DAY_MS)
    rig.clock.is_set = True


@pytest.mark.slow
async def test_command_after_the_clock_is_set_leaves_undated_seconds_their_race(
    tmp_path: Path,
) -> None:
    rig = await booted_without_the_time(tmp_path, start(in_s=5, length_s=10))
    await rig.virtual.run_for(30)
    assert rig.ridden() == []
    set_clock(rig)
    assert await rig.command(start(in_s=60, race_id=13))
    await rig.virtual.run_for(5)
    assert rig.ridden() == [*((12, second, "update") for second in range(1, 10)), (12, 10, "final")]
    assert rig.virtual.delivered[-1].samples == 10
    await rig.virtual.stop()


@pytest.mark.slow
@pytest.mark.parametrize("command", [stop(), start("replace", in_s=25, race_id=13, racer_id=8)])
async def test_race_ended_after_the_clock_is_set_keeps_its_undated_seconds(
    tmp_path: Path, command: bytes
) -> None:
    rig = await booted_without_the_time(tmp_path, start(in_s=5, length_s=300))
    await rig.virtual.run_for(30)
    set_clock(rig)
    assert await rig.command(command)
    await rig.virtual.run_for(5)
    assert [ride for ride in rig.ridden() if ride[0] == 12] == [
        *((12, second, "update") for second in range(1, 26)),
        (12, 26, "final"),
    ]
    await rig.virtual.stop()


async def test_stopped_race_cannot_be_started_again_after_a_restart(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.start()
    await rig.command(start(in_s=0))
    await rig.virtual.run_for(3.5)
    assert await rig.command(stop())
    await rig.virtual.run_for(2)
    await rig.virtual.stop()
    following = Rig(tmp_path, rig.clock)
    await following.start()
    assert not await following.command(start(in_s=10))
    await following.virtual.stop()


@pytest.mark.slow
@pytest.mark.parametrize("before_s", [0.5, 4, 9])
async def test_clock_step_just_before_a_commanded_race_moves_its_start(
    tmp_path: Path, before_s: float
) -> None:
    rig = Rig(tmp_path)
    await rig.start()
    await rig.command(start(in_s=60, length_s=4))
    await rig.virtual.run_for(60 - before_s)
    rig.clock.step_wall(-30_000)
    await rig.virtual.run_for(before_s + 29.9)
    assert rig.ridden() == []
    await rig.virtual.run_for(5)
    assert [second for _, second, _ in rig.ridden()] == [1, 2, 3, 4]
    await rig.virtual.stop()


async def test_race_file_gives_back_the_races_it_saved(tmp_path: Path) -> None:
    before = Rig(tmp_path)
    await before.command(start(race_id=12))
    after = open_remote_control(StateFiles(tmp_path), ["bike-2", "bike-1"], before.clock)
    assert after.races_of("bike-1").all == before.control.races_of("bike-1").all != ()
    assert after.races_of("bike-2").all == ()


def race_file(*races: dict[str, Any], cut_short: Sequence[dict[str, Any]] = ()) -> bytes:
    """Return the file with these races of bike-1; each is a dict of what is unusual about it."""

    def whole(changes: dict[str, Any]) -> dict[str, Any]:
        racer = {"racer_id": 7, "name": "Hayden", "class_id": 1}
        racer |= {key: changes.pop(key) for key in racer.keys() & changes.keys()}
        return {
            "race_id": 12,
            "start_ms": NOW_MS + 5000,
            "length_s": 300,
            "racer": racer,
            "waits_for_pedals": False,
            **changes,
        }

    return json.dumps(
        {"bike-1": {"races": list(map(whole, races)), "cut_short": list(map(whole, cut_short))}}
    ).encode()


IMPOSSIBLE: list[dict[str, Any]] = [
    {"race_id": -1}, {"race_id": 2**70}, {"racer_id": -1}, {"racer_id": 2**70},
    {"class_id": 0}, {"class_id": 99}, {"name": ""}, {"name": "x" * 65}, {"racer": None},
    {"start_ms": -10**17}, {"start_ms": -1}, {"start_ms": 2**70}, {"start_ms": 10**300},
    {"length_s": 0}, {"length_s": -300}, {"length_s": 10**9}, {"length_s": 2**70},
    {"waits_for_pedals": True},
]  # fmt: skip


@pytest.mark.parametrize("changes", IMPOSSIBLE, ids=str)
async def test_saved_race_that_no_command_can_start_is_dropped_and_named(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    good = {"race_id": 13, "racer_id": 8, "start_ms": NOW_MS + 400_000}
    file = tmp_path / "races.json"
    file.write_bytes(race_file(dict(changes), dict(good), cut_short=[dict(changes)]))
    with capture_logs() as logs:
        rig = Rig(tmp_path)
    races = rig.control.races_of("bike-1")
    assert [race.race_id for race in races.all] == [13]
    assert races.cut_short == ()
    assert [log["event"] for log in logs] == ["commanded race dropped"] * 2
    assert rig.virtual.gateway.status.notes == (
        f"2 commanded races in {file} cannot be ridden; the log has the reasons. To ride such a "
        "race, correct what the log names, and send its start command again",
    )
    await rig.start()
    await rig.virtual.run_for(12)
    assert rig.ridden() == []
    await rig.virtual.stop()


def test_saved_races_that_overlap_or_repeat_a_racer_are_ridden_once(tmp_path: Path) -> None:
    content = race_file(
        {},
        {"race_id": 13, "start_ms": NOW_MS + 6000},
        {"start_ms": NOW_MS + 400_000},
        {"race_id": 14, "start_ms": NOW_MS + 800_000},
    )
    (tmp_path / "races.json").write_bytes(content)
    with capture_logs() as logs:
        rig = Rig(tmp_path)
    assert [race.race_id for race in rig.control.races_of("bike-1").all] == [12, 14]
    assert {log["reason"] for log in logs} == {
        "it overlaps with race 12",
        "the racer has another race with this id",
    }


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 200_000,
        b'{"bike-1": ' * 10_000,
        race_file({"start_ms": float("nan")}),
        race_file({"start_ms": float("inf")}),
        race_file({"start_ms": 0.5}),
        b'{"bike-1": {"races": {}, "cut_short": []}}',
        b'{"bike-1": {"races": [], "cut_short": [], "races": "x"}}',
        b"{%s}" % b",".join(b'"%d":{"races":[],"cut_short":[]}' % id_ for id_ in range(20_000)),
        b"null",
        b"\0" * 4096,
    ],
    ids=lambda content: repr(content[:40]),
)
async def test_gateway_races_with_a_race_file_of_any_content(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "races.json"
    file.write_bytes(content)
    rig = Rig(tmp_path)
    assert rig.virtual.gateway.status.files_set_aside == 1
    await rig.start()
    assert await rig.command(start(in_s=0, length_s=2))
    await rig.virtual.run_for(3)
    assert [second for _, second, _ in rig.ridden()] == [1, 2]
    await rig.virtual.stop()


async def test_races_of_a_bike_that_left_the_config_are_kept_in_the_file(tmp_path: Path) -> None:
    before = Rig(tmp_path)
    await before.command(start(race_id=12))
    without = open_remote_control(StateFiles(tmp_path), ["bike-2"], before.clock)
    response = json.loads(await without.handle(start(bike_id="bike-1", race_id=13)))
    assert response["reason"] == "unknown bike 'bike-1'; expected one of: bike-2"
    await without.handle(start(bike_id="bike-2", racer_id=8))
    after = open_remote_control(StateFiles(tmp_path), ["bike-1"], before.clock)
    assert [race.race_id for race in after.races_of("bike-1").all] == [12]


async def reload(rig: Rig, *numbers: int) -> None:
    """Apply a config with these bikes, as SIGHUP does."""
    bikes = rig.virtual.settings.bikes
    wanted = [bike for bike in bikes if int(bike.id[-1]) in numbers]
    rig.control.serve([bike.id for bike in wanted])
    changed = rig.virtual.settings.model_copy(update={"bikes": wanted})
    races_of = {bike.id: rig.control.races_of(bike.id) for bike in wanted}
    applying = asyncio.create_task(
        rig.virtual.gateway.apply(changed, lambda bike: races_of[bike.id])
    )
    await rig.virtual.run_for(1.1)
    await applying
    await rig.control.save()


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_race_of_a_bike_that_left_and_returned_is_not_ridden_twice(
    tmp_path: Path, is_restarted: bool
) -> None:
    rig = Rig(tmp_path)
    await rig.start()
    command = start(in_s=0, length_s=60)
    assert await rig.command(command)
    await rig.virtual.run_for(4.5)
    await reload(rig, 2)
    ridden = [(12, second, "update") for second in range(1, 5)] + [(12, 5, "final")]
    assert rig.ridden() == ridden
    if is_restarted:
        await rig.virtual.stop()
        rig = Rig(tmp_path, rig.clock)
        await rig.start()
        ridden = []
    await reload(rig, 1, 2)
    response = json.loads(await rig.control.handle(command))
    assert "has already begun race 12" in response["reason"]
    await rig.virtual.run_for(70)
    assert rig.ridden() == ridden, "one final at the most"
    await rig.virtual.stop()


async def test_race_of_a_bike_that_left_before_a_restart_is_not_ridden_on(tmp_path: Path) -> None:
    before = Rig(tmp_path)
    await before.start()
    running, planned = start(in_s=0, length_s=60), start(in_s=70, race_id=13, length_s=2)
    assert await before.command(running)
    assert await before.command(planned)
    await before.virtual.run_for(4.5)
    await before.virtual.stop()
    without = open_remote_control(StateFiles(tmp_path), ["bike-2"], before.clock)
    await without.handle(start(bike_id="bike-2", racer_id=9, in_s=1000))
    before.clock.step_wall(2000)
    rig = Rig(tmp_path, before.clock)
    await rig.start()
    assert "has already begun race 12" in json.loads(await rig.control.handle(running))["reason"]
    await rig.virtual.run_for(80)
    assert rig.ridden() == [(13, 1, "update"), (13, 2, "final")]
    await rig.virtual.stop()


async def test_race_planned_for_a_bike_is_ridden_after_the_bike_left_and_returned(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    await rig.start()
    assert await rig.command(start(in_s=10, length_s=2))
    await reload(rig, 2)
    await reload(rig, 1, 2)
    assert json.loads(await rig.control.handle(start(in_s=10, length_s=2)))["result"] == "already"
    await rig.virtual.run_for(15)
    assert rig.ridden() == [(12, 1, "update"), (12, 2, "final")]
    await rig.virtual.stop()


async def test_bike_that_leaves_before_the_clock_is_set_keeps_its_race(tmp_path: Path) -> None:
    rig = await booted_without_the_time(tmp_path, start(in_s=5, length_s=300))
    await reload(rig, 2)
    await reload(rig, 1, 2)
    set_clock(rig)
    assert json.loads(await rig.control.handle(start(in_s=5)))["result"] == "already"
    await rig.virtual.stop()


async def test_command_that_cannot_be_saved_is_answered_so_and_saved_when_repeated(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    obstacle = tmp_path / "races.json"
    obstacle.mkdir()
    for result in ("accepted", "already"):
        response = json.loads(await rig.control.handle(start()))
        assert (response["ok"], response["result"], response["untilRestart"]) == (
            True,
            result,
            True,
        )
        assert response["warning"].startswith("not saved: Is a directory; ")
    obstacle.rmdir()
    response = json.loads(await rig.control.handle(start()))
    assert response == {
        "ok": True, "result": "already", "command": "start", "bikeId": "bike-1", "raceId": 12
    }  # fmt: skip
    after = Rig(tmp_path, rig.clock)
    assert [race.race_id for race in after.control.races_of("bike-1").all] == [12]


async def test_racer_id_and_unsaved_command_are_both_warned_of(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    (tmp_path / "races.json").mkdir()
    response = json.loads(await rig.control.handle(start(racer_id=2_147_483_648)))
    assert "analytics; not saved: Is a directory" in response["warning"]


async def test_refused_command_is_not_called_unsaved(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    (tmp_path / "races.json").mkdir()
    assert "untilRestart" not in json.loads(await rig.control.handle(start(bike_id="bike-9")))


@pytest.mark.parametrize("content", [b"", b"{", b'{"bike-1": [{"race_id": "x"}]}', b"\xff\x00"])
def test_race_file_that_is_damaged_is_logged_and_means_no_races(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "races.json").write_bytes(content)
    with capture_logs() as logs:
        control = open_remote_control(StateFiles(tmp_path), ["bike-1"], VirtualClock(NOW_MS))
    assert control.races_of("bike-1").all == ()
    assert [log["event"] for log in logs] == ["commanded races not restored"]


async def test_races_of_an_earlier_version_are_read_and_the_newest_remembered(
    tmp_path: Path,
) -> None:
    """It remembered ten times as many. JSON escapes each character of the longest names."""
    count, begin_ms = 10 * MAX_REMEMBERED, NOW_MS - 50_000_000
    longest = {"name": "\x01" * 64, "racer_id": MAX_ID, "length_s": 1}
    races = [
        {**longest, "race_id": MAX_ID - n, "start_ms": begin_ms + 2000 * n} for n in range(count)
    ]
    cut_short = [{**race, "racer_id": 1} for race in races]
    file = tmp_path / "races.json"
    file.write_bytes(race_file(*races, cut_short=cut_short).replace(b": ", b":"))
    files = StateFiles(tmp_path)
    control = open_remote_control(files, ["bike-1"], VirtualClock(NOW_MS))
    assert files.problems == []
    for race_id in (12, 13):
        await control.handle(start("replace", race_id=race_id))
    kept = control.races_of("bike-1")
    assert (len(kept.all), len(kept.cut_short)) == (MAX_REMEMBERED + MAX_RACES, MAX_REMEMBERED)
    assert kept.all[-1].race_id == 13
    assert len(file.read_bytes()) < MAX_BYTES / 8, "each command writes all of it"


@pytest.mark.parametrize(("later_ms", "known"), [(DAY_MS - 1, [12, 13]), (DAY_MS, [13])])
async def test_ended_race_is_kept_for_a_day(
    tmp_path: Path, later_ms: int, known: list[int]
) -> None:
    clock = VirtualClock(NOW_MS)
    control = open_remote_control(StateFiles(tmp_path), ["bike-1"], clock)
    await control.handle(start(in_s=0, length_s=60))
    clock.step_wall(60_000 + later_ms)
    await control.handle(start(in_s=200_000, race_id=13))
    assert [race.race_id for race in control.races_of("bike-1").all] == known
