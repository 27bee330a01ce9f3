"""BikeStatus: the state of one bike, as shown in the status."""

from dataclasses import dataclass

from gateway.bike.link import LinkState
from gateway.sampling.sampler import Sample


@dataclass(frozen=True, slots=True)
class BikeStatus:
    """The state of one bike.

    `reason`: why the bike is not connected. `racer_name`: the racer of the race in progress, else
    of the next one. `race_id` and `second` are None while no race is known. `not_joined`: why the
    racer does not take part in that race; empty if they do, or without a race. `state_s`: seconds
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
    not_joined: str = ""
    state_s: float = 0.0
    sample_age_s: float | None = None
    calibration_problem: str = ""

    @property
    def has_joined(self) -> bool:
        """Whether the racer takes part in a race."""
        return self.race_id is not None and not self.not_joined

    @property
    def is_connected(self) -> bool:
        return self.state is LinkState.CONNECTED
