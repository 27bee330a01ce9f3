"""Who takes part in a race, and from which second on; with whole gateways in virtual time."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.schema import Config
from gateway.daemon import races_of
from gateway.race.clock import RaceSecond
from gateway.race.joins import RACES_MAX, JoinedRide, Joins, UndatedTurn
from gateway.race.races import Race
from gateway.telemetry.message import Telemetry
from tests.support.files import written
from tests.support.gateways import VirtualGateway, config
from tests.support.scripted_bike import KNOB_ONLY, scripted_drivers
from tests.support.virtual_clock import VirtualClock

LENGTH_S = 20
RACE = 81_011_445
START_MS = RACE * LENGTH_S * 1000
NS_PER_S = 1_000_000_000


def second(
    number: int, race_id: int = RACE, *, waits_for_pedals: bool = True, later_ns: int = 0
) -> RaceSecond:
    """Return a second of a race that began `later_ns` after its usual start."""
    race = Race(race_id, race_id * 20_000, LENGTH_S, waits_for_pedals=waits_for_pedals)
    return RaceSecond(race, number, race.start_ms * 1_000_000 + number * NS_PER_S + later_ns)


def test_second_belongs_to_a_ride_from_the_first_turn_of_the_pedals_on() -> None:
    joins = Joins()
    pedalling = [False, False, True, False, True, False]
    found = [joins.add(second(n), 7, is_pedalling=p) for n, p in enumerate(pedalling, start=1)]
    assert found == [False, False, True, True, True, True]
    assert joins.last == JoinedRide(RACE, 7, 3)


def test_race_and_racer_are_joined_each_for_itself() -> None:
    joins = Joins()
    joins.add(second(1), 7, is_pedalling=True)
    assert not joins.add(second(2), 8, is_pedalling=False)
    assert not joins.add(second(2, RACE + 1), 7, is_pedalling=False)


def test_race_that_does_not_wait_for_pedals_is_joined_from_its_start() -> None:
    joins = Joins()
    assert joins.add(second(1, waits_for_pedals=False), 7, is_pedalling=False)
    assert joins.last is None


def test_earlier_second_dated_late_extends_the_ride() -> None:
    joins = Joins()
    joins.add(second(9), 7, is_pedalling=True)
    assert not joins.add(second(5), 7, is_pedalling=False)
    assert joins.add(second(4), 7, is_pedalling=True)
    assert joins.add(second(5), 7, is_pedalling=False)


def test_join_is_reported_once_per_ride() -> None:
    reported: list[JoinedRide | None] = []
    joins = Joins(on_change=lambda: reported.append(joins.last))
    for number in (1, 1, 2, 3):
        joins.add(second(number), 7, is_pedalling=True)
    joins.add(second(1, RACE + 1), 7, is_pedalling=True)
    assert reported == [JoinedRide(RACE, 7, 1), JoinedRide(RACE + 1, 7, 1)]


def test_oldest_ride_is_forgotten_beyond_the_limit() -> None:
    joins = Joins()
    for race_id in range(4096):
        joins.add(second(1, race_id), 7, is_pedalling=True)
    assert joins.has_joined(second(2, 0).race, 7, 2)
    joins.add(second(1, 4096), 7, is_pedalling=True)
    assert not joins.has_joined(second(2, 0).race, 7, 2)
    assert joins.has_joined(second(2, 1).race, 7, 2)
    assert joins.last == JoinedRide(4096, 7, 1)


def test_ride_of_an_earlier_process_is_continued() -> None:
    joins = Joins(JoinedRide(RACE, 7, 3))
    assert joins.last == JoinedRide(RACE, 7, 3)
    found = [joins.add(second(number), 7, is_pedalling=False) for number in (2, 3, 4)]
    assert found == [False, True, True]


@pytest.mark.parametrize("waits_for_pedals", [False, True])
def test_ride_gets_no_second_after_its_final(waits_for_pedals: bool) -> None:
    joins = Joins(JoinedRide(RACE, 7, 1))

    def add(number: int, racer_id: int = 7) -> bool:
        one = second(number, waits_for_pedals=waits_for_pedals)
        return joins.add(one, racer_id, is_pedalling=True)

    joins.end(second(8, waits_for_pedals=waits_for_pedals), 7)
    assert [add(number) for number in (7, 8, 9, 20)] == [True, True, False, False]
    assert add(9, racer_id=8), "another racer goes on"


@pytest.mark.parametrize(
    ("turns_in", "expected"), [(9, [True, True, True]), (10, [False, True, True])]
)
def test_race_that_a_clock_set_back_repeats_must_be_joined_again(
    turns_in: int, expected: list[bool]
) -> None:
    joins = Joins(JoinedRide(RACE, 7, 1))
    joins.end(second(8), 7)
    repeated = [
        joins.add(second(number, later_ns=NS_PER_S), 7, is_pedalling=number == turns_in)
        for number in (9, 10, 11)
    ]
    assert repeated == expected


def test_race_is_the_same_after_less_than_a_second_of_drift() -> None:
    joins = Joins(JoinedRide(RACE, 7, 1))
    joins.end(second(8), 7)
    assert not joins.add(second(9, later_ns=NS_PER_S - 1), 7, is_pedalling=True)


def test_oldest_final_is_forgotten_beyond_the_limit() -> None:
    joins = Joins()
    for race_id in range(RACES_MAX):
        joins.end(second(8, race_id), 7)
    assert not joins.add(second(9, 0), 7, is_pedalling=True)
    joins.end(second(8, RACES_MAX), 7)
    assert joins.add(second(9, 0), 7, is_pedalling=True)
    for race_id in (1, RACES_MAX):
        assert not joins.add(second(9, race_id), 7, is_pedalling=True)


def test_turn_of_the_pedals_before_the_time_is_known_is_kept_every_ten_seconds() -> None:
    kept: list[UndatedTurn | None] = []
    joins = Joins(on_change=lambda: kept.append(joins.turn))
    turns = [UndatedTurn("boot-1", at_s * NS_PER_S) for at_s in (40, 41, 49, 50, 59, 60)]
    for turn in turns:
        joins.add_turn(turn)
    assert kept == [turns[0], turns[3], turns[5]]


def test_turn_of_the_pedals_in_another_boot_is_kept_at_once() -> None:
    kept: list[UndatedTurn | None] = []
    joins = Joins(
        turn=UndatedTurn("boot-1", 40 * NS_PER_S), on_change=lambda: kept.append(joins.turn)
    )
    joins.add_turn(UndatedTurn("boot-1", 41 * NS_PER_S))
    assert kept == []
    joins.add_turn(UndatedTurn("boot-2", 42 * NS_PER_S))
    assert kept == [UndatedTurn("boot-2", 42 * NS_PER_S)]


class Rider:
    """A gateway with a bike that follows a script; its races of 20 s begin at `START_MS`."""

    def __init__(
        self,
        state_dir: Path,
        cadence_rpm: Sequence[float | None],
        *,
        join: str = "pedalling",
        per_class: bool = False,
        clock: VirtualClock | None = None,
        clock_is_set: bool = True,
    ) -> None:
        clock = clock or VirtualClock(START_MS - 400)
        clock.is_set = clock_is_set
        race = {"length_s": LENGTH_S, "join": join, "per_class": per_class}
        settings = config(state_dir, [{}], race)
        start_ns = clock.monotonic_ns_at(START_MS)
        options = {"start_ns": start_ns, "cadence_rpm": list(cadence_rpm)}
        bike = settings.bikes[0].model_copy(update={"driver": "scripted", "options": options})
        settings = settings.model_copy(update={"bikes": [bike]})
        self.virtual = VirtualGateway(settings, START_MS, drivers=scripted_drivers(), clock=clock)

    async def ride(self, seconds: float) -> list[Telemetry]:
        await self.start()
        await self.virtual.run_for(seconds)
        await self.virtual.stop()
        return self.virtual.delivered

    async def start(self) -> None:
        await self.virtual.start()
        self.virtual.uplink.connect()

    async def apply(self, changed: Config) -> None:
        """Apply a config, as SIGHUP does, and let two seconds pass."""
        gateway = self.virtual.gateway
        applying = asyncio.create_task(gateway.apply(changed, races_of(changed, None)))
        await self.virtual.run_for(2)
        await applying


async def ride(
    state_dir: Path, cadence_rpm: Sequence[float | None], join: str = "pedalling"
) -> list[Telemetry]:
    """Return the messages of a scripted ride, up to a second after its last race."""
    races = -(-len(cadence_rpm) // LENGTH_S)
    return await Rider(state_dir, cadence_rpm, join=join).ride(races * LENGTH_S + 1)


def seconds(messages: Sequence[Telemetry], race_id: int = RACE) -> list[int]:
    return [one.second for one in messages if one.race_id == race_id]


async def test_ride_is_sent_from_the_first_turn_of_the_pedals_to_the_final(tmp_path: Path) -> None:
    messages = await ride(tmp_path, [0] * 6 + [80] * 4 + [0] * 10)
    assert seconds(messages) == list(range(7, 21))
    assert [one.is_final for one in messages] == [False] * 13 + [True]
    assert messages[-1].samples == 14
    assert messages[-1].cadence == 0


async def test_bike_that_nobody_pedals_sends_nothing(tmp_path: Path) -> None:
    assert await ride(tmp_path, [0] * 40) == []


async def test_bike_that_is_switched_off_sends_nothing(tmp_path: Path) -> None:
    assert await ride(tmp_path, [None] * 40) == []


async def test_race_must_be_joined_again_in_the_next_one(tmp_path: Path) -> None:
    messages = await ride(tmp_path, [80] * 20 + [0] * 20 + [0] * 5 + [80] * 15)
    assert seconds(messages) == list(range(1, 21))
    assert seconds(messages, RACE + 1) == []
    assert seconds(messages, RACE + 2) == list(range(6, 21))


async def test_everybody_is_in_every_race_if_riders_join_always(tmp_path: Path) -> None:
    messages = await ride(tmp_path, [0] * 20, join="always")
    assert seconds(messages) == list(range(1, 21))


async def test_final_of_a_bike_lost_near_the_end_has_its_last_live_values(tmp_path: Path) -> None:
    messages = await ride(tmp_path, [80] * 15 + [None] * 5)
    assert seconds(messages) == [*range(1, 16), 20]
    final = messages[-1]
    assert (final.is_final, final.cadence, final.resistance, final.samples) == (True, 80, 40, 16)


async def test_final_of_a_bike_lost_earlier_has_cadence_0_and_the_last_resistance(
    tmp_path: Path,
) -> None:
    messages = await ride(tmp_path, [80] * 8 + [None] * 12)
    assert seconds(messages) == [*range(1, 9), 20]
    final = messages[-1]
    assert (final.is_final, final.cadence, final.resistance, final.samples) == (True, 0, 40, 9)


@pytest.mark.parametrize("kill", [False, True])
async def test_restart_in_mid_race_continues_a_joined_race(tmp_path: Path, kill: bool) -> None:
    script = [80] * 5 + [0] * 15
    before = Rider(tmp_path, script)
    await before.start()
    await before.virtual.run_for(8)
    await written(tmp_path / "joined.json")
    await (before.virtual.kill() if kill else before.virtual.stop())
    after = Rider(tmp_path, script, clock=before.virtual.clock)
    messages = await after.ride(13)
    sent = {one.second for one in (*before.virtual.delivered, *messages)}
    assert set(range(1, 8)) | set(range(13, 21)) <= sent
    assert messages[-1].is_final


async def test_restart_in_mid_race_does_not_join_a_race(tmp_path: Path) -> None:
    script = [80] * 20 + [0] * 20
    before = Rider(tmp_path, script)
    await before.start()
    await before.virtual.run_for(25)
    await before.virtual.stop()
    assert await Rider(tmp_path, script, clock=before.virtual.clock).ride(16) == []


async def test_undated_seconds_before_the_join_are_not_sent(tmp_path: Path) -> None:
    """The clock is set late; of the first race, only the seconds since its join are sent."""
    rider = Rider(tmp_path, [0] * 5 + [80] * 10 + [0] * 45, clock_is_set=False)
    await rider.start()
    await rider.virtual.run_for(30)
    assert rider.virtual.gateway.status.buffer.unnamed == 25, "6 … 30, and none before the join"
    rider.virtual.clock.is_set = True
    await rider.virtual.run_for(31)
    await rider.virtual.stop()
    messages = rider.virtual.delivered
    assert [(one.race_id, one.second) for one in messages] == [
        (RACE, number) for number in range(6, 21)
    ]
    assert messages[-1].is_final


@pytest.mark.parametrize("kill", [False, True])
@pytest.mark.parametrize("set_at_s", [12, 25])
async def test_restart_without_the_time_continues_a_joined_race(
    tmp_path: Path, kill: bool, set_at_s: int
) -> None:
    """The rider has stopped before the restart, and the clock is set after it."""
    script = [80] * 5 + [0] * 55
    before = Rider(tmp_path, script, clock_is_set=False)
    await before.start()
    await before.virtual.run_for(9)
    await written(tmp_path / "joined.json")
    await (before.virtual.kill() if kill else before.virtual.stop())
    clock = before.virtual.clock
    after = Rider(tmp_path, script, clock=clock, clock_is_set=False)
    await after.start()
    await after.virtual.run_for(set_at_s - 9)
    clock.is_set = True
    await after.virtual.run_for(50 - set_at_s)
    await after.virtual.stop()
    sent = seconds([*before.virtual.delivered, *after.virtual.delivered])
    restarted = {8, 9, 10} if kill else set()
    assert set(range(1, 21)) - restarted <= set(sent)
    assert after.virtual.delivered[-1].is_final


async def test_clock_that_is_set_back_does_not_make_an_idle_bike_ride_again(
    tmp_path: Path,
) -> None:
    rider = Rider(tmp_path, [80] * 20 + [0] * 100)
    await rider.start()
    await rider.virtual.run_for(25)
    ridden = rider.virtual.delivered
    rider.virtual.clock.step_wall(-40_000)
    await rider.virtual.run_for(60)
    await rider.virtual.stop()
    assert rider.virtual.delivered == ridden
    assert ridden[-1].is_final


async def test_bike_removed_and_configured_again_has_one_final_in_a_race(tmp_path: Path) -> None:
    rider = Rider(tmp_path, [80] * 40)
    await rider.start()
    await rider.virtual.run_for(8)
    both = rider.virtual.settings
    another = both.bikes[0].model_copy(update={"id": "bike-2", "racer_id": 2})
    await rider.apply(both.model_copy(update={"bikes": [another]}))
    await rider.apply(both)
    await rider.virtual.run_for(30)
    await rider.virtual.stop()
    first = [one for one in rider.virtual.delivered if one.bike_id == "bike-1"]
    assert [one.is_final for one in first if one.race_id == RACE].count(True) == 1
    assert seconds(first)[-1] == max(seconds(first)) < 20
    assert seconds(first, RACE + 1) == list(range(1, 21))


async def test_class_changed_without_the_time_rides_the_races_of_its_class(tmp_path: Path) -> None:
    rider = Rider(tmp_path, [80] * 60, clock_is_set=False, per_class=True)
    await rider.start()
    await rider.virtual.run_for(8)
    settings = rider.virtual.settings
    changed = settings.bikes[0].model_copy(update={"class_id": 2})
    await rider.apply(settings.model_copy(update={"bikes": [changed]}))
    await rider.virtual.run_for(4)
    rider.virtual.clock.is_set = True
    await rider.virtual.run_for(30)
    await rider.virtual.stop()
    assert rider.virtual.delivered
    assert {(one.race_id % 10, one.class_id) for one in rider.virtual.delivered} == {(2, 2)}


async def test_final_of_a_bike_that_is_back_without_a_cadence_has_its_last_live_values(
    tmp_path: Path,
) -> None:
    rider = Rider(tmp_path, [80] * 13 + [None] + [KNOB_ONLY] * 26)
    messages = await rider.ride(21)
    assert seconds(messages) == [*range(1, 14), 20]
    assert (messages[-1].is_final, messages[-1].cadence) == (True, 80)


async def test_idle_bike_without_the_time_writes_nothing(tmp_path: Path) -> None:
    rider = Rider(tmp_path, [0] * 40, clock_is_set=False)
    await rider.start()
    await rider.virtual.run_for(30)
    assert rider.virtual.gateway.status.buffer.unnamed == 0
    await rider.virtual.stop()


@pytest.mark.slow
async def test_two_idle_hours_send_nothing_and_change_no_file(tmp_path: Path) -> None:
    """A day takes a minute and is the same."""
    rider = Rider(tmp_path, [0] * 7300)
    await rider.start()
    await rider.virtual.run_for(10)
    before = files(tmp_path)
    await rider.virtual.run_for(7200)
    assert rider.virtual.gateway.status.produced == 0
    assert rider.virtual.delivered == []
    assert files(tmp_path) == before
    await rider.virtual.stop()


def files(directory: Path) -> dict[str, tuple[int, bytes]]:
    """Return when each file was last written, and its content."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in directory.rglob("*")
        if path.is_file()
    }


