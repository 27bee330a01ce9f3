"""Joins: the races that a bike's rider takes part in, each from its first turn of the pedals. Pure.

Most bikes stand idle most of the time: a race without pedalling gets no message at all.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from gateway.race.clock import RaceSecond
from gateway.race.races import MAX_ID, MAX_LENGTH_S, Race, Racer
from gateway.timing.units import NS_PER_S

#: Limit of races remembered for a bike. A day of undated seconds has 288 races of five minutes,
#: which are all dated at once.
RACES_MAX = 4096


#: How often the last turn of the pedals is saved while no race is known, in nanoseconds.
SAVE_EVERY_NS = 10 * NS_PER_S


@dataclass(frozen=True, slots=True)
class JoinedRide:
    """A racer's part of a race, which began with `second`.

    `left_after`: the last second of a racer who left the race. `name` and `class_id` are those of
    the racer, and only kept if the race was not joined by the pedals alone.
    """

    race_id: Annotated[int, Field(ge=0, le=MAX_ID)]
    racer_id: Annotated[int, Field(ge=0, le=MAX_ID)]
    second: Annotated[int, Field(ge=1, le=MAX_LENGTH_S)]
    left_after: Annotated[int, Field(ge=1, le=MAX_LENGTH_S)] | None = None
    name: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    class_id: Annotated[int, Field(ge=1, le=6)] | None = None

    @property
    def racer(self) -> Racer | None:
        """The racer, if name and class were kept."""
        if self.name is None or self.class_id is None:
            return None
        return Racer(self.racer_id, self.name, self.class_id)


@dataclass(frozen=True, slots=True)
class UndatedTurn:
    """A turn of the pedals in an undated second, which ended then on the boot's monotonic clock."""

    boot_id: str
    end_ns: Annotated[int, Field(ge=0, lt=2**63)]


def _ignore() -> None:
    """Do nothing: the joins are not saved."""


class Joins:
    """The rides of one bike. Seconds may be added in any order, as undated ones are dated late.

    `joined`, `turn` and `left` are the last ones of an earlier process. `on_change` is called when
    there is something to save.
    """

    def __init__(
        self,
        joined: JoinedRide | None = None,
        turn: UndatedTurn | None = None,
        on_change: Callable[[], None] = _ignore,
        left: JoinedRide | None = None,
    ) -> None:
        #: By race and racer.
        self._rides: OrderedDict[tuple[int, int], JoinedRide] = OrderedDict()
        #: The final of each race that has ended.
        self._finals: OrderedDict[tuple[int, int], RaceSecond] = OrderedDict()
        #: The last turn of the pedals before the clock was set, at most SAVE_EVERY_NS old.
        self.turn = turn
        #: The last ride that its racer left, of a race that may go on.
        self.left = left
        self._on_change = on_change
        for ride in (left, joined):
            if ride is not None:
                self._rides[ride.race_id, ride.racer_id] = ride

    @property
    def last(self) -> JoinedRide | None:
        """The ride that was joined last."""
        return next(reversed(self._rides.values()), None)

    @property
    def kept(self) -> Sequence[JoinedRide]:
        """The rides that are kept over a restart: the last one, and the last that was left."""
        rides = (self.last, self.left)
        return [ride for ride in dict.fromkeys(rides) if ride is not None]

    def add(self, second: RaceSecond, racer_id: int, *, is_pedalling: bool) -> bool:
        """Join the race if the pedals turn; return whether this second belongs to a ride."""
        if self._is_after_final(second, racer_id):
            return False
        if is_pedalling and second.race.waits_for_pedals:
            self._join(JoinedRide(second.race.race_id, racer_id, second.second))
        return self.has_joined(second.race, racer_id, second.second)

    def join(self, race: Race, racer: Racer, second: int) -> None:
        """Let the racer take part from a second on, and keep who it is."""
        ride = self._ride(race, racer, second)
        self._put(replace(ride, second=min(ride.second, second)))

    def leave(self, race: Race, racer: Racer, second: int) -> None:
        """End the racer's part with a second, which gets the final."""
        self.left = replace(self._ride(race, racer, second), left_after=second)
        self._put(self.left)

    def withdraw(self, race: Race, racer_id: int) -> None:
        """Undo the join of a race that has not begun."""
        if self._rides.pop((race.race_id, racer_id), None) is not None:
            self._on_change()

    def _ride(self, race: Race, racer: Racer, second: int) -> JoinedRide:
        """Return the racer's part with all that is known of it, or one that begins now."""
        key = race.race_id, racer.racer_id
        ride = self._rides.get(key, JoinedRide(*key, second))
        return replace(ride, name=racer.name, class_id=racer.class_id)

    def add_turn(self, turn: UndatedTurn) -> None:
        """Keep a turn of the pedals in an undated second."""
        last = self.turn
        if last and last.boot_id == turn.boot_id and turn.end_ns - last.end_ns < SAVE_EVERY_NS:
            return
        self.turn = turn
        self._on_change()

    def end(self, final: RaceSecond, racer_id: int) -> None:
        """End a ride with its final, after which it gets no more seconds."""
        self._finals[final.race.race_id, racer_id] = final
        if len(self._finals) > RACES_MAX:
            self._finals.popitem(last=False)

    def _is_after_final(self, second: RaceSecond, racer_id: int) -> bool:
        """Return whether the race had its final, as when its bike is configured again.

        A clock that is set back repeats the id of a race; that is another race.
        """
        key = second.race.race_id, racer_id
        final = self._finals.get(key)
        if final is None:
            return False
        if abs(second.race_start_ns - final.race_start_ns) >= NS_PER_S:
            del self._finals[key]
            self._rides.pop(key, None)
            return False
        return second.second > final.second

    def has_joined(self, race: Race, racer_id: int, second: int) -> bool:
        """Return whether the racer takes part in the race in the given second."""
        ride = self._rides.get((race.race_id, racer_id))
        if ride is not None and ride.left_after is not None and second > ride.left_after:
            return False
        if not race.waits_for_pedals:
            return True
        return ride is not None and ride.second <= second

    def _join(self, ride: JoinedRide) -> None:
        known = self._rides.get((ride.race_id, ride.racer_id))
        if known is None:
            self._put(ride)
        elif ride.second < known.second:
            self._put(replace(known, second=ride.second))

    def _put(self, ride: JoinedRide) -> None:
        """Keep a ride as the last one that changed."""
        key = ride.race_id, ride.racer_id
        self._rides[key] = ride
        self._rides.move_to_end(key)
        if len(self._rides) > RACES_MAX:
            self._rides.popitem(last=False)
        self._on_change()
