"""Scenes for the show: a demo with an outage, and a fleet of which nobody keeps the place."""

from random import Random

from gateway.sampling.sampler import Sample
from gateway.simulation.cloud.arrivals import Arrivals
from gateway.simulation.cloud.leaderboard import Standing
from gateway.simulation.names import name_of
from gateway.simulation.scene import (
    BoardRow,
    GatewayState,
    MessageCount,
    OutageSpan,
    RaceMoment,
    RaceStage,
    Scene,
)
from gateway.timing.units import NS_PER_S

RACE_S = 20
OUTAGE = OutageSpan(7, 13)
SHARDS = 4


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
    shards = {f"shardId-{number:012}": arrived if number == 1 else 0 for number in range(SHARDS)}
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
        counts=(MessageCount("produced", produced), MessageCount("in the stream", arrived)),
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
