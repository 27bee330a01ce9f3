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
from typing import BinaryIO, TextIO, cast

import typer

from gateway.host.errors import FAILED
from gateway.terminal.printable_file import PrintableText

#: The exit code that a shell reports for a program killed by SIGPIPE.
BROKEN_PIPE = 128 + signal.SIGPIPE
STDERR = 2
#: The name of the error handler that replaces characters which an encoding lacks.
PLAIN = "alleycat-plain"
#: ASCII replacements for characters that the gateway prints, each one cell wide; others become "?".
_PLAINER = str.maketrans("→←…–—−≈×·•▲▼█▇▆▅▄▃▂▁", "><.---~x-*^v########")


class Output(io.FileIO):
    """The file behind standard output. If writing fails, it ends the command as Ctrl-C does.

    Thus a command releases its bike and its child processes even if the reader of its output has
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


class ErrorOutput(io.FileIO):
    """The file behind stderr. If writing to it fails, there is nowhere left to report that."""

    def write(self, data: "bytes | bytearray | memoryview", /) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError:
            return len(data)


def open_output() -> None:
    """Replace sys.stdout and sys.stderr by PrintableText, the former on an Output."""
    codecs.register_error(PLAIN, _plainer)
    _open_what_is_closed()
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _printable(sys.stderr, ErrorOutput(sys.stderr.fileno(), "wb", closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _printable(sys.stdout, Output(sys.stdout.fileno(), "wb", closefd=False))


def drop_what_is_not_read() -> None:
    """Write standard output and stderr in threads from now on.

    So no reader of them can stop the process by not reading, or end it by leaving.
    """
    sys.stdout, sys.stderr = _dropping(sys.stdout), _dropping(sys.stderr)


def _dropping(stream: TextIO) -> TextIO:
    """Return a stream whose writer never waits; `stream` itself if there is no file behind it."""
    from gateway.host.dropping_file import DroppingFile

    if not isinstance(stream, PrintableText):
        return stream
    file = cast("BinaryIO", DroppingFile(stream.fileno()))
    return PrintableText(file, encoding=stream.encoding, errors=PLAIN, write_through=True)


def _open_what_is_closed() -> None:
    """Open /dev/null for each standard stream that is closed.

    Otherwise the next file, perhaps a database, would be what libraries take for stderr.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        if descriptor == STDERR:
            sys.stderr = open(descriptor, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    os.close(descriptor)


def _printable(stream: io.TextIOWrapper, file: io.FileIO) -> PrintableText:
    return PrintableText(
        io.BufferedWriter(file),
        encoding=stream.encoding,
        errors=PLAIN,
        line_buffering=stream.line_buffering,
    )


def echo_exactly(line: bytes) -> None:
    """Print a line of JSON byte for byte; on a terminal, escape unprintable characters."""
    if sys.stdout.isatty():
        typer.echo(line.decode(errors="replace"), nl=False)
        return
    stream = typer.get_binary_stream("stdout")
    stream.write(line)
    stream.flush()


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
