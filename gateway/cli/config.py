"""`config check`: reports whether the daemon would start with a config file."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.service import SERVICE_CONFIG

app = typer.Typer(help="Check a config file.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """Check a config file."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="The TOML file to check.")] = (
        SERVICE_CONFIG
    ),
) -> None:
    """Report what is wrong in a config file, key by key.

    Checks keys, types, files, drivers and their options. Exit code 78 if `run` would refuse the
    file.
    """
    from drivers.registry import load_drivers
    from gateway.config.schema import load_config

    settings = load_config(file, load_drivers())
    for warning in settings.warnings:
        typer.echo(f"warning: {warning.key}: {warning.what}", err=True)
    bikes = ", ".join(f"{bike.id} ({bike.driver})" for bike in settings.bikes)
    typer.echo(f"{file}: ok: {settings.thing_name} → {settings.cloud.endpoint}; bikes: {bikes}")
