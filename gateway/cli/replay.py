"""`replay`: a capture, decoded."""

from typing import Annotated

import typer

from gateway.cli.decoded_capture import CaptureFile, DecodedCapture, ProtocolOption


def replay(
    file: CaptureFile,
    protocol: ProtocolOption = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON Reading a line.")] = False,
) -> None:
    """Show what a capture says, all at once.

    To race a capture, see the driver `replay` in the config.
    """
    from gateway.watch.view import reading_json, reading_line

    show = reading_json if json else reading_line
    for reading in DecodedCapture(file, protocol).readings():
        typer.echo(show(reading, 0))
