"""A fake racer: its ride, its Sampler, a message for each second, and its score. Pure."""

from collections.abc import Iterator
from itertools import islice

from drivers import Reading
from drivers.fake.faults import FaultOptions, Faults
from drivers.fake.pot import Pot, PotOptions
from drivers.fake.rider import STEP_S, RiderProfile, simulate
from drivers.fake.scenarios import target_at
from drivers.fake.wire import PlainVoice
from gateway.race.clock import RaceSecond
from gateway.race.races import Race
from gateway.sampling.sampler import Sample, Sampler
from gateway.simulation.cloud.leaderboard import Standing, score
from gateway.simulation.fleet.plan import Assignment
from gateway.telemetry.message import Telemetry, make_telemetry
from gateway.timing.units import NS_PER_MS, NS_PER_S

_STEP_MS = round(STEP_S * 1000)
_MS_PER_S = 1000


class FleetRacer:
    """A racer who rides from the first second of the race on.

    Seconds must be closed in order, but any may be skipped.
    """

    def __init__(self, assignment: Assignment, thing_name: str, race: Race) -> None:
        self.assignment = assignment
        self.race = race
        self.produced = 0
        #: The sample of the last second that was closed.
        self.sample: Sample | None = None
        self._last_output = 0.0
        self._is_final = False
        self._best_output = 0.0
        self._best_second = 0
        self._thing_name = thing_name
        self._ridden_s = 0
        self._rider = FakeRider(assignment.seed, race.length_s)
        self._sampler = Sampler()

    def ride(self, second: RaceSecond) -> None:
        """Feed the Sampler with Readings up to the end of `second`, unless already done."""
        if self._ridden_s == 0:
            self._sampler.connected(second.race_start_ns, self._rider.stale_after_s)
        while self._ridden_s < second.second:
            start_ns = second.race_start_ns + self._ridden_s * NS_PER_S
            self._ridden_s += 1
            for reading in self._rider.next_second(start_ns, self._ridden_s):
                self._sampler.add(reading)

    def close_second(self, second: RaceSecond) -> Telemetry:
        """Return the message of a second of this racer's race, which has ended."""
        self.ride(second)
        self.sample = sample = self._sampler.close_second(second.start_ns, second.end_ns)
        self.produced += 1
        self._score(second, sample)
        bike_id, racer = self.assignment.bike_id, self.assignment.racer
        samples = self.produced if second.is_final else None
        return make_telemetry(
            self._thing_name, bike_id, racer, second, sample, samples, is_simulated=True
        )

    @property
    def standing(self) -> Standing:
        """The standing that the backend will compute once it has every message produced.

        `here_now` is what it has if each second arrives in a poll of its own.
        """
        racer = self.assignment.racer
        final_result = self._last_output if self._is_final else None
        return Standing(
            race_id=self.race.race_id,
            class_id=racer.class_id,
            racer_id=racer.racer_id,
            name=racer.name,
            here_now=self._last_output,
            final_result=final_result,
            personal_record=final_result,
            best_output=self._best_output,
            best_second=self._best_second,
            seconds_received=self.produced,
        )

    def _score(self, second: RaceSecond, sample: Sample) -> None:
        self._last_output = score(sample.cadence_rpm, sample.resistance_percent)
        self._is_final = second.is_final
        if self._last_output > self._best_output:
            self._best_output, self._best_second = self._last_output, second.second


class FakeRider:
    """The Readings of one ride: the ride of the driver `fake` with the same seed.

    That driver uses a timer of its own for each instant, and keeps the whole ride for the next
    race: 0.1 MB for 300 seconds. A thousand bikes in one process can afford neither.
    """

    stale_after_s = PlainVoice.stale_after_s

    def __init__(self, seed: int, ride_s: int) -> None:
        profile = RiderProfile.from_seed(seed)
        self._states = simulate(profile, target_at("steady", ride_s, profile), seed)
        faults, pot = Faults(FaultOptions(), seed, ride_s), Pot(PotOptions())
        self._voice = PlainVoice(faults, pot, lambda _name, _frame: None)

    def next_second(self, start_ns: int, second: int) -> Iterator[Reading]:
        """Yield the Readings of `second`, which starts at `start_ns`; call for 1, 2, … in order."""
        start_ms = (second - 1) * _MS_PER_S
        states = list(islice(self._states, _MS_PER_S // _STEP_MS))
        for ms in range(0, _MS_PER_S, self._voice.period_ms):
            state = states[ms // _STEP_MS]
            yield from self._voice.say(state, start_ms + ms, start_ns + ms * NS_PER_MS)
