"""JoinedRides: the joins of all bikes, kept over a restart, so that a joined race goes on."""

import asyncio
from pathlib import Path

from pydantic import TypeAdapter

from gateway.host.state_file import StateFile
from gateway.race.joins import JoinedRide, Joins

_RIDES = TypeAdapter(dict[str, JoinedRide])


class JoinedRides:
    """The Joins of each bike. Reads its small file when created; `run` writes it."""

    def __init__(self, state_dir: Path) -> None:
        self._file = StateFile(state_dir / "joined.json", "joined races")
        self._joins: dict[str, Joins] = {}
        self._restored: dict[str, JoinedRide] = {}
        self._joined = asyncio.Event()
        self._file.load(self._restore)

    def of(self, bike_id: str) -> Joins:
        """Return the joins of a bike, with the ride of an earlier process."""
        if bike_id not in self._joins:
            self._joins[bike_id] = Joins(self._restored.get(bike_id), self._joined.set)
        return self._joins[bike_id]

    async def run(self) -> None:
        """Save the rides whenever a rider joins a race."""
        while True:
            await self._joined.wait()
            self._joined.clear()
            await self._file.save(self._to_json)

    def _restore(self, content: bytes) -> None:
        self._restored = _RIDES.validate_json(content)

    def _to_json(self) -> bytes:
        last = {bike_id: joins.last for bike_id, joins in self._joins.items()}
        return _RIDES.dump_json({bike_id: ride for bike_id, ride in last.items() if ride})
