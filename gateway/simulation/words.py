"""A scene in words, for the terminal and the page. Pure."""

from collections.abc import Iterator

from gateway.simulation.scene import RaceMoment, RaceStage, Scene
from gateway.terminal.units import counted


def heading(scene: Scene) -> str:
    """Return who races over which connections to which cloud."""
    racers, connections = counted(scene.racers, "racer"), counted(scene.connections, "connection")
    return f"{racers} on {connections} → {scene.target}"


def when(scene: Scene) -> str:
    """Return the race's stage, with its second."""
    match scene.moment:
        case RaceMoment(RaceStage.CONNECTING):
            up = f"connecting: {scene.connected:,} of {scene.connections:,} connections up"
            return f"{up}: {scene.reason}" if scene.reason else up
        case RaceMoment(RaceStage.COUNTDOWN, second):
            return f"race starts in {second} s"
        case RaceMoment(RaceStage.RACING, second):
            return f"second {second:3} of {scene.race_s}"
        case _:
            return "race over, waiting for the last messages"


def troubles(scene: Scene) -> Iterator[str]:
    """Yield what is wrong at the moment."""
    if scene.network_is_up is False:
        yield "network DOWN"
    offline = scene.connections - scene.connected
    if offline and scene.moment.stage is not RaceStage.CONNECTING:
        yield f"{offline:,} offline{f': {scene.reason}' if scene.reason else ''}"
