from gateway.race.clock import RaceSecond
from gateway.simulation.cloud.arrivals import Arrivals
from gateway.simulation.cloud.leaderboard import Standing, StreamResult
from gateway.simulation.fleet.meter import Meter
from gateway.simulation.fleet.plan import FleetOptions, Plan
from gateway.simulation.fleet.process import Usage
from gateway.simulation.fleet.racer import FleetRacer
from gateway.simulation.fleet.reporter import FleetReporter
from gateway.simulation.scene import RaceMoment, RaceStage, Scene, Summary
from tests.support.virtual_clock import VirtualClock

PLAN = Plan(FleetOptions(racers=3, race_s=10))
RACE = PLAN.races_from(1_795_248_760_000)[0]


class Stream:
    """What the backend knows: told by the test."""

    def __init__(self) -> None:
        self.standings: list[Standing] = []
        self.records = 0

    async def count(self) -> Arrivals:
        return Arrivals({"shardId-000000000000": self.records})

    async def report(self) -> StreamResult:
        return await self.result()

    async def result(self) -> StreamResult:
        shards = {RACE.race_id: ["shardId-000000000000"]}
        return StreamResult(self.records, 0, 0, 0, shards, self.standings)


class Rig:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.meter = Meter()
        self.stream = Stream()
        self.racers = [FleetRacer(one, "thing", RACE) for one in PLAN.assignments()]
        self.reporter = FleetReporter(PLAN, "127.0.0.1:8883", self.meter, self.stream, self.clock)

    async def scene(self, second: int = 1) -> Scene:
        return await self.reporter.scene(RaceMoment(RaceStage.RACING, second), self.racers, [])

    async def summary(self) -> Summary:
        return await self.reporter.summary(self.racers, Usage(), 0, interrupted=False)

    def close(self, second: int) -> None:
        end_ns = second * 1_000_000_000
        for racer in self.racers:
            racer.close_second(RaceSecond(RACE, second, end_ns))
            self.meter.produced += 1


async def test_fleet_reporter_rates_are_since_the_last_scene() -> None:
    rig = Rig()
    await rig.scene()
    rig.close(1)
    rig.meter.on_acknowledged(5_000_000)
    await rig.clock.run_for(2)
    produced, acknowledged, _ = (await rig.scene()).counts
    assert (produced.per_s, acknowledged.per_s) == (1.5, 0.5)
    assert acknowledged.latency is not None
    assert acknowledged.latency.max_ms == 5.0
    await rig.clock.run_for(2)
    produced, acknowledged, _ = (await rig.scene()).counts
    assert (produced.per_s, acknowledged.per_s) == (0, 0)
    assert acknowledged.latency is not None
    assert acknowledged.latency.max_ms == 0


async def test_fleet_reporter_board_is_ranked_and_empty_until_somebody_has_ridden() -> None:
    rig = Rig()
    assert (await rig.scene()).board == ()
    for second in range(1, 8):
        rig.close(second)
    board = (await rig.scene()).board
    outputs = [row.standing.here_now for row in board if row.standing]
    assert outputs == sorted(outputs, reverse=True)
    assert len(outputs) == 3


async def test_fleet_reporter_summary_compares_ours_with_the_backends_leaderboard() -> None:
    rig = Rig()
    rig.close(1)
    rig.stream.records = 2
    rig.stream.standings = [racer.standing for racer in rig.racers[:2]]
    summary = await rig.summary()
    assert summary.stream is not None
    assert summary.stream.same_racers == 2
    assert summary.stream.differences == [
        f"Chiara (racer 3, race {RACE.race_id}) is missing from the stream"
    ]
    assert summary.leaderboard == rig.stream.standings
    assert summary.delivery is not None
    assert summary.delivery.expected == 30


async def test_fleet_reporter_leaves_out_a_stream_that_it_cannot_read() -> None:
    rig = Rig()
    rig.reporter = FleetReporter(PLAN, "broker:8883", rig.meter, None, rig.clock)
    assert [count.where for count in (await rig.scene()).counts] == ["produced", "acknowledged"]
    rig.close(1)
    summary = await rig.summary()
    assert summary.stream is None
    assert summary.leaderboard == [row.standing for row in (await rig.scene()).board]