SCRIPTS = st.lists(
    st.tuples(st.sampled_from([0.0, 80.0, None]), st.integers(1, 25)), min_size=1, max_size=8
).map(lambda parts: [rpm for rpm, length_s in parts for _ in range(length_s)])


@given(SCRIPTS)
async def test_messages_of_a_race_are_the_seconds_since_the_join_and_its_final(
    script: list[float | None],
) -> None:
    with TemporaryDirectory() as state_dir:
        messages = await ride(Path(state_dir), script)
    races = -(-len(script) // LENGTH_S)
    script = script + [None] * (races * LENGTH_S - len(script))
    for number in range(races):
        of_race = script[number * LENGTH_S : (number + 1) * LENGTH_S]
        sent = [one for one in messages if one.race_id == RACE + number]
        assert_is_the_ride(sent, of_race)


def assert_is_the_ride(sent: Sequence[Telemetry], script: Sequence[float | None]) -> None:
    """Assert that exactly the seconds since the join were sent, as far as the script decides it.

    In the second in which a bike is found or lost, it depends on the instants of its reports.
    """
    if not any(script):
        assert not [one for one in sent if one.cadence > 0]
        return
    joined = next(at for at, rpm in enumerate(script, start=1) if rpm)
    numbers = [one.second for one in sent]
    assert numbers == sorted(set(numbers))
    assert joined <= numbers[0] <= joined + 1
    assert (numbers[-1], sent[-1].is_final) == (LENGTH_S, True)
    assert not any(one.is_final for one in sent[:-1])
    for at in range(numbers[0], LENGTH_S):
        is_steady = script[at - 2 : at] in ([0.0, 0.0], [80.0, 80.0], [0.0, 80.0], [80.0, 0.0])
        if script[at - 1] is None and script[at - 2] is None:
            assert at not in numbers
        elif is_steady:
            assert at in numbers
