"""BikeStatus: the state of one bike, as the status shows it."""

from dataclasses import dataclass

from gateway.bike.link import LinkState
from gateway.sampling.sampler import Sample


@dataclass(frozen=True, slots=True)
class BikeStatus:
    """One bike. `reason` says why it is not connected; `sample` is its last whole second.

    `racer_name`: who rides it, or would. `race_id` and `second` are None while no race is known
    for it. `state_s`: for how long it has been in this state. `sample_age_s`: since that second
    ended. `calibration_problem`: why a calibration that was saved is not used.
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
