"""Example statuses of a gateway: all well, except for a test's changes."""

from dataclasses import replace
from typing import Any

from gateway.bike.link import LinkState
from gateway.bike.status import BikeStatus
from gateway.buffer.status import BufferStatus
from gateway.host.board import PiHealth
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.sampler import Sample
from gateway.status.snapshot import CloudStatus, GatewayStatus
from gateway.timing.clock_sync import ClockSource

#: An hour of a bike takes 1,080,000 B of the buffer.
NINE_HOURS_BYTES = 9 * 846_000


def bike_status(number: int = 1, **changes: Any) -> BikeStatus:
    """Return the status of bike-001, ridden by Rider1, in second 103 of a race."""
    riding = BikeStatus(
        bike_id=f"bike-{number:03}",
        racer_id=number,
        racer_name=f"Rider{number}",
        state=LinkState.CONNECTED,
        reason="",
        sample=Sample(
            present=True,
            cadence_rpm=87.2,
            resistance_percent=54.0,
            power_w=163.0,
            resistance_source=ResistanceSource.CALIBRATED,
        ),
        race_id=59807781,
        second=103,
        state_s=3600.0,
        sample_age_s=0.4,
    )
    return replace(riding, **changes)


def lost_bike(number: int = 1, reason: str = "the bike stopped sending") -> BikeStatus:
    """Return the status of a bike that has been lost for three minutes."""
    return bike_status(number, state=LinkState.LOST, reason=reason, sample=None, state_s=180.0)


def offline(reason: str = "connection refused", for_s: float = 720.0) -> CloudStatus:
    return CloudStatus(reason, connections=1, connected=0, pace_share=1.0, state_s=for_s)


def buffer_status(**changes: Any) -> BufferStatus:
    empty = BufferStatus(depth=0, on_disk=0, used_bytes=358_400, free_bytes=NINE_HOURS_BYTES)
    return replace(empty, **changes)


def gateway_status(*bikes: BikeStatus, **changes: Any) -> GatewayStatus:
    """Return the status of a gateway with these bikes, by default one."""
    well = GatewayStatus(
        clock_is_set=True,
        lost_seconds=0,
        bikes=bikes or (bike_status(),),
        cloud=CloudStatus("connected", 1, 1, pace_share=1.0, state_s=7200.0),
        produced=10_800,
        accepted=10_799,
        buffer=buffer_status(),
        thing_name="gateway-1",
        version="0.1.0",
        uptime_s=10_800.0,
        produced_per_s=1.0,
        accepted_per_s=1.0,
        pi=PiHealth(temperature_c=61.2, is_undervolted=False),
        notes=(),
        clock_source=ClockSource.TIME_SERVER,
    )
    return replace(well, **changes)
