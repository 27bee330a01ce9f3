"""RaceClock: one tick at the end of every second of every race of one bike."""

import asyncio
from dataclasses import dataclass, replace

from gateway.race.races import Race, Races, second_at
from gateway.timing.clock import GatewayClock
from gateway.timing.pulse import Pulse
from gateway.timing.units import NS_PER_S

#: An undated second belongs to the race second in which its middle lies.
HALF_SECOND_MS = 500
#: How often the wall clock is re-read while waiting for a race, in nanoseconds.
LOOK_EVERY_NS = 10 * NS_PER_S


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
    def race_start_ns(self) -> int:
        return self.end_ns - self.second * NS_PER_S

    @property
    def is_final(self) -> bool:
        return self.second == self.race.length_s


@dataclass(frozen=True, slots=True)
class UndatedSecond:
    """A second ridden before the wall clock was set, so its race is unknown."""

    end_ns: int

    @property
    def start_ns(self) -> int:
        return self.end_ns - NS_PER_S


def date_second(undated_end_ns: int, races: Races, clock: GatewayClock) -> RaceSecond | None:
    """Return the race second that an undated second turns out to be; None without a race."""
    middle_ms = clock.wall_ms_at(undated_end_ns) - HALF_SECOND_MS
    race = races.ridden_at(middle_ms)
    if race is None:
        return None
    return RaceSecond(race, second_at(race, middle_ms), undated_end_ns)


