"""Joins: the races that a bike's rider takes part in, each from its first turn of the pedals. Pure.

Most bikes stand idle most of the time: a race without pedalling gets no message at all.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from gateway.race.clock import RaceSecond
from gateway.race.races import Race

#: Limit of races remembered. A day of undated seconds has 288 races of five minutes.
RACES_MAX = 4096


@dataclass(frozen=True, slots=True)
class JoinedRide:
    """A racer's part of a race, which began with `second`."""

    race_id: int
    racer_id: int
    second: int


def _ignore() -> None:
    """Do nothing: the joins are not kept."""


class Joins:
    """The rides of one bike. Seconds may be added in any order, as undated ones are dated late.

    `joined` is the ride in progress when an earlier process ended. `on_join` is called when a
    rider joins.
    """

    def __init__(
        self, joined: JoinedRide | None = None, on_join: Callable[[], None] = _ignore
    ) -> None:
        self._rides: OrderedDict[tuple[int, int], JoinedRide] = OrderedDict()
        self._on_join = on_join
        if joined is not None:
            self._rides[joined.race_id, joined.racer_id] = joined

    @property
    def last(self) -> JoinedRide | None:
        """The ride that was joined last."""
        return next(reversed(self._rides.values()), None)

    def add(self, second: RaceSecond, racer_id: int, *, is_pedalling: bool) -> bool:
        """Join the race if the pedals turn; return whether this second belongs to a ride."""
        if is_pedalling and second.race.waits_for_pedals:
            self._join(JoinedRide(second.race.race_id, racer_id, second.second))
        return self.has_joined(second.race, racer_id, second.second)

    def has_joined(self, race: Race, racer_id: int, second: int) -> bool:
        """Return whether the racer takes part in the race in the given second."""
        if not race.waits_for_pedals:
            return True
        ride = self._rides.get((race.race_id, racer_id))
        return ride is not None and ride.second <= second

    def _join(self, ride: JoinedRide) -> None:
        key = ride.race_id, ride.racer_id
        known = self._rides.get(key)
        if known is not None and known.second <= ride.second:
            return
        self._rides[key] = ride
        if len(self._rides) > RACES_MAX:
            self._rides.popitem(last=False)
        self._on_join()
