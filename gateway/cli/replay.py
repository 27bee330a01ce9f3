"""`replay`: a capture, decoded."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.exit_codes import FAILED, USAGE, fail

#: A Peloton's line at work; for other bikes the times of a .bin are but a guess.
RAW_BYTES_PER_S = 130.0


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .jsonl capture, or a raw .bin.")],
    protocol: Annotated[
        str | None, typer.Option(help="What a .bin is of; a .jsonl says it itself.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON Reading a line.")] = False,
) -> None:
    """Show what a capture says, all at once.

    To race a capture, see the driver `replay` in the config.
    """
    from drivers.capture import CaptureError, load_capture, load_raw_capture
    from drivers.protocols import PROTOCOLS
    from gateway.watch_view import reading_json, reading_line

    is_raw = file.suffix == ".bin"
    if is_raw and protocol is None:
        fail(f"{file} does not say what it is of: expected --protocol", USAGE)
    try:
        capture = (
            load_raw_capture(file, protocol or "", RAW_BYTES_PER_S)
            if is_raw
            else load_capture(file)
        )
    except CaptureError as error:
        fail(str(error), FAILED)
    except OSError as error:
        fail(f"{file}: {error.strerror}; expected a capture", FAILED)
    name = protocol or capture.protocol
    if name not in PROTOCOLS:
        fail(f"protocol {name!r} is unknown; expected one of: {', '.join(PROTOCOLS)}", USAGE)
    decoder = PROTOCOLS[name]()
    show = reading_json if json else reading_line
    for frame in capture.frames:
        for reading in decoder.feed(frame):
            typer.echo(show(reading, 0))
    if decoder.unusable_bytes:
        typer.echo(f"{decoder.unusable_bytes} byte(s) meant nothing in {name}", err=True)
