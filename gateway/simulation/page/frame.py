"""A scene as the page displays it: plain JSON without null, so that differences are small. Pure."""

from typing import Any

from gateway.simulation.account import BAD, GOOD, NOTABLE, account_lines, class_lines
from gateway.simulation.scene import BoardRow, GatewayState, Scene, Summary
from gateway.simulation.words import heading, troubles, when
from gateway.timing.units import NS_PER_MS

Json = dict[str, Any]

#: The letter of each state, in the text that has one for each gateway.
LETTERS = {
    GatewayState.LIVE: "l",
    GatewayState.KEEPING: "k",
    GatewayState.CATCHING_UP: "c",
    GatewayState.BIKE_LOST: "b",
}
#: The name of a line's style in the stylesheet.
STYLES = {GOOD: "good", BAD: "bad", NOTABLE: "notable", "": "plain"}


def frame_of(scene: Scene) -> Json:
    """Return the scene; what is unknown is left out. Racers are filed under their names."""
    frame: Json = {
        "heading": heading(scene),
        "at_ms": scene.at_ns // NS_PER_MS,
        "stage": scene.moment.stage.name.lower(),
        "second": scene.moment.second,
        "race_s": scene.race_s,
        "expected": scene.racers * scene.race_s,
        "when": when(scene),
        "troubles": list(troubles(scene)),
        "counts": {count.where: count.total for count in scene.counts},
        "gateways": "".join(LETTERS[state] for state in scene.gateways),
        "racers": {row.name: _racer(place, row) for place, row in enumerate(scene.board, start=1)},
    }
    if scene.network_is_up is not None:
        frame["network_is_up"] = scene.network_is_up
    if outage := scene.outage:
        frame["outage"] = {"from_s": outage.from_s, "to_s": outage.to_s}
    if arrivals := scene.arrivals:
        frame["shards"] = arrivals.by_shard
        frame |= _known(delay_ms=arrivals.delay_ms)
    return frame


def account_of(summary: Summary) -> Json:
    """Return the account, line by line as the terminal prints it."""
    lines = [{"style": STYLES[style], "text": text} for text, style in account_lines(summary)]
    lines += [{"style": STYLES[""], "text": text} for text in class_lines(summary)]
    return {"ok": summary.ok, "lines": lines}


def _racer(place: int, row: BoardRow) -> Json:
    standing, sample = row.standing, row.sample
    racer: Json = {"place": place, **_known(gained=row.gained, buffered=row.buffered)}
    if row.is_online is not None:
        racer["is_online"] = row.is_online
    if standing:
        racer |= {"class_id": standing.class_id, "here_now": round(standing.here_now, 1)}
        racer |= _known(final=standing.final_result)
    if sample:
        racer["cadence_rpm"] = round(sample.cadence_rpm, 1)
        racer["resistance_percent"] = round(sample.resistance_percent, 1)
    return racer


def _known(**values: float | None) -> Json:
    return {name: round(value, 1) for name, value in values.items() if value is not None}
