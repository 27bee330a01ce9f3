"""Scenes for the show: a demo with an outage, and a fleet of which nobody keeps the place."""

from dataclasses import dataclass, replace
from random import Random

from gateway.sampling.sampler import Sample
from gateway.simulation.cloud.arrivals import Arrivals
from gateway.simulation.cloud.leaderboard import Standing
from gateway.simulation.names import name_of
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
from gateway.timing.units import NS_PER_S

RACE_S = 20
OUTAGE = OutageSpan(7, 13)
SHARD_IDS = tuple(f"shardId-{number:012}" for number in range(4))


def demo_at(second: int) -> Scene:
    """Return a second of a demo of eight racers, with its usual outage."""
    is_up = second not in OUTAGE
    state = GatewayState.LIVE if is_up else GatewayState.KEEPING
    if is_up and second - 1 in OUTAGE:
        state = GatewayState.CATCHING_UP
    kept = 0 if is_up else second - int(OUTAGE.from_s)
    return _scene(second, 8, classes=1, kept=kept, state=state, network_is_up=is_up)


def fleet_at(second: int, racers: int = 1000, classes: int = 2) -> Scene:
    """Return a second of a fleet."""
    return _scene(second, racers, classes, None, GatewayState.LIVE, None)


def _scene(
    second: int,
    racers: int,
    classes: int,
    kept: int | None,
    state: GatewayState,
    network_is_up: bool | None,
) -> Scene:
    produced = second * racers
    arrived = produced - racers * (kept or 0)
    shards = {id_: arrived if id_ == SHARD_IDS[1] else 0 for id_ in SHARD_IDS}
    is_online = None if kept is None else network_is_up
    return Scene(
        at_ns=second * NS_PER_S,
        moment=RaceMoment(RaceStage.RACING, second),
        target="a cloud on this computer",
        race_s=RACE_S,
        racers=racers,
        races=classes,
        connections=racers,
        connected=racers if network_is_up is not False else 0,
        counts=(
            MessageCount("produced", produced),
            MessageCount("buffered", produced - arrived),
            MessageCount("in the stream", arrived),
        ),
        board=tuple(_board(second, racers, classes, kept, is_online)),
        gateways=(state,) * racers,
        arrivals=Arrivals(shards, 812),
        network_is_up=network_is_up,
        outage=None if kept is None else OUTAGE,
    )


def _board(
    second: int, racers: int, classes: int, kept: int | None, is_online: bool | None
) -> list[BoardRow]:
    random = Random(second)
    outputs = {number: round(random.uniform(90, 150), 4) for number in range(1, racers + 1)}
    rows = []
    for number, output in sorted(outputs.items(), key=lambda one: -one[1]):
        name, class_id = name_of(number), number % classes + 1
        standing = Standing(7, class_id, number, name, output, None, None, output, second, second)
        sample = Sample(True, output - 50, 45.0, 180.0)
        rows.append(BoardRow(name, standing, sample, number % 3 - 1, kept, is_online))
    return rows


@dataclass(frozen=True)
class Show:
    """Scenes of a race, one after the other, its account, and how else it may end."""

    scenes: tuple[Scene, ...]
    summary: Summary | None = None
    is_broken_off: bool = False
    is_gone: bool = False


def _demo_until(second: int) -> tuple[Scene, ...]:
    return tuple(demo_at(one) for one in range(1, second + 1))


def _fleet_until(second: int) -> tuple[Scene, ...]:
    return tuple(fleet_at(one) for one in range(1, second + 1))


def _before_the_race(stage: RaceStage, second: int = 0) -> tuple[Scene, ...]:
    """Return a scene of gateways that have just started: nothing has been sent."""
    racing = demo_at(1)
    is_up = stage is not RaceStage.CONNECTING
    state = GatewayState.LIVE if is_up else GatewayState.KEEPING
    board = [replace(row, standing=None, gained=0, is_online=is_up) for row in racing.board]
    scene = replace(
        racing,
        moment=RaceMoment(stage, second),
        connected=racing.connections if is_up else 0,
        counts=tuple(replace(one, total=0) for one in racing.counts),
        board=tuple(board),
        gateways=(state,) * racing.racers,
        arrivals=Arrivals(dict.fromkeys(SHARD_IDS, 0)),
    )
    return (scene,)


def _final() -> Scene:
    """Return the last scene of a demo, in which every racer has a final result."""
    last = demo_at(RACE_S)
    board = []
    for row in last.board:
        assert row.standing is not None
        final = replace(
            row.standing,
            final_result=row.standing.here_now,
            personal_record=row.standing.best_output + 4,
        )
        board.append(replace(row, standing=final))
    return replace(last, moment=RaceMoment(RaceStage.ARRIVING, RACE_S), board=tuple(board))


def _account(lost: int = 0) -> Summary:
    """Return the account of the demo, with some messages twice and perhaps some lost."""
    last = _final()
    standings = [row.standing for row in last.board if row.standing]
    produced = last.racers * last.race_s
    stream = StreamReport(produced + 2 - lost, 2, 0, 0, {7: [SHARD_IDS[1]]}, last.racers, [])
    outage = OutageReport(int(OUTAGE.to_s - OUTAGE.from_s), 6 * last.racers)
    return Summary(last.racers, last.race_s, 1, produced, stream, standings, outage=outage)


SHOWS = {
    "connecting": Show(_before_the_race(RaceStage.CONNECTING)),
    "countdown": Show(_before_the_race(RaceStage.COUNTDOWN, 2)),
    "racing": Show(_demo_until(6)),
    "cut": Show(_demo_until(10)),
    "catching-up": Show(_demo_until(13)),
    "over": Show((*_demo_until(19), _final()), _account()),
    "lost": Show((*_demo_until(19), _final()), _account(lost=3)),
    "broken-off": Show(_demo_until(10), is_broken_off=True),
    "gone": Show(_demo_until(6), is_gone=True),
    "fleet": Show(_fleet_until(8)),
}
