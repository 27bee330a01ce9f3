"""Seconds ridden before the wall clock was set, and how they get their names. Pure.

A Raspberry Pi has no battery clock: until it has been told the time it does not know which race
is on. Its monotonic clock is good from the start, within one boot. So a second is kept with the
boot's id and its end on that clock, and named when the wall clock is known.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from gateway.host.errors import GatewayError
from gateway.sampling.sampler import Sample
from gateway.telemetry.message import Telemetry

#: Gives the message that a second becomes, None if it has none. Raises NotDatable.
Dater = Callable[[bytes], Telemetry | None]


class NotDatable(GatewayError):
    """The race of a second can never be known. The text says why."""


@dataclass(frozen=True, slots=True)
class UndatedSample:
    """One second of one bike, [end_ns - 1 s, end_ns) on the monotonic clock of boot `boot_id`."""

    boot_id: str
    end_ns: int
    bike_id: str
    sample: Sample

    def to_json(self) -> bytes:
        return _UNDATED.dump_json(self)


_UNDATED = TypeAdapter(UndatedSample)


def undated_from_json(payload: bytes) -> UndatedSample:
    """The inverse of `UndatedSample.to_json`. Raises NotDatable for what is none."""
    try:
        return _UNDATED.validate_json(payload)
    except ValidationError as error:
        raise NotDatable(f"not an undated second: {error.errors()[0]['msg']}") from None
