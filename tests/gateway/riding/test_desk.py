"""Riders are chosen, join and leave while bikes race; over the socket: test_server.py."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.config.riders import RiderConfig
from gateway.host.state_file import StateFiles
from gateway.race.control import open_remote_control
from gateway.riding.desk import NAMED_MAX, RideDesk
from gateway.riding.requests import JoinRace, LeaveRace, RideAnswer
from gateway.telemetry.message import Telemetry
from tests.gateway.race.test_commanded import start
from tests.support.files import full_disk
from tests.support.gateways import VirtualGateway, config
from tests.support.ride_bench import LENGTH_S, RACE, RIDERS, START_MS, RideBench
from tests.support.virtual_clock import VirtualClock

ALWAYS = [80.0] * 100
NEVER = [0.0] * 100


def updates(race: int, racer: int, seconds: Sequence[int]) -> list[tuple[int, int, int, str]]:
    """Return the messages of a ride whose last one is a final."""
    found = [(race, racer, second, "update") for second in seconds]
    return [*found[:-1], (race, racer, seconds[-1], "final")]


async def test_chosen_rider_rides_from_the_next_race_on(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, ALWAYS).start()
    await bench.run_for(5.5)
    answer = await bench.choose(8)
    assert answer == RideAnswer(
        "accepted",
        f"Ada rides bike-1 from the next race on (Rider1 finishes race {RACE}1), in class 1",
        bike_id="bike-1",
        race_id=RACE * 10 + 1,
        racer_id=8,
        class_id=1,
    )
    await bench.run_for(35)
    assert bench.ridden() == updates(0, 1, range(1, 21)) + updates(1, 8, range(1, 21))
    assert {one.name for one in bench.delivered if one.racer_id == 8} == {"Ada"}
    await bench.stop()


async def test_rider_chosen_before_the_pedals_turn_rides_at_once(tmp_path: Path) -> None:
    """The race in progress would else be scored for the rider before."""
    bench = await RideBench(tmp_path, [0.0] * 8 + [80.0] * 12).start()
    await bench.run_for(5.5)
    answer = await bench.choose(8)
    assert answer.text == "Ada rides bike-1 now, in class 1"
    await bench.run_for(15)
    assert bench.ridden() == updates(0, 8, range(9, 21))
    await bench.stop()


async def test_class_chosen_before_the_pedals_turn_is_ridden_in_the_race_of_that_class(
    tmp_path: Path,
) -> None:
    bench = await RideBench(tmp_path, [0.0] * 8 + [80.0] * 32).start()
    await bench.run_for(5.5)
    assert (await bench.choose(9)).text == "Grace rides bike-1 now, in class 3"
    await bench.run_for(10)
    assert (await bench.choose(9, 1)).class_id == 1
    await bench.run_for(25)
    assert bench.ridden() == updates(0, 9, range(9, 21)) + updates(1, 9, range(1, 21))
    assert [(one.race_id % 10, one.class_id) for one in bench.delivered if one.is_final] == [
        (3, 3),
        (1, 1),
    ]
    await bench.stop()


async def test_riders_own_race_is_not_the_chosen_riders_if_all_join_always(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, NEVER, join="always").start()
    await bench.run_for(0.5)
    assert "from the next race on" in (await bench.choose(9)).text
    await bench.run_for(40)
    assert bench.ridden() == updates(0, 1, range(1, 21)) + updates(1, 9, range(1, 21))
    await bench.stop()


async def test_second_choice_replaces_the_first_and_the_own_rider_ends_it(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, ALWAYS).start()
    await bench.run_for(5.5)
    assert (await bench.choose(8)).result == "accepted"
    assert (await bench.choose(9)).result == "accepted"
    assert (await bench.choose(9)).result == "already"
    await bench.run_for(20)
    [status] = bench.virtual.gateway.status.bikes
    assert (status.racer_id, status.class_id, status.is_rider_chosen) == (9, 3, True)
    assert (await bench.choose(1)).result == "accepted"
    [status] = bench.virtual.gateway.status.bikes
    assert (status.racer_id, status.next_racer_id, status.next_class_id) == (9, 1, 1)
    assert not status.is_rider_chosen
    await bench.run_for(17)
    assert bench.ridden()[-1][:2] == (2, 1)
    await bench.stop()


async def test_request_for_an_unknown_bike_or_rider_is_refused_with_what_is_expected(
    tmp_path: Path,
) -> None:
    bench = await RideBench(tmp_path, NEVER, bikes=2).start()
    expected = "expected one of: 1 (Rider1, class 1), 8 (Ada, class 1), 9 (Grace, class 3), 9 (Grac"
    refusals = [
        (
            await bench.choose(8, bike_id="bike-3"),
            "unknown bike 'bike-3'; expected one of: bike-1, bi",
        ),
        (await bench.choose(7), f"the config allows no racer 7 on bike-1; {expected}"),
        (await bench.choose(2), f"the config allows no racer 2 on bike-1; {expected}"),
        (
            await bench.choose(8, 3),
            f"the config allows no racer 8 in class 3 on bike-1; {expected}",
        ),
        (await bench.join("bike-3"), "unknown bike 'bike-3'"),
        (await bench.leave("\x1b"), "unknown bike '\\x1b'"),
    ]
    for answer, text in refusals:
        assert (answer.result, answer.text[: len(text)]) == ("refused", text)
    assert not (tmp_path / "riders.json").exists()
    await bench.stop()


async def test_refusal_names_only_some_of_many_riders(tmp_path: Path) -> None:
    riders = [RiderConfig(racer_id=n, racer_name=f"R{n}", class_ids=[1]) for n in range(100, 300)]
    bench = await RideBench(tmp_path, NEVER, riders=riders).start()
    text = (await bench.choose(7)).text
    assert text.endswith("R118, class 1) and 181 more")
    assert text.count("class 1") == NAMED_MAX
    await bench.stop()


async def test_rider_of_two_bikes_is_a_warning(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, NEVER, bikes=3).start()
    assert (await bench.choose(8)).warning is None
    assert (await bench.choose(8, bike_id="bike-2")).warning == "Ada is also the rider of bike-1"
    assert (await bench.choose(9)).warning is None
    await bench.stop()


async def test_bike_without_riders_has_only_its_own(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, NEVER, riders=[]).start()
    assert (await bench.choose(1)).result == "already"
    assert (await bench.choose(8)).is_refused
    await bench.stop()


async def test_joined_race_is_ridden_without_pedalling(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, NEVER).start()
    await bench.run_for(5.5)
    answer = await bench.join()
    assert (answer.result, answer.starts_in_s) == ("accepted", None)
    assert answer.text == f"Rider1 takes part in race {RACE}1, now in second 6"
    assert (await bench.join()).result == "already"
    await bench.run_for(20)
    assert bench.ridden() == updates(0, 1, range(6, 21))
    await bench.stop()


async def test_race_that_was_left_ends_with_the_running_second_and_is_not_joined_again(
    tmp_path: Path,
) -> None:
    bench = await RideBench(tmp_path, ALWAYS).start()
    await bench.run_for(5.5)
    answer = await bench.leave()
    assert answer.text == (f"Rider1 has left race {RACE}1, which ends for this rider with second 6")
    assert (await bench.leave()).result == "already"
    await bench.run_for(1)
    [status] = bench.virtual.gateway.status.bikes
    assert (status.race_id, status.second, status.starts_in_s) == (RACE * 10 + 11, 1, 13.5)
    assert status.not_joined == "the race has not begun"
    await bench.run_for(34)
    assert bench.ridden() == updates(0, 1, range(1, 7)) + updates(1, 1, range(1, 21))
    [final, _] = [one for one in bench.delivered if one.is_final]
    assert final.samples == 6
    await bench.stop()


async def test_next_race_can_be_joined_after_leaving_and_left_before_it_begins(
    tmp_path: Path,
) -> None:
    bench = await RideBench(tmp_path, [80.0] * 6 + [0.0] * 60).start()
    await bench.run_for(5.5)
    await bench.leave()
    await bench.run_for(1)
    answer = await bench.join()
    assert (answer.result, answer.starts_in_s) == ("accepted", 13.5)
    assert answer.text == f"Rider1 takes part in race {RACE + 1}1, which begins in 14 s"
    assert (await bench.leave()).text == f"Rider1 has left race {RACE + 1}1, which has not begun"
    await bench.run_for(35)
    assert bench.ridden() == updates(0, 1, range(1, 7))
    await bench.join()
    await bench.run_for(20)
    assert bench.ridden() == updates(0, 1, range(1, 7)) + updates(2, 1, range(2, 21))
    await bench.stop()


async def test_rider_chosen_after_a_join_of_a_later_race_has_to_join_it(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, [80.0] * 6 + [0.0] * 60).start()
    await bench.run_for(5.5)
    await bench.leave()
    await bench.run_for(1)
    await bench.join()
    assert (await bench.choose(8)).text == "Ada rides bike-1 from the next race on, in class 1"
    await bench.choose(1)
    await bench.run_for(40)
    assert bench.ridden() == updates(0, 1, range(1, 7))
    await bench.stop()


async def test_race_is_not_ridden_by_another_after_its_rider_has_left(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, ALWAYS).start()
    await bench.run_for(5.5)
    await bench.leave()
    await bench.choose(8)
    await bench.run_for(35)
    assert bench.ridden() == updates(0, 1, range(1, 7)) + updates(1, 8, range(1, 21))
    await bench.stop()


async def test_rider_of_another_class_rides_its_race_after_the_bikes_rider_has_left(
    tmp_path: Path,
) -> None:
    bench = await RideBench(tmp_path, ALWAYS).start()
    await bench.run_for(5.5)
    await bench.leave()
    await bench.run_for(2)
    assert (await bench.choose(9)).text == "Grace rides bike-1 now, in class 3"
    await bench.run_for(13)
    assert bench.ridden() == updates(0, 1, range(1, 7)) + updates(0, 9, range(8, 21))
    assert {one.race_id % 10 for one in bench.delivered[6:]} == {3}
    await bench.stop()


async def test_race_that_all_join_cannot_be_left_before_it_begins(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, NEVER, join="always").start()
    await bench.run_for(5.5)
    assert (await bench.join()).result == "already"
    assert (await bench.leave()).result == "accepted"
    await bench.run_for(2)
    answer = await bench.leave()
    assert answer.is_refused
    assert "has not begun; every bike of this gateway takes part in every race" in answer.text
    await bench.run_for(33)
    assert bench.ridden() == updates(0, 1, range(1, 7)) + updates(1, 1, range(1, 21))
    await bench.stop()


async def test_idle_rider_has_nothing_to_leave(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, NEVER).start()
    await bench.run_for(5.5)
    assert (await bench.leave()).text == f"Rider1 does not take part in race {RACE}1"
    await bench.stop()


async def test_rider_in_the_last_second_has_left_already(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, ALWAYS).start()
    await bench.run_for(19.5)
    assert (await bench.leave()).result == "already"
    await bench.run_for(21)
    assert bench.ridden() == updates(0, 1, range(1, 21)) + updates(1, 1, range(1, 21))
    await bench.stop()


async def test_race_of_one_second_can_be_left_before_it_begins(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, NEVER, length_s=1).start()
    await bench.run_for(0.5)
    bench.clock.step_wall(-1000)  # the next race begins in a second and a half
    await bench.run_for(0.6)
    assert (await bench.join()).starts_in_s == 0.9
    assert (await bench.leave()).result == "accepted"
    await bench.run_for(4)
    assert bench.delivered == []
    await bench.stop()


async def test_requests_are_refused_while_the_clock_is_not_set(tmp_path: Path) -> None:
    clock = VirtualClock(START_MS)
    clock.is_set = False
    bench = await RideBench(tmp_path, ALWAYS, clock=clock).start()
    await bench.run_for(5.5)
    for answer in (await bench.choose(8), await bench.join(), await bench.leave()):
        assert answer.text == "this gateway's clock is not set yet; try again in a minute"
    clock.is_set = True
    assert (await bench.choose(8)).is_refused, "its running second has no race yet"
    await bench.run_for(1)
    assert (await bench.choose(9)).result == "accepted"
    await bench.run_for(14)
    assert bench.ridden() == updates(0, 1, range(1, 21))
    await bench.stop()


async def test_seconds_without_a_date_are_those_of_the_rider_before_a_choice(
    tmp_path: Path,
) -> None:
    """Between the setting of the clock and the dating of the seconds, a rider is chosen."""
    clock = VirtualClock(START_MS)
    clock.is_set = False
    bench = await RideBench(tmp_path, [80.0] * 15 + [0.0] * 60, clock=clock).start()
    await bench.run_for(29.5)
    clock.is_set = True
    await bench.clock.run_for(0.6)
    assert (await bench.choose(9)).result == "accepted"
    await bench.run_for(15)
    assert bench.ridden() == updates(0, 1, range(1, 21))
    await bench.stop()


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_race_that_was_joined_before_the_clock_was_set_keeps_its_rider(
    tmp_path: Path, is_restarted: bool
) -> None:
    """The choice comes with the first second that has a race, before that has ended."""
    clock = VirtualClock(START_MS)
    clock.is_set = False
    clock.stall(0.3)  # the gateway looks at the clock that long after each second
    bench = await RideBench(tmp_path, [80.0] * 8 + [0.0] * 60, clock=clock).start()
    await bench.run_for(9.2)
    clock.is_set = True
    if is_restarted:
        await bench.kill()
        bench = await RideBench(tmp_path, [80.0] * 8 + [0.0] * 60, clock=clock).start()
    else:
        await clock.run_for(0.6)
    assert "Rider1 finishes race" in (await bench.choose(9)).text
    await bench.run_for(30)
    assert {one[1] for one in bench.ridden()} == {1}
    assert bench.ridden()[-1] == (0, 1, 20, "final")
    await bench.stop()


async def test_remote_races_are_the_backends_and_shown(tmp_path: Path) -> None:
    clock = VirtualClock(START_MS)
    files = StateFiles(tmp_path)
    control = open_remote_control(files, ["bike-1"], clock)
    settings = config(tmp_path, [{}], {"mode": "remote"}).model_copy(update={"riders": RIDERS})
    virtual = VirtualGateway(
        settings, START_MS, clock=clock, files=files, races={"bike-1": control.races_of("bike-1")}
    )
    await virtual.start()
    begins_ms = START_MS + 60_000
    await control.handle(start(startMs=begins_ms, race_id=12, racer_id=7))
    await clock.settle()
    desk = virtual.gateway.desk
    assert isinstance(desk, RideDesk)
    for request in (JoinRace("bike-1"), LeaveRace("bike-1")):
        answer = await desk.handle(request)
        assert answer.is_refused
        assert "the backend commands who rides" in answer.text
    await virtual.run_for(10)
    status = virtual.gateway.status
    [bike] = status.bikes
    assert (status.race_mode, bike.race_id, bike.starts_in_s) == ("remote", 12, 50.0)
    [commanded] = bike.commanded
    assert (commanded.race_id, commanded.racer_id, commanded.name) == (12, 7, "Hayden")
    assert (commanded.start_ms, commanded.starts_in_s) == (begins_ms, 50.0)
    await virtual.run_for(60)
    [under_way] = virtual.gateway.status.bikes[0].commanded
    assert (under_way.race_id, under_way.starts_in_s) == (12, None)
    assert virtual.delivered == []
    await virtual.stop()


async def test_choice_that_cannot_be_saved_applies_with_a_warning(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, ALWAYS).start()
    await bench.run_for(5.5)
    with full_disk():
        answer = await bench.choose(8)
    assert answer.result == "accepted"
    assert answer.warning == (
        "not saved: No space left on device; this is lost if the gateway restarts, so repeat it "
        "later"
    )
    await bench.run_for(35)
    assert bench.ridden()[-1] == (1, 8, 20, "final")
    await bench.stop()


async def test_choices_at_the_same_time_are_both_answered_and_the_later_one_applies(
    tmp_path: Path,
) -> None:
    bench = await RideBench(tmp_path, ALWAYS, bikes=2).start()
    await bench.run_for(5.5)
    answers = await asyncio.gather(
        bench.choose(8), bench.choose(9), bench.choose(8, bike_id="bike-2"), bench.leave("bike-2")
    )
    assert [one.result for one in answers] == ["accepted"] * 4
    await bench.kill()
    after = await RideBench(tmp_path, ALWAYS, bikes=2, clock=bench.clock).start()
    await after.run_for(35)
    assert {one[:2] for one in after.ridden("bike-1")} == {(0, 1), (1, 9)}
    assert {one[:2] for one in after.ridden("bike-2")} == {(0, 2), (1, 8)}
    await after.stop()


async def test_request_is_logged_with_its_bike_only_if_it_is_ours(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, NEVER).start()
    with capture_logs() as logs:
        await bench.choose(8)
        await bench.choose(8, bike_id="strange")
    found = [log for log in logs if log["event"] == "ride request"]
    assert [(log["action"], log["result"], log.get("bike")) for log in found] == [
        ("choose", "accepted", "bike-1"),
        ("choose", "refused", None),
    ]
    await bench.stop()


async def test_choice_survives_a_reload_until_the_config_forbids_it(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, NEVER, bikes=2).start()
    await bench.choose(8)
    await bench.reload(bench.settings)
    assert bench.virtual.gateway.status.bikes[0].racer_id == 8
    with capture_logs() as logs:
        await bench.reload(bench.settings.model_copy(update={"riders": RIDERS[1:]}))
    assert "chosen rider no longer allowed by the config; the bike's own rider rides instead" in [
        log["event"] for log in logs
    ]
    assert bench.virtual.gateway.status.bikes[0].racer_id == 1
    assert (tmp_path / "riders.json").read_text() == "{}"
    await bench.stop()


async def test_bike_that_is_being_removed_cannot_be_given_another_rider(tmp_path: Path) -> None:
    bench = await RideBench(tmp_path, ALWAYS, bikes=2).start()
    await bench.run_for(5.5)
    changed = bench.settings.model_copy(update={"bikes": bench.settings.bikes[:1]})
    reloading = asyncio.create_task(bench.reload(changed))
    await bench.run_for(0.1)
    answer = await bench.choose(8, bike_id="bike-2")
    assert answer.text == "unknown bike 'bike-2'; expected one of: bike-1"
    await reloading
    await bench.run_for(30)
    assert bench.ridden("bike-2") == updates(0, 2, range(1, 7))
    await bench.stop()


@pytest.mark.parametrize("join", ["pedalling", "always"])
@pytest.mark.parametrize("per_class", [True, False])
async def test_choice_before_a_kill_is_for_the_next_race_also_after_it(
    tmp_path: Path, join: str, per_class: bool
) -> None:
    bench = await RideBench(tmp_path, ALWAYS, per_class=per_class, join=join).start()
    await bench.run_for(5.5)
    await bench.choose(9, 3)
    await bench.kill()
    after = RideBench(tmp_path, ALWAYS, clock=bench.clock, per_class=per_class, join=join)
    await after.start()
    await after.run_for(35)
    number = 10 if per_class else 1
    raced = {(one.race_id // number - RACE, one.racer_id, one.class_id) for one in after.delivered}
    assert (
        raced == {(0, 1, 1), (1, 9, 3)}
        if per_class
        else {one[1:] for one in raced}
        == {
            (1, 1),
            (9, 3),
        }
    )
    assert [one.second for one in after.delivered if one.is_final] == [20, 20]
    await after.stop()


@pytest.mark.parametrize("join", ["pedalling", "always"])
@pytest.mark.parametrize("killed_after_s", [0.1, 3.0])
async def test_race_that_was_left_before_a_kill_has_one_final_at_most(
    tmp_path: Path, join: str, killed_after_s: float
) -> None:
    bench = await RideBench(tmp_path, ALWAYS, join=join).start()
    await bench.run_for(5.5)
    await bench.leave()
    await bench.run_for(killed_after_s)
    await bench.kill()
    after = await RideBench(tmp_path, ALWAYS, clock=bench.clock, join=join).start()
    await after.run_for(35)
    first = [one for one in (*bench.ridden(), *after.ridden()) if one[0] == 0]
    assert [one for one in first if one[3] == "final"] == [(0, 1, 6, "final")]
    assert max(one[2] for one in first) == 6
    await after.stop()


async def test_race_left_before_the_next_was_joined_stays_left_after_a_kill(
    tmp_path: Path,
) -> None:
    bench = await RideBench(tmp_path, ALWAYS).start()
    await bench.run_for(5.5)
    await bench.leave()
    await bench.run_for(2)
    await bench.join()
    await bench.kill()
    after = await RideBench(tmp_path, ALWAYS, clock=bench.clock).start()
    await after.run_for(32.6)
    assert after.ridden() == updates(1, 1, range(1, 21))
    await after.stop()


Action = Literal["choose", "join", "leave", "kill", "wait"]


@dataclass
class Oracle:
    """What the requests so far mean for each race; the pedals turn all the time."""

    chosen: int = 1
    #: The racer of each race that was joined, by its number.
    racers: dict[int, int] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)

    def ride(self, race: int) -> None:
        """Note that a second of this race has ended with the pedals turning."""
        self.racers.setdefault(race, self.chosen)


PARTS = st.lists(
    st.tuples(
        st.sampled_from(["choose", "choose", "choose", "leave", "kill", "wait"]),
        st.sampled_from([1, 8, 9]),
        st.integers(1, 170),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.timeout(600)  # races for up to three minutes of virtual time, a hundred times
@given(PARTS, st.sampled_from(["pedalling", "always"]))
async def test_each_second_is_scored_for_the_racer_of_its_race(
    parts: list[tuple[Action, int, int]], join: str
) -> None:
    """Whatever is chosen, left or killed at any time: one racer, one final, no second twice."""
    oracle, sent = Oracle(), list[Telemetry]()
    killed_at: list[float] = []
    with TemporaryDirectory() as directory:
        clock = VirtualClock(START_MS)
        now_s = 0.0

        def fresh() -> RideBench:
            script = [80.0] * 400
            return RideBench(Path(directory), script, clock=clock, per_class=False, join=join)

        bench = await fresh().start()
        for action, racer, tenths in parts:
            for _ in range(tenths):
                before, now_s = now_s, round(now_s + 0.1, 1)
                await bench.run_for(0.1)
                if int(now_s) > int(before):
                    race = int(now_s - 1) // LENGTH_S
                    if race not in oracle.left or int(now_s - 1) % LENGTH_S < oracle.left[race]:
                        oracle.ride(race)
            race, second = int(now_s) // LENGTH_S, int(now_s) % LENGTH_S + 1
            if join == "always" and race not in oracle.left:
                oracle.ride(race)
            if action == "choose":
                await bench.choose(racer, 1)
                oracle.chosen = racer
            elif action == "leave" and (await bench.leave()).result == "accepted":
                oracle.left[race] = second
            elif action == "kill":
                await bench.kill()
                sent += bench.delivered
                killed_at.append(now_s)
                bench = await fresh().start()
        await bench.run_for(2 * LENGTH_S)
        await bench.stop()
        sent += bench.delivered
    assert_is_scored(sent, oracle, killed_at)


def assert_is_scored(sent: Sequence[Telemetry], oracle: Oracle, killed_at: Sequence[float]) -> None:
    by_race: dict[int, dict[int, Telemetry]] = {}
    for one in sent:
        seconds = by_race.setdefault(one.race_id - RACE, {})
        assert seconds.setdefault(one.second, one).racer_id == one.racer_id
    for race, seconds in by_race.items():
        racers = {one.racer_id for one in seconds.values()}
        assert racers == {oracle.racers.get(race, oracle.chosen)}, f"race {race}"
        last = oracle.left.get(race, LENGTH_S)
        assert max(seconds) <= last
        finals = [second for second, one in seconds.items() if one.is_final]
        assert finals in ([], [last])
        lost = set(range(min(seconds), max(seconds) + 1)) - seconds.keys()
        ends = {int(at_s) - race * LENGTH_S + more for at_s in killed_at for more in (0, 1, 2)}
        assert lost <= ends, f"race {race}"
