"""Builds scenes and the summary of a fleet from its racers, meter and stream. Pure."""

from collections.abc import Sequence

from gateway.simulation.cloud.client import Stream
from gateway.simulation.cloud.leaderboard import Movement, ranked
from gateway.simulation.fleet.meter import Meter
from gateway.simulation.fleet.plan import Plan
from gateway.simulation.fleet.process import Usage
from gateway.simulation.fleet.racer import FleetRacer
from gateway.simulation.fleet.station import Station
from gateway.simulation.scene import (
    BoardRow,
    DeliveryReport,
    GatewayState,
    MessageCount,
    RaceMoment,
    Scene,
    StreamReport,
    Summary,
)
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S


class FleetReporter:
    """The scenes and the summary of one fleet. `stream`: None if it cannot be read.

    The racers passed in may be few, or none, until all are at the start.
    """

    def __init__(
        self, plan: Plan, target: str, meter: Meter, stream: Stream | None, clock: GatewayClock
    ) -> None:
        self._plan = plan
        self._target = target
        self._meter = meter
        self._stream = stream
        self._clock = clock
        self._movement = Movement()
        #: Produced and acknowledged messages at the last scene, and its time.
        self._last = 0, 0, clock.monotonic_ns()

    async def scene(
        self, moment: RaceMoment, racers: Sequence[FleetRacer], stations: Sequence[Station]
    ) -> Scene:
        """Return a scene. Call this once a second: rates and movements are since the last call."""
        options, meter = self._plan.options, self._meter
        produced_per_s, acknowledged_per_s = self._rates()
        counts = [
            MessageCount("produced", meter.produced, produced_per_s),
            MessageCount("acknowledged", meter.acknowledged, acknowledged_per_s, meter.lately()),
        ]
        arrivals = None if self._stream is None else await self._stream.count()
        if arrivals is not None:
            counts.append(MessageCount("in the stream", arrivals.records))
        return Scene(
            at_ns=self._clock.monotonic_ns(),
            moment=moment,
            target=self._target,
            race_s=options.race_s,
            racers=options.racers,
            races=options.races,
            connections=self._plan.connections,
            connected=meter.connected,
            counts=tuple(counts),
            board=self._board(racers),
            gateways=tuple(_state(station) for station in stations),
            arrivals=arrivals,
            reason=meter.reason,
        )

    async def summary(
        self, racers: Sequence[FleetRacer], usage: Usage, set_aside: int, *, interrupted: bool
    ) -> Summary:
        """Return the summary. Call this once, when no more acknowledgements are expected."""
        options = self._plan.options
        ours = [racer.standing for racer in racers if racer.produced]
        result = None if self._stream is None else await self._stream.result()
        return Summary(
            racers=options.racers,
            race_s=options.race_s,
            seed=options.seed,
            produced=self._meter.produced,
            stream=None if result is None else StreamReport.of(result, ours),
            leaderboard=ranked(ours) if result is None else result.standings,
            interrupted=interrupted,
            delivery=self._delivery(usage, set_aside),
        )

    def _delivery(self, usage: Usage, set_aside: int) -> DeliveryReport:
        meter = self._meter
        return DeliveryReport(
            target=self._target,
            races=self._plan.options.races,
            connections=self._plan.connections,
            expected=self._plan.messages,
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
        )

    def _rates(self) -> tuple[float, float]:
        now = self._meter.produced, self._meter.acknowledged, self._clock.monotonic_ns()
        last, self._last = self._last, now
        passed_s = max(now[2] - last[2], 1) / NS_PER_S
        return (now[0] - last[0]) / passed_s, (now[1] - last[1]) / passed_s

    def _board(self, racers: Sequence[FleetRacer]) -> tuple[BoardRow, ...]:
        by_id = {racer.assignment.racer.racer_id: racer for racer in racers if racer.produced}
        board = ranked(racer.standing for racer in by_id.values())
        gained = self._movement.gained(board)
        return tuple(
            BoardRow(
                name=standing.name,
                standing=standing,
                sample=by_id[standing.racer_id].sample,
                gained=gained[standing.racer_id],
            )
            for standing in board
        )


def _state(station: Station) -> GatewayState:
    return GatewayState.of(is_online=station.is_up, buffered=station.waiting)
