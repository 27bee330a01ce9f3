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
    from drivers.captures.format import BikeCapture

#: Bytes per second that a ridden Peloton sends. A .bin has no times: they are computed from this
#: rate, which is only a guess for other bikes.
RAW_BYTES_PER_S = 130.0

CaptureFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A .jsonl capture or a raw .bin file.")
]
CaptureProtocolOption = Annotated[
    str | None,
    typer.Option(
        help="The protocol of a .bin file. A .jsonl file names its own protocols; with this "
        "option, all its frames are decoded as this one instead.",
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
    """A capture file and the decoders for it. Raises CommandError if it cannot be decoded."""

    def __init__(self, file: Path, protocol: str | None) -> None:
        from drivers.captures.decoders import CaptureDecoders
        from drivers.protocols import PROTOCOLS

        capture = loaded_capture(file, protocol)
        if protocol is not None:
            capture = capture.spoken_as(protocol)
        for name in capture.protocols:
            if name not in PROTOCOLS:
                one_of = ", ".join(PROTOCOLS)
                fail(f"protocol {name!r} is unknown; expected one of: {one_of}", USAGE)
        if not capture.protocols:
            fail(
                f"{file} contains no frame of a known protocol; expected --protocol: "
                f"`alleycat-gateway decode --guess {file}` shows which protocols fit",
                FAILED,
            )
        self._frames = capture.frames
        self._decoders = CaptureDecoders()

    def readings(self) -> "Iterator[Reading]":
        """Yield all Readings, once; print the number of undecodable bytes at the end."""
        from gateway.terminal.units import counted

        for protocol, frame in self._frames:
            yield from self._decoders.feed(protocol, frame)
        for protocol, count in self._decoders.unusable_bytes.items():
            typer.echo(f"{counted(count, 'byte')} could not be decoded as {protocol}", err=True)


def loaded_capture(file: Path, protocol: str | None) -> "BikeCapture":
    """Return the capture in a file; a .bin needs its `protocol`. Raises CommandError."""
    from drivers.captures.format import CaptureError, load_capture, load_raw_capture

    is_raw = file.suffix == ".bin"
    if is_raw and protocol is None:
        fail(f"{file} does not name its protocol; expected --protocol", USAGE)
    try:
        if is_raw:
            return load_raw_capture(file, protocol or "", RAW_BYTES_PER_S)
        capture = load_capture(file)
    except CaptureError as error:
        fail(str(error), FAILED)
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}; expected a capture file", FAILED)
    if capture.is_cut:
        typer.echo(
            f"{file}: the last line is cut off, as after a power cut, and is left out", err=True
        )
    return capture
