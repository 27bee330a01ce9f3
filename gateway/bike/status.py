"""The state of one bike, and of the results of the bikes' races, as shown in the status."""

from dataclasses import dataclass

from gateway.bike.link import LinkState
from gateway.race.results import Place
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.sampler import Sample


@dataclass(frozen=True, slots=True)
class BikeStatus:
    """The state of one bike.

    `reason`: why the bike is not connected. `racer_id`, `racer_name`: the racer of the race in
    progress, else of the next one. `race_id` and `second` are None while no race is known.
    `not_joined`: why the racer does not take part in that race; empty if they do, or without a
    race. `state_s`: seconds spent in this state. `sample`: the last whole second, which ended
    `sample_age_s` seconds ago. `calibration_problem`: why a saved calibration is not used. `place`:
    the racer's place in the race; None without results of the race. `is_simulated`: whether this is
    a fake bike.
    """

    bike_id: str
    racer_id: int
    racer_name: str
    state: LinkState
    reason: str
    sample: Sample | None
    race_id: int | None = None
    second: int | None = None
    not_joined: str = ""
    state_s: float = 0.0
    sample_age_s: float | None = None
    calibration_problem: str = ""
    place: Place | None = None
    is_simulated: bool = False

    @property
    def has_joined(self) -> bool:
        """Whether the racer takes part in a race."""
        return self.race_id is not None and not self.not_joined

    @property
    def is_connected(self) -> bool:
        return self.state is LinkState.CONNECTED

    @property
    def is_uncalibrated(self) -> bool:
        """Whether the bike's own numbers are taken as percent, for want of a calibration."""
        source = self.sample.resistance_source if self.sample else None
        return self.is_connected and source is ResistanceSource.UNCALIBRATED


@dataclass(frozen=True, slots=True)
class ResultsStatus:
    """The state of the subscription to the results of races.

    `refusal`: why the last attempt to subscribe failed. Counts are since the start: `received`
    covers all races; `late` results were older than earlier ones and `malformed` messages not
    usable, and both were ignored.
    """

    topic: str
    refusal: str | None = None
    received: int = 0
    late: int = 0
    malformed: int = 0
