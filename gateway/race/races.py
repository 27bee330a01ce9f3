"""Races, their seconds and their racers. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

#: The largest id of a race or racer. The backend's numbers are JavaScript's, which confuses larger
#: ones with each other.
MAX_ID = 2**53 - 1
#: The largest racer id that fits into the INTEGER column of the backend's analytics.
ANALYTICS_MAX_ID = 2**31 - 1

#: Limit of a race's length, in seconds: a day.
MAX_LENGTH_S = 86_400

#: The last decimal digit of a continuous race's id is the class, 1 … 6.
CLASS_DIGIT = 10


@dataclass(frozen=True, slots=True)
class Racer:
    """The rider of a bike, as identified in telemetry."""

    racer_id: int
    name: str
    class_id: int


@dataclass(frozen=True, slots=True)
class Race:
    """One race on the wall clock. Second s covers [start + s - 1, start + s), s = 1 … length.

    `racer` overrides the bike's own racer. If the race `waits_for_pedals`, a rider takes part from
    the first turn of the pedals; otherwise from the start, even without a bike.
    """

    race_id: int
    start_ms: int
    length_s: int
    racer: Racer | None = None
    waits_for_pedals: bool = False

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.length_s * 1000

    def is_same_ride(self, other: "Race") -> bool:
        """Return whether race and racer are the same; one of the two may have been cut short."""
        return (self.race_id, self.start_ms, self.racer) == (
            other.race_id,
            other.start_ms,
            other.racer,
        )

    def is_at_the_time_of(self, other: "Race") -> bool:
        """Return whether each second of one race is the same second of the other."""
        return (self.start_ms, self.length_s) == (other.start_ms, other.length_s)

    def is_within(self, other: "Race") -> bool:
        """Return whether the whole race takes place during the other one."""
        return other.start_ms <= self.start_ms and self.end_ms <= other.end_ms


class Races(Protocol):
    """The races of one bike."""

    @property
    def joined_for_s(self) -> int | None:
        """How long after a turn of the pedals a race joined by it may last; None without joins."""
        ...

    def race_at(self, wall_ms: int) -> Race | None:
        """Return the race in progress, else the next one; None if none is known."""
        ...

    def race_after(self, race: Race) -> Race | None: ...

    def ridden_at(self, wall_ms: int) -> Race | None:
        """Return the race that was in progress then, even if it was cut short later; else None."""
        ...

    def holds(self, race: Race) -> bool:
        """Return whether a race that has begun is still among the races."""
        ...

    def commanded_at(self, wall_ms: int) -> Sequence[Race]:
        """Return the races that were commanded: one in progress then, and the later ones."""
        ...

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever the races change."""
        ...

    def unsubscribe(self, changed: Callable[[], None]) -> None: ...


def second_at(race: Race, wall_ms: int) -> int:
    """Return the race second at an instant; below 1 before the race, above its length after it."""
    return (wall_ms - race.start_ms) // 1000 + 1


@dataclass(frozen=True, slots=True)
class ContinuousRaces:
    """Back-to-back races on the wall clock; race n starts at n × length + offset.

    The id is n × 10 + `class_id`, so that no two classes share a race. Without a class it is n:
    floor(epoch ms / 300000) for the length of 300 s without an offset.
    """

    length_s: int = 300
    offset_ms: int = 0
    class_id: int | None = None
    waits_for_pedals: bool = False

    @property
    def joined_for_s(self) -> int | None:
        return self.length_s if self.waits_for_pedals else None

    def race_at(self, wall_ms: int) -> Race:
        length_ms = self.length_s * 1000
        number = (wall_ms - self.offset_ms) // length_ms
        race_id = number if self.class_id is None else number * CLASS_DIGIT + self.class_id
        start_ms = number * length_ms + self.offset_ms
        return Race(race_id, start_ms, self.length_s, waits_for_pedals=self.waits_for_pedals)

    def race_after(self, race: Race) -> Race:
        return self.race_at(race.end_ms)

    def ridden_at(self, wall_ms: int) -> Race:
        return self.race_at(wall_ms)

    def holds(self, race: Race) -> bool:
        return True

    def commanded_at(self, wall_ms: int) -> Sequence[Race]:
        return ()

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Do nothing: these races never change."""

    def unsubscribe(self, changed: Callable[[], None]) -> None:
        """Do nothing: see `subscribe`."""
