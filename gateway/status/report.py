"""The status as JSON: what the status socket says, and `alleycat-gateway status --json` prints."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from gateway.host.errors import GatewayError
from gateway.status.concerns import concerns
from gateway.status.line import status_line
from gateway.status.snapshot import GatewayStatus

#: Raised when a field goes or changes its meaning. New fields may come at any time.
FORMAT: Literal[1] = 1


class StatusFormatError(GatewayError):
    """This is no status, or one of another format."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The status of an Alleycat gateway: one JSON object on one line.

    `format`: 1; raised when a field goes or changes its meaning, not when one comes. `line`: the
    status in words. `attention`: what somebody should look at, the urgent first; empty if all is
    well. `hours_left`: how long all bikes can race without a cloud before something must go.
    """

    format: Literal[1]
    line: str
    attention: tuple[str, ...]
    hours_left: float | None
    gateway: GatewayStatus


_REPORT = TypeAdapter(StatusReport)


def status_to_json(status: GatewayStatus) -> bytes:
    """One line, with its end."""
    hours_left = status.hours_left
    report = StatusReport(
        format=FORMAT,
        line=status_line(status),
        attention=tuple(concern.text for concern in concerns(status)),
        hours_left=None if hours_left is None else round(hours_left, 1),
        gateway=status,
    )
    return _REPORT.dump_json(report) + b"\n"


def status_from_json(line: bytes) -> GatewayStatus:
    """The inverse of `status_to_json`. Raises StatusFormatError."""
    try:
        return _REPORT.validate_json(line).gateway
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "status"
        raise StatusFormatError(
            f"{key}: {first['msg']}; expected a status of format {FORMAT}. Is another version of "
            "the gateway running? Restart it: sudo systemctl restart alleycat-gateway"
        ) from None


def status_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the line."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_REPORT.json_schema(mode="serialization"),
        "title": "Alleycat gateway status",
    }
