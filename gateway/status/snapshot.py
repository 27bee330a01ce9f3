"""A snapshot of everything, for whoever wants to look at the gateway from outside.

These names are those of the JSON as well: see gateway/status/report.py.
"""

from dataclasses import dataclass

from gateway.bike.status import BikeStatus
from gateway.buffer.status import BufferStatus
from gateway.host.board import PiHealth

#: What a message takes on disk, with its index.
BYTES_PER_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class CloudStatus:
    """`state` is "connected", or why not. Several connections only if one cannot carry the bikes.

    `pace_share`: the part of its pace that the broker bears, 1 unless it has said "slow down".
    `state_s`: for how long it has been connected, or not, whatever the reasons.
    """

    state: str
    connections: int
    connected: int
    pace_share: float
    state_s: float

    @property
    def is_connected(self) -> bool:
        return self.connected == self.connections


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """The whole gateway; counts are since the start, rates of the last minute.

    `lost_seconds`: those that nobody sampled, because the process stood still.
    """

    clock_is_set: bool
    lost_seconds: int
    bikes: tuple[BikeStatus, ...]
    cloud: CloudStatus
    produced: int
    accepted: int
    buffer: BufferStatus
    thing_name: str
    version: str
    uptime_s: float
    produced_per_s: float
    accepted_per_s: float
    pi: PiHealth
    notes: tuple[str, ...]

    @property
    def hours_left(self) -> float | None:
        """How long all bikes can race without a broker before something must go."""
        free_bytes = self.buffer.free_bytes
        if free_bytes is None:
            return None
        return free_bytes / (BYTES_PER_MESSAGE * len(self.bikes) * 3600)
