"""Makes scenes and the summary out of what racers, meter and stream tell."""

from collections.abc import Sequence

from gateway.simulation.cloud.client import Stream
from gateway.simulation.fleet.boards import Movement, differences, ranked
from gateway.simulation.fleet.meter import Meter
from gateway.simulation.fleet.plan import Plan
from gateway.simulation.fleet.process import Usage
from gateway.simulation.fleet.racer import FleetRacer
from gateway.simulation.fleet.scene import Line, Phase, Scene, StreamReport, Summary
from gateway.timing.clock import Clock
from gateway.timing.units import NS_PER_S

#: Lines of the leaderboard in a scene: more than fit on any terminal.
BOARD_LINES = 100


class Reporter:
    """`racers` may still be empty, and is filled by its owner. `stream`: None if unreadable."""

    def __init__(
        self,
        plan: Plan,
        target: str,
        meter: Meter,
        racers: Sequence[FleetRacer],
        stream: Stream | None,
        clock: Clock,
    ) -> None:
        self._plan = plan
        self._target = target
        self._meter = meter
        self._racers = racers
        self._stream = stream
        self._clock = clock
        self._movement = Movement()
        #: Produced, acknowledged, and when that was.
        self._last = 0, 0, clock.monotonic_ns()

    async def scene(self, phase: Phase, second: int) -> Scene:
        """To be asked about once a second: rates and movements are since the last one."""
        options, meter = self._plan.options, self._meter
        in_stream = None if self._stream is None else await self._stream.count()
        produced_per_s, acknowledged_per_s = self._rates()
        return Scene(
            target=self._target,
            phase=phase,
            second=second,
            race_s=options.race_s,
            racers=options.racers,
            races=options.races,
            connections=self._plan.connections,
            connected=meter.connected,
            produced=meter.produced,
            produced_per_s=produced_per_s,
            acknowledged=meter.acknowledged,
            acknowledged_per_s=acknowledged_per_s,
            in_stream=in_stream,
            latency=meter.lately(),
            reason=meter.reason,
            board=self._board(),
        )

    async def summary(self, usage: Usage, set_aside: int, *, interrupted: bool) -> Summary:
        """To be asked once, when nothing more is expected to be acknowledged."""
        options, meter = self._plan.options, self._meter
        return Summary(
            target=self._target,
            racers=options.racers,
            races=options.races,
            connections=self._plan.connections,
            race_s=options.race_s,
            seed=options.seed,
            interrupted=interrupted,
            expected=self._plan.messages,
            produced=meter.produced,
            sent=meter.sent,
            acknowledged=meter.acknowledged,
            set_aside=set_aside,
            leftover=meter.leftover,
            drops=meter.drops,
            reason=meter.reason,
            to_publish=meter.to_publish(),
            to_puback=meter.to_puback(),
            cores=round(usage.cores, 3),
            peak_mib=round(usage.peak_mib, 1),
            stream=await self._stream_report(),
            leaderboard=ranked(racer.standing for racer in self._racers),
        )

    def _rates(self) -> tuple[float, float]:
        now = self._meter.produced, self._meter.acknowledged, self._clock.monotonic_ns()
        last, self._last = self._last, now
        passed_s = max(now[2] - last[2], 1) / NS_PER_S
        return (now[0] - last[0]) / passed_s, (now[1] - last[1]) / passed_s

    def _board(self) -> tuple[Line, ...]:
        by_id = {racer.seat.racer.racer_id: racer for racer in self._racers if racer.produced}
        board = ranked(racer.standing for racer in by_id.values())
        gained = self._movement.gained(board)
        return tuple(
            Line(
                standing,
                by_id[standing.racer_id].seat.racer.class_id,
                by_id[standing.racer_id].sample,
                gained[standing.racer_id],
            )
            for standing in board[:BOARD_LINES]
        )

    async def _stream_report(self) -> StreamReport | None:
        if self._stream is None:
            return None
        result = await self._stream.result()
        ours = [racer.standing for racer in self._racers if racer.produced]
        found = differences(ours, result.standings)
        return StreamReport(
            records=result.records,
            duplicates=result.duplicates,
            unreadable=result.unreadable,
            rule_failures=result.rule_failures,
            shards=result.shards,
            same_racers=len(ours) - len(found),
            differences=[str(difference) for difference in found],
        )
