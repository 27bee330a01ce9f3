"""`web`: prints the link to the gateway's pages."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gateway.cli.exits import fail
from gateway.cli.options import ConfigOption
from gateway.cli.service import SERVICE_CONFIG
from gateway.host.errors import FAILED

if TYPE_CHECKING:
    from gateway.config.schema import Config


def web(
    config: ConfigOption = SERVICE_CONFIG,
    rotate: Annotated[
        bool,
        typer.Option(
            "--rotate",
            help="Replace the token first: the old link and all browsers are locked out at once.",
        ),
    ] = False,
) -> None:
    """Print the link to the gateway's pages, and its QR code.

    The link contains the token that opens the pages on other devices. Anyone who has it can see
    the pages, choose riders, join and leave races, and calibrate bikes. Exit code 78 if the config
    is wrong, 1 if the pages are off or the token cannot be read.
    """
    from gateway.config.schema import read_config
    from gateway.web.link import links, qr_code
    from gateway.web.mdns.local_name import local_name

    settings = read_config(config)
    place = settings.web
    if place.port is None:
        fail(
            f"the pages are off: set port under [web] in {config}, and restart the gateway: "
            "sudo systemctl restart alleycat-gateway",
            FAILED,
        )
    token = _token(settings, rotate=rotate) if place.is_reached_from_outside else ""
    found = links(place, token, local_name(settings))
    for link in found:
        typer.echo(link)
    if token and sys.stdout.isatty():
        typer.echo(qr_code(found[0]), nl=False)
    if not token:
        typer.echo("Only this computer can reach the pages, so they need no token.", err=True)
    typer.echo("The link opens the rider's page; the owner's page is at /gateway.", err=True)


def _token(settings: "Config", *, rotate: bool) -> str:
    from gateway.web.token import TokenFile

    file = TokenFile(settings.state_dir)
    try:
        return file.rotate() if rotate else file.create()
    except PermissionError:
        _fail_at(file.path, "permission denied; run this command with sudo")
    except OSError as error:
        _fail_at(file.path, f"{error.strerror or error}; expected the token of a gateway")


def _fail_at(path: Path, reason: str) -> NoReturn:
    fail(f"{path}: {reason}", FAILED)
