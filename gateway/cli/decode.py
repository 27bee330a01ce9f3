"""`decode`: what a bike's bytes mean, for a bug report."""

from typing import Annotated

import typer

from gateway.cli.exits import fail
from gateway.host.errors import USAGE


def decode(
    protocol: Annotated[str, typer.Argument(help="ftms, peloton, …")],
    frames: Annotated[
        list[str],
        typer.Argument(
            metavar="HEX…",
            help="Frames in order; spaces and : are fine. > before one: it was sent to the bike.",
        ),
    ],
) -> None:
    """Print what a bike's bytes say, for a bug report.

    One JSON Reading a line. Successive frames share the protocol's state.
    """
    import json

    from drivers import Frame
    from drivers.protocols import PROTOCOLS

    if protocol not in PROTOCOLS:
        fail(f"protocol {protocol!r} is unknown; expected one of: {', '.join(PROTOCOLS)}", USAGE)
    decoder = PROTOCOLS[protocol]()
    decoded = [Frame(0, _bytes_of(text), sent=text.startswith(">")) for text in frames]
    for frame in decoded:
        for reading in decoder.feed(frame):
            typer.echo(json.dumps(reading.said()))
    if decoder.unusable_bytes:
        typer.echo(f"{decoder.unusable_bytes} byte(s) meant nothing in {protocol}", err=True)


def _bytes_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix(">").replace(":", "").replace("-", ""))
    except ValueError:
        fail(f"{text!r} is not hex; expected byte pairs such as 44025e0bf0007a0054", USAGE)
