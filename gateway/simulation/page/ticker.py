"""What happens in a race, as short news: network, stages, the lead, and the gateways. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.simulation.scene import GatewayState, RaceStage, Scene
from gateway.simulation.view import RaceScript
from gateway.terminal.units import counted


@dataclass(frozen=True, slots=True)
class News:
    """A sentence, with the second of the race in which it became true; 0 before the race."""

    second: int
    text: str


class Ticker:
    """The news of a race, from one scene to the next."""

    def __init__(self) -> None:
        self._script = RaceScript()
        self._before: Scene | None = None

    def news(self, scene: Scene) -> list[News]:
        """Return what has happened since the scene of the last call."""
        texts = list(self._turns(scene))
        if self._before:
            texts += _lead(self._before, scene)
            texts += _gateways(self._before, scene)
        self._before = scene
        has_started = scene.moment.stage in (RaceStage.RACING, RaceStage.ARRIVING)
        second = scene.moment.second if has_started else 0
        return [News(second, text) for text in texts]

    def _turns(self, scene: Scene) -> Iterator[str]:
        """Yield what the terminal reports as well, in its words."""
        for event in self._script.events(scene, scene.at_ns):
            is_start = event.kind == "stage" and scene.moment.stage is RaceStage.RACING
            yield "the race starts" if is_start else event.words


def _lead(before: Scene, scene: Scene) -> Iterator[str]:
    old, new = _leader(before), _leader(scene)
    if new and old and new != old:
        yield f"{new} takes the lead from {old}"
    elif new and new != old:
        yield f"{new} leads"


def _leader(scene: Scene) -> str | None:
    first = scene.board[0] if scene.board else None
    return first.name if first and first.standing else None


def _gateways(before: Scene, scene: Scene) -> Iterator[str]:
    """Yield how many gateways have lost the network or have returned, and when all is sent."""
    if len(before.gateways) != len(scene.gateways):  # they are just starting
        return
    keeping = GatewayState.KEEPING
    changes = list(zip(before.gateways, scene.gateways, strict=True))
    if gone := sum(new is keeping is not old for old, new in changes):
        yield f"{counted(gone, 'gateway')} {'keeps' if gone == 1 else 'keep'} messages on disk"
    if back := sum(old is keeping is not new for old, new in changes):
        yield f"{counted(back, 'gateway')} connected again"
    if any(old is not new for old, new in changes) and set(scene.gateways) == {GatewayState.LIVE}:
        yield "all gateways are live"
