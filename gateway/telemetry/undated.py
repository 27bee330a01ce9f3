"""Undated seconds: ridden before the wall clock was set, and dated later. Pure.

A Raspberry Pi has no battery-backed clock: until its time is set, it does not know which race is in
progress. Its monotonic clock is valid from the start, but only within one boot. So a second is kept
with the boot's id and its end on that clock, and is dated when the wall clock is known.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from gateway.host.errors import GatewayError
from gateway.sampling.sampler import Sample
from gateway.telemetry.message import Telemetry

#: Returns the message of an undated second, or None if it has none. Raises NotDatable.
Dater = Callable[[bytes], Telemetry | None]


class NotDatable(GatewayError):
    """A second whose race can never be known. The text gives the reason."""


@dataclass(frozen=True, slots=True)
class UndatedSample:
    """One second of one bike, [end_ns - 1 s, end_ns) on the monotonic clock of boot `boot_id`.

    `is_simulated`: whether a fake bike made it; older gateways stored seconds without it.
    """

    boot_id: str
    end_ns: int
    bike_id: str
    sample: Sample
    is_simulated: bool = False

    def to_json(self) -> bytes:
        return _UNDATED.dump_json(self)


_UNDATED = TypeAdapter(UndatedSample)


def undated_from_json(payload: bytes) -> UndatedSample:
    """Parse the output of `UndatedSample.to_json`. Raises NotDatable if it is invalid."""
    try:
        return _UNDATED.validate_json(payload)
    except ValidationError as error:
        raise NotDatable(f"not an undated second: {error.errors()[0]['msg']}") from None
