"""Which race is on, which of its seconds, and who rides. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Racer:
    """Who rides a bike: the identity that telemetry carries."""

    racer_id: int
    name: str
    class_id: int


@dataclass(frozen=True, slots=True)
class Race:
    """One race on the wall clock. Second s covers [start + s - 1, start + s), s = 1 … length.

    `racer`: who rides it, if the race says so; else the bike's own racer does.
    """

    race_id: int
    start_ms: int
    length_s: int
    racer: Racer | None = None

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.length_s * 1000

    def is_same_ride(self, other: "Race") -> bool:
        """The same race and rider, though one of the two may have been cut short."""
        return (self.race_id, self.start_ms, self.racer) == (
            other.race_id,
            other.start_ms,
            other.racer,
        )


class Races(Protocol):
    """Which races there are for a bike."""

    def race_at(self, wall_ms: int) -> Race | None:
        """The race that is on, or else the next one; None if none is known."""
        ...

    def race_after(self, race: Race) -> Race | None: ...

    def ridden_at(self, wall_ms: int) -> Race | None:
        """The race that was on then, also one that was cut short since; None if there was none."""
        ...

    def holds(self, race: Race) -> bool:
        """The race, begun some time ago, is still to be ridden."""
        ...

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Have `changed` called whenever other races are known than before."""
        ...

    def unsubscribe(self, changed: Callable[[], None]) -> None: ...


def second_at(race: Race, wall_ms: int) -> int:
    """The second of the race that an instant lies in; below 1 before it, above length after it."""
    return (wall_ms - race.start_ms) // 1000 + 1


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

    def ridden_at(self, wall_ms: int) -> Race:
        return self.race_at(wall_ms)

    def holds(self, race: Race) -> bool:
        return True

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Do nothing: these races never change."""

    def unsubscribe(self, changed: Callable[[], None]) -> None:
        """Do nothing: see `subscribe`."""
