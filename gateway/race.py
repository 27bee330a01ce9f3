"""Which race is on, which of its seconds, and who rides. Pure."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Race:
    """One race on the wall clock. Second s covers [start + s - 1, start + s), s = 1 … length."""

    race_id: int
    start_ms: int
    length_s: int


@dataclass(frozen=True, slots=True)
class Racer:
    """Who rides a bike: the identity that telemetry carries."""

    racer_id: int
    name: str
    class_id: int


class Races(Protocol):
    """Which races there are."""

    def race_at(self, wall_ms: int) -> Race:
        """The race that is on, or else the next one."""
        ...

    def race_after(self, race: Race) -> Race: ...


@dataclass(frozen=True, slots=True)
class ContinuousRaces:
    """Back-to-back windows on the wall clock; race n starts at n × length + offset.

    With the backend's length of 300 s and no offset, `race_id` is floor(epoch_ms / 300000).
    """

    length_s: int = 300
    offset_ms: int = 0

    def race_at(self, wall_ms: int) -> Race:
        length_ms = self.length_s * 1000
        race_id = (wall_ms - self.offset_ms) // length_ms
        return Race(race_id, race_id * length_ms + self.offset_ms, self.length_s)

    def race_after(self, race: Race) -> Race:
        return self.race_at(race.start_ms + self.length_s * 1000)
