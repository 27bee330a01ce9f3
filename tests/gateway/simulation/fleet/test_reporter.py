from gateway.race.clock import RaceSecond
from gateway.simulation.cloud.client import StreamResult
from gateway.simulation.cloud.consumer import Standing
from gateway.simulation.fleet.meter import Meter
from gateway.simulation.fleet.plan import FleetOptions, Plan
from gateway.simulation.fleet.process import Usage
from gateway.simulation.fleet.racer import FleetRacer
from gateway.simulation.fleet.reporter import Reporter
from gateway.simulation.fleet.scene import Phase
from tests.support.virtual_clock import VirtualClock

PLAN = Plan(FleetOptions(racers=3, race_s=10))
RACE = PLAN.races_from(1_795_248_760_000)[0]


class Stream:
    """What the backend knows: told by the test."""

    def __init__(self) -> None:
        self.standings: list[Standing] = []
        self.records = 0

    async def count(self) -> int:
        return self.records

    async def result(self) -> StreamResult:
        shards = {RACE.race_id: ["shardId-000000000000"]}
        return StreamResult(self.records, 0, 0, 0, shards, self.standings)


class Rig:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.meter = Meter()
        self.stream = Stream()
        self.racers = [FleetRacer(seat, "thing", RACE) for seat in PLAN.seats()]
        self.reporter = Reporter(
            PLAN, "127.0.0.1:8883", self.meter, self.racers, self.stream, self.clock
        )

    def close(self, second: int) -> None:
        end_ns = second * 1_000_000_000
        for racer in self.racers:
            racer.close_second(RaceSecond(RACE, second, end_ns))
            self.meter.produced += 1


async def test_rates_are_since_the_last_scene() -> None:
    rig = Rig()
    await rig.reporter.scene(Phase.CONNECTING, 0)
    rig.close(1)
    rig.meter.on_acknowledged(5_000_000)
    await rig.clock.run_for(2)
    scene = await rig.reporter.scene(Phase.RACING, 2)
    assert (scene.produced_per_s, scene.acknowledged_per_s) == (1.5, 0.5)
    assert scene.latency.max_ms == 5.0
    await rig.clock.run_for(2)
    scene = await rig.reporter.scene(Phase.RACING, 4)
    assert (scene.produced_per_s, scene.acknowledged_per_s, scene.latency.max_ms) == (0, 0, 0)


async def test_the_board_is_ranked_and_empty_until_somebody_has_ridden() -> None:
    rig = Rig()
    assert (await rig.reporter.scene(Phase.COUNTDOWN, 1)).board == ()
    for second in range(1, 8):
        rig.close(second)
    board = (await rig.reporter.scene(Phase.RACING, 8)).board
    outputs = [line.standing.best_output for line in board]
    assert outputs == sorted(outputs, reverse=True)
    assert len(board) == 3
    assert {line.class_id for line in board} == {1, 2, 3}


async def test_the_summary_compares_both_leaderboards_racer_by_racer() -> None:
    rig = Rig()
    rig.close(1)
    rig.stream.records = 2
    rig.stream.standings = [racer.standing for racer in rig.racers[:2]]
    summary = await rig.reporter.summary(Usage(), 0, interrupted=False)
    assert summary.stream is not None
    assert summary.stream.same_racers == 2
    assert summary.stream.differences == [
        f"Chiara (racer 3, race {RACE.race_id}) is missing in the stream"
    ]
    assert [one.racer_id for one in summary.leaderboard] == [
        line.standing.racer_id for line in (await rig.reporter.scene(Phase.RACING, 1)).board
    ]
    assert summary.expected == 30


async def test_without_a_stream_nothing_is_said_of_it() -> None:
    rig = Rig()
    reporter = Reporter(PLAN, "broker:8883", rig.meter, rig.racers, None, rig.clock)
    assert (await reporter.scene(Phase.RACING, 1)).in_stream is None
    assert (await reporter.summary(Usage(), 0, interrupted=True)).stream is None
