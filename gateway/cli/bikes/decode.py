"""`decode`: decodes a bike's bytes, for a bug report."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.completion import protocols
from gateway.cli.exits import fail
from gateway.host.errors import USAGE

DecodedArgument = Annotated[
    str,
    typer.Argument(
        metavar="PROTOCOL|FILE",
        help="The bike's protocol: ftms, peloton, …; with --guess, a capture file.",
        autocompletion=protocols,
    ),
]
FramesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="HEX…",
        help="Frames in order, as hex; spaces, : and - are ignored. Put > before a frame that "
        "was sent to the bike, and quote it: '>0001'.",
    ),
]
GuessOption = Annotated[
    bool,
    typer.Option(
        "--guess",
        help="Show which protocols fit a capture, and which bytes follow the pedals.",
    ),
]
TurnsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TURNS:FROM-UNTIL",
        help="With --guess: turns of a pedal that were counted between two times of the capture, "
        "in seconds, such as 20:10-30; repeat it for a second cadence. Default: those in the "
        "capture.",
    ),
]


def decode(
    protocol: DecodedArgument,
    frames: FramesArgument = None,
    guess: GuessOption = False,
    turns: TurnsOption = None,
    json: Annotated[
        bool, typer.Option("--json", help="With --guess: print everything as one line of JSON.")
    ] = False,
) -> None:
    """Decode a bike's bytes, for a bug report.

    Prints one Reading per line, as JSON. Decodes the frames in order, since earlier ones may
    affect later ones. With --guess, shows what the frames of a capture may mean instead.
    """
    if guess and frames:
        fail("--guess takes a capture file and no frames; expected one argument", USAGE)
    if guess:
        from gateway.cli.bikes.guess import guess_capture

        guess_capture(Path(protocol), turns or (), json=json)
    else:
        _decode(protocol, frames or [])


def _decode(protocol: str, frames: list[str]) -> None:
    """Print the Readings in frames that are given as hex."""
    import json

    from drivers import Frame
    from drivers.protocols import PROTOCOLS
    from gateway.terminal.units import counted

    if Path(protocol).suffix in (".jsonl", ".bin"):
        fail(
            f"{protocol} is a capture; expected --guess, or `alleycat-gateway replay {protocol}`",
            USAGE,
        )
    if protocol not in PROTOCOLS:
        fail(f"protocol {protocol!r} is unknown; expected one of: {', '.join(PROTOCOLS)}", USAGE)
    if not frames:
        fail("Missing argument 'HEX…': expected frames as hex", USAGE)
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
