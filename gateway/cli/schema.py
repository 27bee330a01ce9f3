"""`schema`: what the messages look like, and the status, for whoever reads them."""

from enum import StrEnum
from typing import Annotated

import typer


class Schema(StrEnum):
    TELEMETRY = "telemetry"
    STATUS = "status"


def schema(
    of: Annotated[
        Schema, typer.Argument(help="Of the telemetry message, or of `status --json`.")
    ] = Schema.TELEMETRY,
) -> None:
    """Print the JSON Schema of the telemetry message, or of the status."""
    import json

    from gateway.status.report import status_schema
    from gateway.telemetry.message import telemetry_schema

    schemas = {Schema.TELEMETRY: telemetry_schema, Schema.STATUS: status_schema}
    typer.echo(json.dumps(schemas[of](), indent=2, ensure_ascii=False))
