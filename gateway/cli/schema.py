"""`schema`: prints the JSON Schema of the telemetry messages or of the status."""

from enum import StrEnum
from typing import Annotated

import typer


class Schema(StrEnum):
    TELEMETRY = "telemetry"
    STATUS = "status"


def schema(
    of: Annotated[
        Schema, typer.Argument(help="The telemetry message, or the output of `status --json`.")
    ] = Schema.TELEMETRY,
) -> None:
    """Print the JSON Schema of the telemetry or of the status."""
    import json

    from gateway.status.report import status_schema
    from gateway.telemetry.message import telemetry_schema

    schemas = {Schema.TELEMETRY: telemetry_schema, Schema.STATUS: status_schema}
    typer.echo(json.dumps(schemas[of](), indent=2, ensure_ascii=False))
