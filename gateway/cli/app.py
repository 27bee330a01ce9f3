"""The `alleycat-gateway` command: one module per verb; heavy imports happen when a verb runs.

So that `--help` stays quick, records in modules with verbs are NamedTuples: Python defines one in a
sixth of the time of a dataclass.
"""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gateway.cli import (
    buffer,
    check,
    config,
    demo,
    fleet,
    ride,
    run,
    schema,
    setup,
    status,
    tail,
    web,
)
from gateway.cli.aws import provision, redrive
from gateway.cli.bikes import capture, decode, replay, scan, watch
from gateway.cli.calibrate import app as calibrate
from gateway.cli.exits import errors_as_exits
from gateway.cli.output import exit_if_lost, open_output


class ErrorsAsExits(TyperGroup):
    """The verbs, in the one place where an error becomes a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        with errors_as_exits():
            return super().invoke(ctx)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"alleycat-gateway {version('alleycat-gateway')}")
        raise typer.Exit


app = typer.Typer(
    name="alleycat-gateway",
    cls=ErrorsAsExits,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help takes half the time
)
app.command()(setup.setup)
app.command()(check.check)
app.command()(run.run)
app.command()(status.status)
app.command()(tail.tail)
app.command()(web.web)
app.command()(demo.demo)
app.command()(fleet.fleet)
app.command()(scan.scan)
app.command()(watch.watch)
app.command()(capture.capture)
app.command()(replay.replay)
app.command()(decode.decode)
app.command()(schema.schema)
app.command()(provision.provision)
app.command()(redrive.redrive)
app.add_typer(
    calibrate.app,
    name="calibrate",
    short_help="Calibrate a bike, so that equal effort scores equally.",
)
app.add_typer(ride.app, name="ride")
app.add_typer(config.app, name="config")
app.add_typer(buffer.app, name="buffer")


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Send an exercise bike's race data to AWS IoT Core, once a second."""


def main() -> None:
    """Run the command in the arguments of this process, and exit."""
    open_output()
    try:
        app()
    finally:
        exit_if_lost()
