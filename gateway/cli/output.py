"""Standard output and stderr of every command.

Whatever is printed is harmless to a terminal, any encoding is good enough, and losing standard
output ends the command.
"""

import codecs
import errno
import io
import os
import signal
import sys
from typing import Any

import typer

from gateway.host.errors import FAILED
from gateway.terminal.printable import printable

#: The exit code in shells of a program that dies of SIGPIPE.
BROKEN_PIPE = 128 + signal.SIGPIPE
#: The name of the error handler that replaces characters which an encoding lacks.
PLAIN = "alleycat-plain"
#: A character of ASCII for some that the gateway prints, each one cell wide. Others become "?".
_PLAINER = str.maketrans("→←…–—−≈×·•▲▼█▇▆▅▄▃▂▁", "><.---~x-*^v########")


class Output(io.FileIO):
    """The file behind standard output. If writing fails, it ends the command as Ctrl-C does.

    So a command releases its bike and its child processes also when the reader of its output has
    gone away: `watch fake | head -1`.
    """

    failure: OSError | None = None

    def write(self, data: "bytes | bytearray | memoryview", /) -> int | None:  # type: ignore[override]
        """Write like any file until that fails, and nothing from then on."""
        try:
            return super().write(data) if self.failure is None else len(data)
        except BlockingIOError:
            raise
        except OSError as error:
            self.failure = error
            # Shells start background commands with SIGINT ignored.
            if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            os.kill(os.getpid(), signal.SIGINT)
            return len(data)


class PrintableText(io.TextIOWrapper):
    """A text file for a terminal, which prints text from outside in a harmless form."""

    def write(self, text: str, /) -> int:
        return super().write(printable(text))

    @property
    def styled(self) -> "StyledText":
        """The same file for the Console, which has made its text harmless and then styled it."""
        return StyledText(self)


class StyledText:
    """A PrintableText that writes control characters as they are."""

    def __init__(self, file: PrintableText) -> None:
        self._file = file

    def write(self, text: str, /) -> int:
        return io.TextIOWrapper.write(self._file, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def open_output() -> None:
    """Replace sys.stdout and sys.stderr by PrintableText, the former on an Output."""
    codecs.register_error(PLAIN, _plainer)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _printable(sys.stderr, io.FileIO(sys.stderr.fileno(), "wb", closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _printable(sys.stdout, Output(sys.stdout.fileno(), "wb", closefd=False))


def _printable(stream: io.TextIOWrapper, file: io.FileIO) -> PrintableText:
    return PrintableText(
        io.BufferedWriter(file),
        encoding=stream.encoding,
        errors=PLAIN,
        line_buffering=stream.line_buffering,
    )


def output_failure() -> OSError | None:
    """Return why standard output cannot be written any more; None if it can."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.failure if isinstance(raw, Output) else None


def exit_if_lost() -> None:
    """End the process if standard output was lost; with a message unless its reader went away."""
    failure = output_failure()
    if failure is None:
        return
    if failure.errno == errno.EPIPE:
        sys.exit(BROKEN_PIPE)
    typer.echo(f"cannot write to standard output: {failure.strerror}", err=True)
    sys.exit(FAILED)


def _plainer(error: UnicodeError) -> tuple[str, int]:
    """Return a replacement for what an encoding lacks, and where encoding continues."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].translate(_PLAINER)
    plain = "".join(one if one.isascii() else "?" for one in lacking)
    return plain, error.end
