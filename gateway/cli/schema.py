"""`schema`: what the messages look like, for whoever reads them."""

import typer


def schema() -> None:
    """Print the JSON Schema of the telemetry message."""
    import json

    from gateway.telemetry import telemetry_schema

    typer.echo(json.dumps(telemetry_schema(), indent=2, ensure_ascii=False))
