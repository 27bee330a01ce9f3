"""`config check`: reports what is wrong in a config file."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.service import SERVICE_CONFIG

NOT_SET_UP = (
    "warning: not set up yet: with this config, the gateway reads no bike and sends nothing; run: "
    "sudo alleycat-gateway setup"
)

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
    from gateway.config.first import is_set_up
    from gateway.config.schema import load_config
    from gateway.config.warnings import warnings_of
    from gateway.terminal.printable import one_line

    settings = load_config(file, load_drivers())
    for warning in warnings_of(settings):
        typer.echo(one_line(f"warning: {warning.key}: {warning.what}"), err=True)
    if not is_set_up(settings):
        typer.echo(NOT_SET_UP, err=True)
    bikes = ", ".join(f"{bike.id} ({bike.driver})" for bike in settings.bikes)
    typer.echo(f"{file}: ok: {settings.thing_name} → {settings.cloud.endpoint}; bikes: {bikes}")
