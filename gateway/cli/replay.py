"""`replay`: a capture, decoded."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import fail
from gateway.cli.options import JsonOption
from gateway.host.errors import FAILED, USAGE

if TYPE_CHECKING:
    from drivers import Reading

#: A Peloton's line at work; for other bikes the times of a .bin are but a guess.
RAW_BYTES_PER_S = 130.0

CaptureFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A .jsonl capture, or a raw .bin.")
]
CaptureProtocolOption = Annotated[
    str | None, typer.Option(help="What a .bin is of; a .jsonl says it itself.")
]


def replay(
    file: CaptureFile,
    protocol: CaptureProtocolOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a capture says, all at once.

    To race a capture, see the driver `replay` in the config.
    """
    from gateway.watch.view import reading_json, reading_line

    show = reading_json if json else reading_line
    for reading in DecodedCapture(file, protocol).readings():
        typer.echo(show(reading, 0))


class DecodedCapture:
    """The Readings of a file, once. It ends the command where there are none to be had."""

    def __init__(self, file: Path, protocol: str | None) -> None:
        from drivers.captures.format import CaptureError, load_capture, load_raw_capture
        from drivers.protocols import PROTOCOLS

        is_raw = file.suffix == ".bin"
        if is_raw and protocol is None:
            fail(f"{file} does not say what it is of: expected --protocol", USAGE)
        try:
            self._capture = (
                load_raw_capture(file, protocol or "", RAW_BYTES_PER_S)
                if is_raw
                else load_capture(file)
            )
        except CaptureError as error:
            fail(str(error), FAILED)
        except OSError as error:
            fail(f"{file}: {error.strerror}; expected a capture", FAILED)
        self.protocol = protocol or self._capture.protocol
        if self.protocol not in PROTOCOLS:
            one_of = ", ".join(PROTOCOLS)
            fail(f"protocol {self.protocol!r} is unknown; expected one of: {one_of}", USAGE)
        self._decoder = PROTOCOLS[self.protocol]()

    def readings(self) -> "Iterator[Reading]":
        """All at once. What meant nothing is said at the end."""
        for frame in self._capture.frames:
            yield from self._decoder.feed(frame)
        if self._decoder.unusable_bytes:
            unusable = self._decoder.unusable_bytes
            typer.echo(f"{unusable} byte(s) meant nothing in {self.protocol}", err=True)
