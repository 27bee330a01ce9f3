"""`check`: is everything there for a race?"""

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
            "--publish", help="Also send a message, of race 0: it becomes a record in the stream."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Say whether everything is there for a race, and what to do where it is not.

    Config, clock, disk, certificates, Bluetooth, serial ports, endpoint; versions for a bug report.
    Changes nothing. Beside a running gateway it asks that one instead of connecting itself. Exit
    code 1 if something is wrong, 78 if it is the config.
    """
    import asyncio

    import structlog
    from rich.console import Console

    from drivers.registry import load_drivers
    from gateway.doctor.all_checks import check_all
    from gateway.doctor.view import report_json, show_report

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the report says it all
    if config == SERVICE_CONFIG:
        become_service()
    report = asyncio.run(check_all(config, load_drivers(), publish=publish))
    if json:
        typer.echo(report_json(report))
    else:
        show_report(Console(), report)
    if not report.is_well:
        raise typer.Exit(FAILED if report.config_is_well else BAD_CONFIG)
