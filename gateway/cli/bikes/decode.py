"""`decode`: decodes a bike's bytes, for a bug report."""

from typing import Annotated

import typer

from gateway.cli.completion import protocols
from gateway.cli.exits import fail
from gateway.host.errors import USAGE


def decode(
    protocol: Annotated[
        str,
        typer.Argument(help="The bike's protocol: ftms, peloton, …", autocompletion=protocols),
    ],
    frames: Annotated[
        list[str],
        typer.Argument(
            metavar="HEX…",
            help="Frames in order, as hex; spaces, : and - are ignored. Put > before a frame that "
            "was sent to the bike, and quote it: '>0001'.",
        ),
    ],
) -> None:
    """Decode a bike's bytes, for a bug report.

    Prints one Reading per line, as JSON. Decodes the frames in order, since earlier ones may
    affect later ones.
    """
    import json

    from drivers import Frame
    from drivers.protocols import PROTOCOLS
    from gateway.terminal.units import counted

    if protocol not in PROTOCOLS:
        fail(f"protocol {protocol!r} is unknown; expected one of: {', '.join(PROTOCOLS)}", USAGE)
    decoder = PROTOCOLS[protocol]()
    decoded = [Frame(0, _bytes_of(text), sent=text.startswith(">")) for text in frames]
    readings = [reading for frame in decoded for reading in decoder.feed(frame)]
    for reading in readings:
        typer.echo(json.dumps(reading.said()))
    if decoder.unusable_bytes:
        unusable = counted(decoder.unusable_bytes, "byte")
        typer.echo(f"{unusable} could not be decoded as {protocol}", err=True)
    if not readings:
        typer.echo("no reading was decoded: the data is empty, incomplete or not valid", err=True)


def _bytes_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix(">").replace(":", "").replace("-", ""))
    except ValueError:
        fail(f"{text!r} is not hex; expected byte pairs such as 44025e0bf0007a0054", USAGE)
