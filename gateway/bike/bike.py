"""Bike: keeps one bike connected and turns each second of its races into telemetry."""

from collections.abc import Callable
from random import Random

import structlog

from drivers import Driver
from gateway.bike.calibration_choice import CalibrationInUse
from gateway.bike.link import BikeLink, LinkState, ReadingFanout
from gateway.bike.riding import Riding
from gateway.bike.status import BikeStatus, commanded_races, radio_status
from gateway.config.schema import BikeConfig
from gateway.race.clock import RaceSecond, UndatedSecond
from gateway.race.joins import SAVE_EVERY_NS, Joins, UndatedTurn
from gateway.race.races import Racer, Races
from gateway.sampling.calibration import Calibration, ResistanceSource
from gateway.sampling.sampler import Sample, Sampler
from gateway.telemetry.message import Telemetry, make_telemetry
from gateway.telemetry.tally import Tally, Undated
from gateway.telemetry.undated import UndatedSample
from gateway.timing.clock import GatewayClock
from gateway.timing.pulse import Pulse
from gateway.timing.units import NS_PER_S, seconds_between

#: Receives each second: as a message, or undated if its race is not known yet.
Sink = Callable[[Telemetry | UndatedSample], None]

log = structlog.get_logger()


class Bike:
    """One bike: driver → BikeLink → Sampler ─tick of the RaceClock→ Telemetry → sink."""

    def __init__(
        self,
        config: BikeConfig,
        calibration: CalibrationInUse,
        thing_name: str,
        driver: Driver,
        races: Races,
        joins: Joins,
        clock: GatewayClock,
    ) -> None:
        self.config = config
        self._thing_name = thing_name
        self._clock = clock
        #: When the pedals last turned in an undated second.
        self._pedalled_ns: int | None = None
        self._sampler = Sampler(calibration.calibration)
        #: Hands the Readings to the sampler and to a calibration session.
        self.fanout = ReadingFanout(self._sampler)
        self._calibration = calibration
        self._trial: Calibration | None = None
        #: Who rides its races.
        self.riding = Riding(config.id, config.racer, races, joins, clock)
        self._tally = Tally(clock.monotonic_ns())
        self._restore_turn()
        #: The Sample of the last whole second, and the end of that second.
        self._last_sample: Sample | None = None
        self._last_sample_ns = 0
        self.relink(driver)

    @property
    def pulse(self) -> Pulse:
        return self.riding.race_clock.pulse

    @property
    def lost_seconds(self) -> int:
        return self.riding.race_clock.lost_seconds

    @property
    def race_id(self) -> int | None:
        """The id of the race in progress, else of the next one; None without a race."""
        return self.riding.race_id

    @property
    def status(self) -> BikeStatus:
        riding, second, racer = self.riding, self.riding.second, self.riding.racer
        now_ns, sample = self._clock.monotonic_ns(), self._last_sample
        following = riding.next_racer if riding.is_changing else None
        return BikeStatus(
            bike_id=self.config.id,
            racer_id=racer.racer_id,
            racer_name=racer.name,
            class_id=racer.class_id,
            state=self.link.state,
            reason=self.link.reason,
            sample=sample,
            race_id=self.race_id,
            second=second.second if second else None,
            race_length_s=second.race.length_s if second else None,
            starts_in_s=riding.starts_in_s,
            commanded=commanded_races(riding.races, self._clock.wall_ms_at(now_ns)),
            not_joined="" if second is None or riding.has_joined else self._not_joined(),
            state_s=seconds_between(self.link.since_ns, now_ns),
            sample_age_s=seconds_between(self._last_sample_ns, now_ns) if sample else None,
            calibration_problem=self.calibration.problem,
            next_racer_name=following.name if following else "",
            next_racer_id=following.racer_id if following else None,
            next_class_id=following.class_id if following else None,
            is_simulated=self.config.is_simulated,
            resistance_doubt=self._sampler.resistance_doubt,
            refused=self._sampler.refusals.fields,
            refuses_often=self._sampler.refusals.are_frequent(now_ns),
            radio=radio_status(self.link.reception, now_ns),
            losses_per_hour=self.link.losses_per_hour,
            current=self._sampler.current(now_ns),
        )

    def _not_joined(self) -> str:
        """Return why the racer does not take part in the race."""
        if not self.riding.has_begun:
            return "the race has not begun"
        if self.link.state is not LinkState.CONNECTED:
            return "the bike is not connected"
        if self._last_sample is None or not self._last_sample.present:
            return "the bike has not reported anything yet"
        return "the pedals have not turned since the race began"

    @property
    def calibration(self) -> CalibrationInUse:
        """The saved or configured calibration, ignoring any trial.

        A new one takes effect immediately, including for the current second.
        """
        return self._calibration

    @calibration.setter
    def calibration(self, calibration: CalibrationInUse) -> None:
        is_other_device = calibration.device != self._calibration.device
        self._calibration = calibration
        self.trial = None if is_other_device else self._trial

    @property
    def trial(self) -> Calibration | None:
        """The calibration on trial. It takes effect immediately and applies until it is None."""
        return self._trial

    @trial.setter
    def trial(self, trial: Calibration | None) -> None:
        self._trial = trial
        self._sampler.calibration = self._calibration.calibration if trial is None else trial

    async def race(self, sink: Sink) -> None:
        """Close every second as it ends; when cancelled, close the running one as well."""
        try:
            while True:
                self._close_second(await self.riding.race_clock.tick(), sink)
        finally:
            running = self.riding.second
            if running is not None and self.riding.has_begun:
                self._close_second(running, sink)

    def relink(self, driver: Driver) -> None:
        """Create a new link, not running yet, in place of one that has ended."""
        self.link = BikeLink(
            self.config.id,
            driver,
            self.fanout,
            self._clock,
            Random(f"{self._thing_name}/{self.config.id}"),
            stale_after_s=self.config.stale_after_s,
            on_change=self.fanout.link_changed,
        )
        self.fanout.link_changed()

    def reconfigure(self, config: BikeConfig, races: Races) -> None:
        """Change the racer and the races; a race that the racer has joined keeps its racer."""
        self.config = config
        self.riding.change(config.racer, races)

    def date(self, undated: UndatedSample) -> Telemetry | None:
        """Return the message of an undated second; None without a race, a join or data."""
        self._count_undated_seconds()
        dated = self.riding.date(undated.end_ns)
        if dated is None:
            return None
        return self._telemetry(*dated, undated.sample, is_simulated=undated.is_simulated)

    def _close_second(self, second: RaceSecond | UndatedSecond, sink: Sink) -> None:
        doubt = self._sampler.resistance_doubt
        sample = self._sampler.close_second(second.start_ns, second.end_ns)
        if self._sampler.resistance_doubt and not doubt:
            self._report_doubt(self._sampler.resistance_doubt)
        self._report_raw_numbers(sample)
        self._last_sample, self._last_sample_ns = sample, second.end_ns
        if isinstance(second, UndatedSecond):
            self._close_undated(second.end_ns, sample, sink)
            return
        self._count_undated_seconds()
        racer = self.riding.racer_of(second)
        telemetry = self._telemetry(second, racer, sample, is_simulated=self.config.is_simulated)
        if telemetry is not None:
            sink(telemetry)
        if second.is_final:
            self.riding.end(second)

    def _close_undated(self, end_ns: int, sample: Sample, sink: Sink) -> None:
        if sample.is_pedalling:
            self._pedalled_ns = end_ns
            self.riding.joins.add_turn(UndatedTurn(self._clock.boot_id, end_ns))
        if not self._may_have_joined(end_ns):
            return
        if sample.present:
            self._tally.keep_undated(Undated(end_ns, sample.is_pedalling))
        config = self.config
        sink(UndatedSample(self._clock.boot_id, end_ns, config.id, sample, config.is_simulated))
        self._count_undated_seconds()

    def _may_have_joined(self, end_ns: int) -> bool:
        """Return whether an undated second can belong to a race that the rider has joined."""
        joined_for_s = self.riding.races.joined_for_s
        if joined_for_s is None:
            return True
        pedalled_ns = self._pedalled_ns
        # The turn that an earlier process saved may not be its last.
        limit_ns = joined_for_s * NS_PER_S + SAVE_EVERY_NS
        return pedalled_ns is not None and end_ns - pedalled_ns <= limit_ns

    def _restore_turn(self) -> None:
        """Continue a race that was joined in an undated second of an earlier process."""
        turn, now_ns = self.riding.joins.turn, self._clock.monotonic_ns()
        if turn is None or turn.boot_id != self._clock.boot_id or turn.end_ns > now_ns:
            return
        self._pedalled_ns = turn.end_ns
        self._tally.keep_undated(Undated(turn.end_ns, is_pedalling=True))
        self._count_undated_seconds()

    def _report_raw_numbers(self, sample: Sample) -> None:
        """Log when the bike's own numbers begin to be taken as percentages."""
        last, uncalibrated = self._last_sample, ResistanceSource.UNCALIBRATED
        is_known = last is not None and last.resistance_source is uncalibrated
        if sample.resistance_source is uncalibrated and not is_known:
            log.warning(
                "bike not calibrated: its own numbers are taken as percentages", bike=self.config.id
            )

    def _report_doubt(self, doubt: str) -> None:
        log.warning(
            "the bike's resistance not used: races use one derived from power and cadence",
            bike=self.config.id,
            reason=doubt,
        )

    def _count_undated_seconds(self) -> None:
        """Assign the undated seconds to their races, once the clock is set.

        A rider who has joined a race by them keeps it, also if another is chosen.
        """
        if self.riding.is_undated:
            return
        for undated in self._tally.take_undated():
            dated = self.riding.date(undated.end_ns)
            if dated is None:
                continue
            second, racer = dated
            if self.riding.joins.add(second, racer.racer_id, is_pedalling=undated.is_pedalling):
                self._tally.count(second.race.race_id, racer.racer_id, second.second)

    def _telemetry(
        self, second: RaceSecond, racer: Racer, sample: Sample, *, is_simulated: bool
    ) -> Telemetry | None:
        """Return the message of a second of a joined race; None if the bike was absent.

        A `final` is sent even then: it closes the race.
        """
        race = second.race
        joined = self.riding.joins.add(second, racer.racer_id, is_pedalling=sample.is_pedalling)
        if not joined or not (sample.present or second.is_final):
            return None
        samples = self._tally.count(race.race_id, racer.racer_id, second.second)
        is_whole = self._tally.is_whole(second.race_start_ns)
        return make_telemetry(
            self._thing_name,
            self.config.id,
            racer,
            second,
            sample,
            samples if second.is_final and is_whole else None,
            is_simulated=is_simulated,
        )
