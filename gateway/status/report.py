"""The status as JSON, as the status socket sends it and `status --json` prints it."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from gateway.host.errors import GatewayError
from gateway.status.concerns import concerns
from gateway.status.line import status_line
from gateway.status.snapshot import GatewayStatus
from gateway.terminal.json_line import json_line

#: Incremented when a field is removed or changes its meaning. New fields may be added at any time.
FORMAT: Literal[1] = 1


class StatusFormatError(GatewayError):
    """The text is not a status, or a status of another format."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The status of an Alleycat gateway: one JSON object on one line."""

    format: Annotated[
        Literal[1],
        Field(
            description="incremented when a field is removed or changes its meaning, not when one "
            "is added"
        ),
    ]
    line: Annotated[str, Field(description="the status in words")]
    attention: Annotated[
        tuple[str, ...],
        Field(description="problems that need attention, urgent ones first; empty if all is well"),
    ]
    hours_left: Annotated[
        float | None,
        Field(
            description="hours that all bikes can race without a cloud before messages are "
            "dropped; null if the room on disk is unknown, or if there are no bikes"
        ),
    ]
    gateway: Annotated[GatewayStatus, Field(description="the state of every part")]


_REPORT = TypeAdapter(StatusReport)


def status_to_json(status: GatewayStatus) -> bytes:
    """Return the status as one line of JSON, including the line break."""
    hours_left = status.hours_left
    report = StatusReport(
        format=FORMAT,
        line=status_line(status),
        attention=tuple(concern.text for concern in concerns(status)),
        hours_left=None if hours_left is None else round(hours_left, 1),
        gateway=status,
    )
    return json_line(_REPORT.dump_python(report, mode="json"))


def status_from_json(line: bytes) -> GatewayStatus:
    """Return the status in a line from `status_to_json`. Raises StatusFormatError."""
    try:
        return _REPORT.validate_json(line).gateway
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "status"
        raise StatusFormatError(
            f"{key}: {first['msg']}; expected a status of format {FORMAT}. If another version "
            "of the gateway is running, restart it: sudo systemctl restart alleycat-gateway"
        ) from None


def status_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the line."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_REPORT.json_schema(mode="serialization"),
        "title": "Alleycat gateway status",
    }
