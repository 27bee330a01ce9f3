"""`replay`: decodes a capture and prints its Readings."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.completion import protocols
from gateway.cli.exits import fail
from gateway.cli.options import JsonOption
from gateway.host.errors import FAILED, USAGE

if TYPE_CHECKING:
    from drivers import Reading

#: Bytes per second that a ridden Peloton sends. A .bin has no times: they are computed from this
#: rate, which is only a guess for other bikes.
RAW_BYTES_PER_S = 130.0

CaptureFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A .jsonl capture or a raw .bin file.")
]
CaptureProtocolOption = Annotated[
    str | None,
    typer.Option(
        help="The protocol of a .bin file; a .jsonl file names its own.",
        autocompletion=protocols,
    ),
]


def replay(
    file: CaptureFile,
    protocol: CaptureProtocolOption = None,
    json: JsonOption = False,
) -> None:
    """Decode a capture file and print its readings.

    Prints all of them at once. To race with a capture, use the driver `replay` in the config.
    """
    from gateway.watch.view import reading_json, reading_line

    show = reading_json if json else reading_line
    for reading in DecodedCapture(file, protocol).readings():
        typer.echo(show(reading, 0))


class DecodedCapture:
    """A capture file and the decoder for it. Raises CommandError if it cannot be decoded."""

    def __init__(self, file: Path, protocol: str | None) -> None:
        from drivers.captures.format import CaptureError, load_capture, load_raw_capture
        from drivers.protocols import PROTOCOLS

        is_raw = file.suffix == ".bin"
        if is_raw and protocol is None:
            fail(f"{file} does not name its protocol; expected --protocol", USAGE)
        try:
            self._capture = (
                load_raw_capture(file, protocol or "", RAW_BYTES_PER_S)
                if is_raw
                else load_capture(file)
            )
        except CaptureError as error:
            fail(str(error), FAILED)
        except OSError as error:
            fail(f"cannot read {file}: {error.strerror}; expected a capture file", FAILED)
        self.protocol = protocol or self._capture.protocol
        if self.protocol not in PROTOCOLS:
            one_of = ", ".join(PROTOCOLS)
            fail(f"protocol {self.protocol!r} is unknown; expected one of: {one_of}", USAGE)
        self._decoder = PROTOCOLS[self.protocol]()

    def readings(self) -> "Iterator[Reading]":
        """Yield all Readings, once; print the number of undecodable bytes at the end."""
        from gateway.terminal.units import counted

        for frame in self._capture.frames:
            yield from self._decoder.feed(frame)
        if self._decoder.unusable_bytes:
            unusable = counted(self._decoder.unusable_bytes, "byte")
            typer.echo(f"{unusable} could not be decoded as {self.protocol}", err=True)
