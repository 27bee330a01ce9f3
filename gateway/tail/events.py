"""The lines that readers of `tail` receive: one JSON object for each event of a message. Pure."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from gateway.host.errors import GatewayError
from gateway.telemetry.message import Telemetry

TailState = Literal["produced", "acknowledged", "skipped"]


class TailFormatError(GatewayError):
    """A line that is not an event of this version of the gateway."""


@dataclass(frozen=True, slots=True)
class TailEvent:
    """An event of a message: the gateway produced it, or the broker acknowledged it.

    `skipped` has no message: this reader was too slow to receive `events` of them.
    """

    state: TailState
    message: Telemetry | None = None
    events: int = 0


_EVENT = TypeAdapter(TailEvent)


def message_line(state: TailState, payload: bytes) -> bytes:
    """Return the line for a message, whose payload is in it byte for byte."""
    return b'{"state":"%b","message":%b}\n' % (state.encode("ascii"), payload)


def skipped_line(events: int) -> bytes:
    """Return the line for events that a reader did not receive."""
    return b'{"state":"skipped","events":%d}\n' % events


def event_from_line(line: bytes) -> TailEvent:
    """Return the event in a line. Raises TailFormatError."""
    try:
        return _EVENT.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "line"
        raise TailFormatError(
            f"{key}: {first['msg']}; expected an event of a message. If another version of the "
            "gateway is running, restart it: sudo systemctl restart alleycat-gateway"
        ) from None
