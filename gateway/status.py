"""A snapshot of everything, for whoever wants to look at the gateway from outside."""

from dataclasses import dataclass

from gateway.bike_link import LinkState
from gateway.buffer import BufferStatus
from gateway.sampler import Sample


@dataclass(frozen=True, slots=True)
class BikeStatus:
    """One bike. `reason` says why it is not connected; `sample` is its last whole second."""

    bike_id: str
    racer_name: str
    state: LinkState
    reason: str
    sample: Sample | None


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """The whole gateway. `cloud` is "connected" or why not; counts are since the start."""

    race_id: int
    second: int
    lost_seconds: int
    bikes: tuple[BikeStatus, ...]
    cloud: str
    produced: int
    accepted: int
    buffer: BufferStatus
