"""Builds scenes and the summary of a demo from the state of its gateways and stream. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from gateway.bike.link import LinkState
from gateway.simulation.cloud.arrivals import Arrivals
from gateway.simulation.cloud.leaderboard import (
    Leaderboard,
    Movement,
    Standing,
    StreamResult,
)
from gateway.simulation.scene import (
    BoardRow,
    GatewayState,
    MessageCount,
    OutageReport,
    OutageSpan,
    RaceMoment,
    RaceStage,
    Scene,
    StreamReport,
    Summary,
)
from gateway.status.snapshot import GatewayStatus
from gateway.telemetry.message import Telemetry
from gateway.timing.units import NS_PER_S

#: The places that a racer has gained are shown for this time: long enough to be noticed.
GAINED_FOR_NS = 2 * NS_PER_S
TARGET = "a cloud on this computer"


class DemoReporter:
    """The statistics of a demo: messages that gateways have produced, and those that arrived."""

    def __init__(self, race_s: int, start_ns: int, outage: OutageSpan | None = None) -> None:
        self.produced = 0
        self.finals = 0
        self._race_s = race_s
        self._start_ns = start_ns
        self._outage = outage
        #: What the backend will compute once it has every message, one poll for each.
        self._produced_board = Leaderboard()
        self._most_buffered = 0
        self._movement = Movement()
        self._gained: Mapping[int, int] = {}
        #: The interval of GAINED_FOR_NS for which `_gained` was computed, counted from 0.
        self._gained_in: int | None = None

    def observe(self, telemetry: Telemetry) -> None:
        """Count a message that a gateway has produced."""
        self.produced += 1
        self.finals += telemetry.is_final
        self._produced_board.add_poll(TARGET, [telemetry.to_json()])

    def scene(
        self,
        gateways: Sequence[GatewayStatus],
        stream: StreamResult,
        now_ns: int,
        *,
        network_is_up: bool,
        arrivals: Arrivals | None = None,
    ) -> Scene:
        """Return the scene at `now_ns`."""
        buffered = sum(gateway.buffer.depth for gateway in gateways)
        self._most_buffered = max(self._most_buffered, buffered)
        connected = sum(gateway.cloud.is_connected for gateway in gateways)
        moment = RaceMoment.at(now_ns - self._start_ns, self._race_s)
        if moment.stage is RaceStage.COUNTDOWN and connected < len(gateways):
            moment = RaceMoment(RaceStage.CONNECTING)
        return Scene(
            at_ns=now_ns,
            moment=moment,
            target=TARGET,
            race_s=self._race_s,
            racers=len(gateways),
            races=1,
            connections=len(gateways),
            connected=connected,
            counts=(
                MessageCount("produced", self.produced),
                MessageCount("buffered", buffered),
                MessageCount("in the stream", stream.records - stream.duplicates),
            ),
            board=tuple(self._board(gateways, stream.standings, now_ns)),
            gateways=tuple(_state(gateway) for gateway in gateways),
            arrivals=arrivals,
            network_is_up=network_is_up,
            outage=self._outage,
        )

    def summary(self, racers: int, stream: StreamResult, outage_s: int, seed: int) -> Summary:
        """Return the summary, once no more messages are expected to arrive."""
        return Summary(
            racers=racers,
            race_s=self._race_s,
            seed=seed,
            produced=self.produced,
            stream=StreamReport.of(stream, self._produced_board.standings()),
            leaderboard=stream.standings,
            outage=OutageReport(outage_s, self._most_buffered),
        )

    def _board(
        self, gateways: Sequence[GatewayStatus], standings: Sequence[Standing], now_ns: int
    ) -> Iterator[BoardRow]:
        """Yield the ranked racers, then those of whom no message has arrived."""
        if (span := now_ns // GAINED_FOR_NS) != self._gained_in:
            self._gained, self._gained_in = self._movement.gained(standings), span
        unranked = {gateway.bikes[0].racer_name: gateway for gateway in gateways}
        for standing in standings:
            gained = self._gained.get(standing.racer_id, 0)
            yield _row(unranked.pop(standing.name), standing, gained)
        for gateway in unranked.values():
            yield _row(gateway, None, 0)


def _state(gateway: GatewayStatus) -> GatewayState:
    return GatewayState.of(
        is_online=gateway.cloud.is_connected,
        buffered=gateway.buffer.depth,
        has_bike=gateway.bikes[0].state is not LinkState.LOST,
    )


def _row(gateway: GatewayStatus, standing: Standing | None, gained: int) -> BoardRow:
    bike = gateway.bikes[0]
    return BoardRow(
        name=bike.racer_name,
        standing=standing,
        sample=bike.sample,
        gained=gained,
        buffered=gateway.buffer.depth,
        is_online=gateway.cloud.is_connected,
    )
