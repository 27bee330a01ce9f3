"""The race's second hand: one tick at the end of every second of every race."""

from dataclasses import dataclass

from gateway.clock import NS_PER_S, Clock
from gateway.race import Race, Races


@dataclass(frozen=True, slots=True)
class RaceSecond:
    """One second of a race, on both clocks. `end_ns` is exclusive."""

    race: Race
    second: int
    end_ns: int

    @property
    def start_ns(self) -> int:
        return self.end_ns - NS_PER_S

    @property
    def end_ms(self) -> int:
        return self.race.start_ms + self.second * 1000

    @property
    def is_final(self) -> bool:
        return self.second == self.race.length_s


class RaceClock:
    """Ticks through races. Anchored to the wall clock once a race, monotonic within it.

    A clock step in mid-race neither repeats nor skips a second. After a stall of the process
    the seconds that nobody sampled are counted in `lost_seconds`, not made up; a race's last
    second is ticked even then, because its `final` closes the race.
    """

    def __init__(self, races: Races, clock: Clock) -> None:
        self._races = races
        self._clock = clock
        self.lost_seconds = 0
        self._running: RaceSecond
        clock.reanchor()
        self._enter(races.race_at(clock.wall_ms_at(clock.monotonic_ns())))

    @property
    def running(self) -> RaceSecond:
        """The second that is being ridden now, or, before a race, its first."""
        return self._running

    async def tick(self) -> RaceSecond:
        """Wait for the end of the running second, return it and move on to the next."""
        await self._clock.sleep_until(self._running.end_ns)
        ended = self._running
        self._advance(ended)
        return ended

    def _advance(self, ended: RaceSecond) -> None:
        if ended.is_final:
            self._enter(self._next_race(ended.race))
            begun_ns = min(self._running.start_ns, self._clock.monotonic_ns())
            self.lost_seconds += max(0, begun_ns - ended.end_ns) // NS_PER_S
            return
        now_second = self._second_at(ended.race, ended.end_ns - ended.second * NS_PER_S)
        following = ended.second + 1
        second = max(following, min(now_second, ended.race.length_s))
        self.lost_seconds += second - following
        self._running = RaceSecond(
            ended.race, second, ended.end_ns + (second - ended.second) * NS_PER_S
        )

    def _next_race(self, ended: Race) -> Race:
        """A wall clock that was put back a little must not make the ended race end twice."""
        self._clock.reanchor()
        race = self._races.race_at(self._clock.wall_ms_at(self._clock.monotonic_ns()))
        return self._races.race_after(ended) if race.race_id == ended.race_id else race

    def _enter(self, race: Race) -> None:
        start_ns = self._clock.monotonic_ns_at(race.start_ms)
        second = self._second_at(race, start_ns)
        self._running = RaceSecond(race, second, start_ns + second * NS_PER_S)

    def _second_at(self, race: Race, start_ns: int) -> int:
        elapsed_s = (self._clock.monotonic_ns() - start_ns) // NS_PER_S
        return max(1, elapsed_s + 1)
