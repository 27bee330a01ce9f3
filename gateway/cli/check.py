"""`check`: reports whether everything is ready for a race."""

from typing import Annotated

import typer

from gateway.cli.options import ConfigOption, JsonOption
from gateway.cli.service import SERVICE_CONFIG, become_service
from gateway.host.errors import BAD_CONFIG, FAILED


def check(
    config: ConfigOption = SERVICE_CONFIG,
    publish: Annotated[
        bool,
        typer.Option(
            "--publish",
            help="Also publish a message, to a topic from which nothing reaches the stream.",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check that everything is ready for a race.

    Checks config, clock, disk, certificates, Bluetooth, serial ports, ANT stick and endpoint, names
    a fix for each problem, and prints the versions that a bug report needs. Changes nothing. If a
    gateway is running, asks it about bikes and cloud instead of connecting to them. Exit code 78 if
    the config is wrong, 1 if anything else is.
    """
    import asyncio

    import structlog

    from drivers.registry import load_drivers
    from gateway.doctor.all_checks import check_all
    from gateway.doctor.view import report_json, show_report
    from gateway.terminal.console import Console

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the report replaces logs
    if config == SERVICE_CONFIG:
        become_service()
    report = asyncio.run(check_all(config, load_drivers(), publish=publish))
    if json:
        typer.echo(report_json(report))
    else:
        show_report(Console(), report)
    if not report.is_well:
        raise typer.Exit(FAILED if report.config_is_well else BAD_CONFIG)
