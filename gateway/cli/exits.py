"""Exit codes, and how a command says why it ends with one."""

from typing import NoReturn

import typer

FAILED = 1
USAGE = 2
#: As of init scripts (LSB): the program is not running.
NOT_RUNNING = 3
#: 128 + SIGINT, as shells have it.
INTERRUPTED = 130
#: EX_CONFIG of sysexits.h; the systemd unit does not restart on it.
BAD_CONFIG = 78


def fail(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)
