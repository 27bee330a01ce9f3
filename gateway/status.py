"""A snapshot of everything, for whoever wants to look at the gateway from outside."""

from dataclasses import dataclass

from gateway.bike_link import LinkState
from gateway.buffer import BufferStatus
from gateway.sampler import Sample

#: What a message takes on disk, with its index.
BYTES_PER_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class BikeStatus:
    """One bike. `reason` says why it is not connected; `sample` is its last whole second.

    `race_id` and `second` are None while no race is known for it.
    """

    bike_id: str
    racer_name: str
    state: LinkState
    reason: str
    sample: Sample | None
    race_id: int | None = None
    second: int | None = None


@dataclass(frozen=True, slots=True)
class CloudStatus:
    """`state` is "connected", or why not. Several connections only if one cannot carry the bikes.

    `pace_share`: the part of its pace that the broker bears, 1 unless it has said "slow down".
    """

    state: str
    connections: int
    connected: int
    pace_share: float


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """The whole gateway; counts are since the start."""

    clock_is_set: bool
    lost_seconds: int
    bikes: tuple[BikeStatus, ...]
    cloud: CloudStatus
    produced: int
    accepted: int
    buffer: BufferStatus

    @property
    def hours_left(self) -> float | None:
        """How long all bikes can race without a broker before something must go."""
        free_bytes = self.buffer.free_bytes
        if free_bytes is None:
            return None
        return free_bytes / (BYTES_PER_MESSAGE * len(self.bikes) * 3600)
