"""Exit codes, and how a command says why it ends with one."""

from typing import NoReturn

import typer

FAILED = 1
USAGE = 2
#: EX_CONFIG of sysexits.h; the systemd unit does not restart on it.
BAD_CONFIG = 78


def fail(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)
