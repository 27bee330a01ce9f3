"""`config check`: would the daemon start with this file?"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Look at a config file.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """Look at a config file."""


@app.command()
def check(file: Annotated[Path, typer.Argument(help="The TOML file.")]) -> None:
    """Say what is wrong with a config, key by key.

    Checks keys, types, files, drivers and their options; exit code 78 if `run` would refuse it.
    """
    from drivers.registry import load_drivers
    from gateway.config.schema import load_config

    settings = load_config(file, load_drivers())
    for warning in settings.warnings:
        typer.echo(f"warning: {warning.key}: {warning.what}", err=True)
    bikes = ", ".join(f"{bike.id} ({bike.driver})" for bike in settings.bikes)
    typer.echo(f"{file}: ok: {settings.thing_name} → {settings.cloud.endpoint}; bikes: {bikes}")
