"""Errors of commands: each ends the command with a message on stderr and an exit code."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from gateway.cli.output import output_failure
from gateway.host.errors import INTERRUPTED, GatewayError


class CommandError(GatewayError):
    """A reason why a command cannot do its work, with the exit code for it."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def fail(message: str, exit_code: int) -> NoReturn:
    """Raise a CommandError with this message and exit code."""
    raise CommandError(message, exit_code)


@contextmanager
def errors_as_exits() -> Iterator[None]:
    """Print an error's text on stderr and exit with its code."""
    try:
        yield
    except GatewayError as error:
        _complain(str(error))
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        _complain("interrupted")
        raise typer.Exit(INTERRUPTED) from None


def _complain(text: str) -> None:
    """Print `text` on stderr, unless the command ends because its standard output is lost."""
    import logging

    from gateway.host.journal import is_journal, with_priority

    if output_failure() is None:
        typer.echo(with_priority(text, logging.ERROR) if is_journal() else text, err=True)