class RaceClock:
    """The seconds of one bike's races, anchored to the wall clock at each race's start.

    | running second | at its end | next second |
    |---|---|---|
    | undated | the wall clock is still not set | the next undated second |
    | undated | the wall clock has been set | the one after it in the race it turns out to be in |
    | in a race | the race goes on | the next one; after a stall, the current one |
    | in a race | it was the final | the first second of the next race, or none |

    Within a race only the monotonic clock counts, so a step of the wall clock neither repeats nor
    skips a second. Seconds that a stall of the process left without a sample are counted in
    `lost_seconds` and not made up. The last second of a race is ticked even after a stall, because
    its `final` closes the race.
    """

    def __init__(self, races: Races, clock: GatewayClock) -> None:
        self._races = races
        races.subscribe(self._races_changed)
        self._clock = clock
        self.lost_seconds = 0
        self._changed = asyncio.Event()
        self.pulse = Pulse("race clock", clock, self._changed.set)
        self._ended: Race | None = None
        self._running: RaceSecond | UndatedSecond | None = None
        #: When the wall clock was last read.
        self._looked_ns = clock.monotonic_ns()
        if clock.is_trustworthy():
            self._look_at_the_clock()
            self._enter(races.race_at(self._now_ms()))
        else:
            # All processes of one boot use the same grid, so that no second is counted twice.
            self._running = UndatedSecond((clock.monotonic_ns() // NS_PER_S + 1) * NS_PER_S)

    @property
    def running(self) -> RaceSecond | UndatedSecond | None:
        """The current second, or before a race its first one; None without a race."""
        return self._running

    async def tick(self) -> RaceSecond | UndatedSecond:
        """Wait for the end of the running second, advance to the next one, return the ended one."""
        while True:
            self.pulse.beat()
            running = self._running
            await self._clock.wait(self._changed, self._wake_ns(running))
            self._changed.clear()
            self._wait_for_the_start()
            # Read it again: the races may have changed during the wait.
            running = self._running
            if running is not None and self._clock.monotonic_ns() >= running.end_ns:
                self._advance(running)
                return running

    def _wake_ns(self, running: RaceSecond | UndatedSecond | None) -> int | None:
        """Return when to wake: at the second's end; before a race every LOOK_EVERY_NS as well."""
        if running is None:
            return None
        now_ns = self._clock.monotonic_ns()
        if running.start_ns <= now_ns:
            return running.end_ns
        return min(running.start_ns, now_ns + LOOK_EVERY_NS)

    def _wait_for_the_start(self) -> None:
        """Read the wall clock again before a race, which starts by it even if it is stepped."""
        running = self._running
        if isinstance(running, RaceSecond) and self._looked_ns < running.race_start_ns:
            self._look_at_the_clock()
            self._enter(self._race_at_now())

    def _look_at_the_clock(self) -> None:
        self._clock.reanchor()
        self._looked_ns = self._clock.monotonic_ns()

    def change_races(self, races: Races) -> None:
        """Use other races from now on."""
        self._races.unsubscribe(self._races_changed)
        self._races = races
        races.subscribe(self._races_changed)
        self._races_changed()

    def change_races_at_once(self, races: Races) -> None:
        """Use other races, also for the running second: nothing of its race has been sent."""
        self.change_races(races)
        running = self._running
        if not isinstance(running, RaceSecond) or running.start_ns > self._clock.monotonic_ns():
            return
        instead = races.ridden_at(running.race.start_ms)
        if instead is not None and instead.is_at_the_time_of(running.race):
            self._running = replace(running, race=instead)
        else:
            self._look_at_the_clock()
            self._enter(self._race_at_now())

    def end_race_at(self, second: int) -> None:
        """End the race in progress with a second; if that is over, wait for the next race."""
        running = self._running
        assert isinstance(running, RaceSecond)
        cut_short = replace(running.race, length_s=second)
        if running.second <= second:
            self._running = replace(running, race=cut_short)
        else:
            self._enter(self._next_race(cut_short))
        self._changed.set()

    def _races_changed(self) -> None:
        """End the race in progress with its running second, if it is no longer among the races."""
        running = self._running
        if isinstance(running, UndatedSecond):
            return
        if running is None or running.start_ns > self._clock.monotonic_ns():
            self._look_at_the_clock()
            self._enter(self._race_at_now())
        elif not self._races.holds(running.race):
            cut_short = replace(running.race, length_s=running.second)
            self._running = replace(running, race=cut_short)
        self._changed.set()

    def _advance(self, ended: RaceSecond | UndatedSecond) -> None:
        if isinstance(ended, UndatedSecond):
            self._advance_undated(ended)
        elif ended.is_final:
            self._enter(self._next_race(ended.race))
            if isinstance(self._running, RaceSecond):
                begun_ns = min(self._running.start_ns, self._clock.monotonic_ns())
                self.lost_seconds += max(0, begun_ns - ended.end_ns) // NS_PER_S
        else:
            self._advance_within(ended)

    def _advance_within(self, ended: RaceSecond) -> None:
        now_second = self._second_at(ended.race, ended.race_start_ns)
        following = ended.second + 1
        second = max(following, min(now_second, ended.race.length_s))
        self.lost_seconds += second - following
        end_ns = ended.end_ns + (second - ended.second) * NS_PER_S
        self._running = RaceSecond(ended.race, second, end_ns)

    def _advance_undated(self, ended: UndatedSecond) -> None:
        if self._clock.is_trustworthy():
            self._look_at_the_clock()
            self._resume_dated(ended)
            return
        skipped = max(0, self._clock.monotonic_ns() - ended.end_ns) // NS_PER_S
        self.lost_seconds += skipped
        self._running = UndatedSecond(ended.end_ns + (1 + skipped) * NS_PER_S)

    def _resume_dated(self, last: UndatedSecond) -> None:
        """Continue with the race second that follows the last undated one."""
        dated = date_second(last.end_ns, self._races, self._clock)
        if dated is None:
            self._enter(self._races.race_at(self._now_ms()))
        elif dated.is_final:
            self._enter(self._races.race_after(dated.race))
        else:
            second = dated.second + 1
            end_ns = self._clock.monotonic_ns_at(dated.race.start_ms) + second * NS_PER_S
            self._running = RaceSecond(dated.race, second, end_ns)

    def _next_race(self, ended: Race) -> Race | None:
        """Return the race after `ended`, even if the wall clock was put back into it."""
        self._look_at_the_clock()
        self._ended = ended
        return self._race_at_now()

    def _race_at_now(self) -> Race | None:
        race, ended = self._races.race_at(self._now_ms()), self._ended
        if race is None or ended is None:
            return race
        if race.is_same_ride(ended) or race.is_within(ended):
            return self._races.race_at(max(race.end_ms, ended.end_ms))
        return race

    def _enter(self, race: Race | None) -> None:
        if race is None:
            self._running = None
            return
        start_ns = self._clock.monotonic_ns_at(race.start_ms)
        second = self._second_at(race, start_ns)
        self._running = RaceSecond(race, second, start_ns + second * NS_PER_S)

    def _second_at(self, race: Race, start_ns: int) -> int:
        elapsed_s = (self._clock.monotonic_ns() - start_ns) // NS_PER_S
        return max(1, elapsed_s + 1)

    def _now_ms(self) -> int:
        return self._clock.wall_ms_at(self._clock.monotonic_ns())
