"""One fake racer: a ride, a Sampler, a message for every second, and the score so far. PURE."""

from gateway.race.clock import RaceSecond
from gateway.race.races import Race
from gateway.sampling.sampler import Sample, Sampler
from gateway.simulation.cloud.consumer import Standing, score
from gateway.simulation.fleet.plan import Seat
from gateway.simulation.fleet.rider import FakeRider
from gateway.telemetry.message import Telemetry, make_telemetry
from gateway.timing.units import NS_PER_S


class FleetRacer:
    """Rides from the race's first second on. Seconds are closed in order, none has to be."""

    def __init__(self, seat: Seat, thing_name: str, race: Race) -> None:
        self.seat = seat
        self.race = race
        self.produced = 0
        self.is_final = False
        self.best_output = 0.0
        self.best_second = 0
        #: Of the last second that was closed.
        self.sample: Sample | None = None
        self._thing_name = thing_name
        self._ridden_s = 0
        self._rider = FakeRider(seat.seed, race.length_s)
        self._sampler = Sampler()

    def ride(self, second: RaceSecond) -> None:
        """Hear what the bike says until the end of a second, unless that has been heard."""
        if self._ridden_s == 0:
            self._sampler.connected(second.race_start_ns, self._rider.stale_after_s)
        while self._ridden_s < second.second:
            start_ns = second.race_start_ns + self._ridden_s * NS_PER_S
            self._ridden_s += 1
            for reading in self._rider.next_second(start_ns, self._ridden_s):
                self._sampler.add(reading)

    def close_second(self, second: RaceSecond) -> Telemetry:
        """The message of a second that has ended, of this racer's race."""
        self.ride(second)
        self.sample = sample = self._sampler.close_second(second.start_ns, second.end_ns)
        self.produced += 1
        self.is_final = second.is_final
        output = score(sample.cadence_rpm, sample.resistance_percent)
        if output > self.best_output:
            self.best_output, self.best_second = output, second.second
        seat, samples = self.seat, self.produced if second.is_final else None
        return make_telemetry(self._thing_name, seat.bike_id, seat.racer, second, sample, samples)

    @property
    def standing(self) -> Standing:
        """As the backend will see it when it has all that was produced."""
        racer = self.seat.racer
        return Standing(
            race_id=self.race.race_id,
            racer_id=racer.racer_id,
            name=racer.name,
            best_output=self.best_output,
            best_second=self.best_second,
            seconds_received=self.produced,
            is_final=self.is_final,
        )
