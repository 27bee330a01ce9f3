"""Leaderboards: of what was produced, and beside it the backend's, racer by racer. PURE."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.simulation.cloud.consumer import Standing

#: What of two standings of the same racer must be the same.
COMPARED = ("name", "best_output", "best_second", "seconds_received", "is_final")


@dataclass(frozen=True, slots=True)
class Difference:
    """A racer whom the two boards know differently. `theirs`: None if the backend has nobody."""

    ours: Standing
    theirs: Standing | None

    def __str__(self) -> str:
        who = f"{self.ours.name} (racer {self.ours.racer_id}, race {self.ours.race_id})"
        if self.theirs is None:
            return f"{who} is missing in the stream"
        said = [
            f"{field.replace('_', ' ')} {getattr(self.ours, field)} → {getattr(self.theirs, field)}"
            for field in COMPARED
            if getattr(self.ours, field) != getattr(self.theirs, field)
        ]
        return f"{who}: {', '.join(said)}"


def ranked(standings: Iterable[Standing]) -> list[Standing]:
    """As the backend ranks: best output first; of equals, whoever reached it first."""
    return sorted(standings, key=lambda one: (-one.best_output, one.best_second, one.racer_id))


def differences(ours: Iterable[Standing], theirs: Sequence[Standing]) -> list[Difference]:
    """Every racer of ours, all races, beside what the stream's consumer made of the records."""
    known = {(one.race_id, one.racer_id): one for one in theirs}
    found = []
    for mine in ours:
        other = known.get((mine.race_id, mine.racer_id))
        if other is None or any(getattr(mine, f) != getattr(other, f) for f in COMPARED):
            found.append(Difference(mine, other))
    return found


class Movement:
    """How places change from one look at the leaderboard to the next."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}

    def gained(self, board: Sequence[Standing]) -> dict[int, int]:
        """Places won since the last look, negative for lost, by racer; 0 at the first look."""
        places = {one.racer_id: place for place, one in enumerate(board)}
        gained = {id_: self._places.get(id_, place) - place for id_, place in places.items()}
        self._places = places
        return gained
