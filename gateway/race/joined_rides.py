"""JoinedRides: the joins of all bikes, kept over a restart, so that a joined race goes on."""

import asyncio
from dataclasses import dataclass

from pydantic import TypeAdapter

from gateway.host.state_file import StateFiles
from gateway.race.joins import JoinedRide, Joins, UndatedTurn


@dataclass(frozen=True, slots=True)
class _SavedJoins:
    """The last ride of a bike, its last turn before the clock was set, and the last ride left."""

    ride: JoinedRide | None = None
    turn: UndatedTurn | None = None
    left: JoinedRide | None = None


_SAVED = TypeAdapter(dict[str, _SavedJoins])


class JoinedRides:
    """The Joins of each bike. Reads its small file when created; `run` writes it."""

    def __init__(self, files: StateFiles) -> None:
        self._joins: dict[str, Joins] = {}
        self._restored: dict[str, _SavedJoins] = {}
        self._changed = asyncio.Event()
        self._file = files.load("joined.json", "joined races", self._restore)

    def of(self, bike_id: str) -> Joins:
        """Return the joins of a bike, with the ride of an earlier process."""
        if bike_id not in self._joins:
            saved = self._restored.get(bike_id, _SavedJoins())
            self._joins[bike_id] = Joins(saved.ride, saved.turn, self._changed.set, saved.left)
        return self._joins[bike_id]

    async def run(self) -> None:
        """Save the rides whenever a rider joins a race, and turns while the clock is not set."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self.save()

    async def save(self) -> str | None:
        """Write the rides to disk; return why that failed, or None."""
        await self._file.save(self._to_json)
        return self._file.unsaved

    def _restore(self, content: bytes) -> None:
        self._restored = _SAVED.validate_json(content)

    def _to_json(self) -> bytes:
        return _SAVED.dump_json(
            {
                id_: _SavedJoins(joins.last, joins.turn, joins.left)
                for id_, joins in self._joins.items()
            }
        )
