"""Builds scenes and the summary of a demo from the state of its gateways and stream. Pure."""

from collections.abc import Iterator, Sequence

from gateway.simulation.cloud.leaderboard import Leaderboard, Standing, StreamResult
from gateway.simulation.scene import (
    BoardRow,
    MessageCount,
    OutageReport,
    RaceMoment,
    RaceStage,
    Scene,
    StreamReport,
    Summary,
)
from gateway.status.snapshot import GatewayStatus
from gateway.telemetry.message import Telemetry

TARGET = "a cloud on this machine"


class DemoReporter:
    """The statistics of a demo: messages that gateways have produced, and those that arrived."""

    def __init__(self, race_s: int, start_ns: int) -> None:
        self.produced = 0
        self.finals = 0
        self._race_s = race_s
        self._start_ns = start_ns
        #: What the backend will compute once it has every message, one poll for each.
        self._produced_board = Leaderboard()
        self._most_buffered = 0

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
            board=tuple(_board(gateways, stream.standings)),
            network_is_up=network_is_up,
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


def _board(gateways: Sequence[GatewayStatus], standings: Sequence[Standing]) -> Iterator[BoardRow]:
    """Yield the ranked racers, then those of whom no message has arrived."""
    unranked = {gateway.bikes[0].racer_name: gateway for gateway in gateways}
    for standing in standings:
        yield _row(unranked.pop(standing.name), standing)
    for gateway in unranked.values():
        yield _row(gateway, None)


def _row(gateway: GatewayStatus, standing: Standing | None) -> BoardRow:
    bike = gateway.bikes[0]
    return BoardRow(
        name=bike.racer_name,
        standing=standing,
        sample=bike.sample,
        buffered=gateway.buffer.depth,
        is_online=gateway.cloud.is_connected,
    )
