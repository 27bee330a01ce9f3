"""Standard output of every command: any encoding is good enough, and losing it ends the command."""

import codecs
import errno
import io
import os
import signal
import sys

import typer

from gateway.host.errors import FAILED

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


def open_output() -> None:
    """Replace sys.stdout by a text file on an Output, and let stderr print in plain characters."""
    codecs.register_error(PLAIN, _plainer)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors=PLAIN)
    if not isinstance(sys.stdout, io.TextIOWrapper):
        return
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(Output(sys.stdout.fileno(), "wb", closefd=False)),
        encoding=sys.stdout.encoding,
        errors=PLAIN,
        line_buffering=sys.stdout.line_buffering,
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
