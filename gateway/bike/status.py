"""BikeStatus: the state of one bike, as shown in the status."""

from dataclasses import dataclass

from gateway.bike.link import LinkState
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.sampler import Sample


@dataclass(frozen=True, slots=True)
class BikeStatus:
    """The state of one bike.

    `reason`: why the bike is not connected. `racer_name`: the racer of the race in progress, else
    of the next one. `race_id` and `second` are None while no race is known. `state_s`: seconds
    spent in this state. `sample`: the last whole second, which ended `sample_age_s` seconds ago.
    `calibration_problem`: why a saved calibration is not used.
    """

    bike_id: str
    racer_name: str
    state: LinkState
    reason: str
    sample: Sample | None
    race_id: int | None = None
    second: int | None = None
    state_s: float = 0.0
    sample_age_s: float | None = None
    calibration_problem: str = ""

    @property
    def is_connected(self) -> bool:
        return self.state is LinkState.CONNECTED

    @property
    def is_uncalibrated(self) -> bool:
        """Whether the bike's own numbers are taken as percent, for want of a calibration."""
        source = self.sample.resistance_source if self.sample else None
        return self.is_connected and source is ResistanceSource.UNCALIBRATED
