"""Riding: who rides the races of one bike, and how that changes."""

import structlog

from gateway.race.clock import RaceClock, RaceSecond, UndatedSecond, date_second
from gateway.race.commanded import BikeRaces
from gateway.race.joins import JoinedRide, Joins
from gateway.race.races import Racer, Races
from gateway.timing.clock import GatewayClock
from gateway.timing.units import seconds_between

log = structlog.get_logger()


class Riding:
    """The racer of a bike, its races and their clock, and the races that were joined.

    A race that the racer has joined keeps its racer, whatever changes, also over a restart.
    """

    def __init__(
        self, bike_id: str, racer: Racer, races: Races, joins: Joins, clock: GatewayClock
    ) -> None:
        self._bike_id = bike_id
        #: The racer of the running race, unless the race names one itself; and of the next race.
        self._racer = self.next_racer = racer
        self.races = races
        #: The racer and the races of the seconds that were ridden before the clock was set.
        self._undated_racer, self._undated_races = racer, races
        self.joins = joins
        self._clock = clock
        self.race_clock = RaceClock(races, clock)

    @property
    def is_undated(self) -> bool:
        """Whether the running second has no race yet, because the clock is not set."""
        return isinstance(self.race_clock.running, UndatedSecond)

    @property
    def second(self) -> RaceSecond | None:
        """The running second, or before a race its first one; None without a race."""
        running = self.race_clock.running
        return running if isinstance(running, RaceSecond) else None

    @property
    def race_id(self) -> int | None:
        """The id of the race in progress, else of the next one; None without a race."""
        second = self.second
        return second.race.race_id if second else None

    @property
    def racer(self) -> Racer:
        """The racer of the race in progress, else of the next one."""
        second = self.second
        return self._racer if second is None else self.racer_of(second)

    def racer_of(self, second: RaceSecond) -> Racer:
        """Return the racer of the running second, or of the one that has just ended."""
        return second.race.racer or self._racer

    @property
    def is_changing(self) -> bool:
        """Whether another racer rides from the next race on."""
        return self._racer != self.next_racer

    @property
    def has_begun(self) -> bool:
        """Whether the running second is one that passes, not the first one of a later race."""
        running = self.race_clock.running
        return running is not None and running.start_ns <= self._clock.monotonic_ns()

    @property
    def starts_in_s(self) -> float | None:
        """How long it takes until the race begins; None if it has begun, or without a race."""
        second = self.second
        if second is None or self.has_begun:
            return None
        return seconds_between(self._clock.monotonic_ns(), second.start_ns)

    @property
    def has_joined(self) -> bool:
        """Whether the racer takes part in the race in progress, else in the next one."""
        second = self.second
        return second is not None and self.joins.has_joined(
            second.race, self.racer.racer_id, second.second
        )

    def change(self, racer: Racer, races: Races) -> None:
        """Change the racer and the races, from the next race on if the racer has joined this one.

        Undated seconds get the new racer: their races depend on the racer's class.
        """
        self.next_racer, self.races = racer, races
        if self.is_undated:
            self._undated_racer, self._undated_races = racer, races
        if self.has_begun and self.has_joined:
            self.race_clock.change_races(races)
        else:
            self._give_way()
            self.race_clock.change_races_at_once(races)
        if self.is_changing:
            self._keep_racer()

    def _give_way(self) -> None:
        """Let the next racer ride the race, which the present one has not begun."""
        second = self.second
        if second is not None and self.is_changing:
            self.joins.withdraw(second.race, self._racer.racer_id)
        self._racer = self.next_racer

    def _keep_racer(self) -> None:
        """Let a later process know who rides the race in progress: the next race is another's."""
        second, racer = self.second, self.next_racer
        if second is not None and second.race.racer is None:
            self.joins.join(second.race, self._racer, second.second)
        log.info(
            "racer changes with the next race",
            bike=self._bike_id,
            racer_id=racer.racer_id,
            name=racer.name,
            class_id=racer.class_id,
        )

    def resume(self, ride: JoinedRide, racer: Racer, races: Races) -> None:
        """Continue a ride of an earlier process if its race is in progress.

        Its racer and their races may be others than those of the next race.
        """
        if self.second is None:
            return
        race = races.ridden_at(self._clock.wall_ms_at(self._clock.monotonic_ns()))
        if race is None or race.race_id != ride.race_id:
            return
        self._racer = racer
        self.race_clock.change_races_at_once(races)
        if ride.left_after is not None:
            self.race_clock.end_race_at(ride.left_after)
        self.change(self.next_racer, self.races)

    def join(self) -> None:
        """Let the racer take part in the race in progress, else in the next one."""
        second = self.second
        assert second is not None
        self.joins.join(second.race, self.racer, second.second)

    def leave(self) -> None:
        """End the racer's race with its running second; undo the join of one not yet begun."""
        second = self.second
        assert second is not None
        if self.has_begun:
            self.joins.leave(second.race, self.racer, second.second)
            self.race_clock.end_race_at(second.second)
        else:
            self.joins.withdraw(second.race, self.racer.racer_id)

    def retire(self) -> None:
        """Remove all races; the race in progress ends with its running second."""
        self.races = BikeRaces()
        self.race_clock.change_races(self.races)

    def end(self, final: RaceSecond) -> None:
        """End the race with its final; the next one is the next racer's."""
        self.joins.end(final, self.racer_of(final).racer_id)
        self._racer = self.next_racer

    def date(self, undated_end_ns: int) -> tuple[RaceSecond, Racer] | None:
        """Return the race second that an undated second turns out to be, and its racer, if any."""
        second = date_second(undated_end_ns, self._undated_races, self._clock)
        return None if second is None else (second, second.race.racer or self._undated_racer)
