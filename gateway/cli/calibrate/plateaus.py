"""`calibrate plateaus`: list where the knob was held in a capture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.bikes.replay import CaptureFile, CaptureProtocolOption, DecodedCapture
from gateway.cli.exits import fail
from gateway.host.errors import FAILED

if TYPE_CHECKING:
    from gateway.calibrating.measuring.signal import Hold

#: The shortest hold that is listed, in seconds. While turning a knob people pause for up to four
#: seconds (seen in the recording of ihaque/pelomon); they stay longer at their destination.
HELD_FOR_S = 5.0


def plateaus(
    file: CaptureFile,
    protocol: CaptureProtocolOption = None,
    held_for: Annotated[
        float, typer.Option(metavar="S", min=0, help="The shortest hold to list, in seconds.")
    ] = HELD_FOR_S,
    json: Annotated[
        bool, typer.Option("--json", help="Print everything as one line of JSON.")
    ] = False,
) -> None:
    """List where the knob was held still during a capture.

    Each line shows when and for how long, the median of the values that the bike sent, how many
    there were, and their standard deviation (sd). The exit code is 1 if the knob was never held.
    """
    from gateway.calibrating.measuring.plateaus import find_plateaus
    from gateway.sampling.calibration import Quantity, number_of

    readings = list(DecodedCapture(file, protocol).readings())
    has_raw = any(reading.resistance_raw is not None for reading in readings)
    quantity: Quantity = "raw" if has_raw else "percent"
    series = [(reading.at_ns, number_of(reading, quantity)) for reading in readings]
    if all(number is None for _, number in series):
        fail(f"{file} contains no resistance: there is nothing to calibrate", FAILED)
    found = find_plateaus(series, held_for)
    if json:
        typer.echo(_json(quantity, found))
    elif found:
        _show(quantity, found)
    if not found:
        fail(
            f"{file}: the knob was never held still for {held_for:g} s; to list shorter holds, add "
            f"--held-for {held_for / 2:g}",
            FAILED,
        )


def _show(quantity: str, found: "Sequence[Hold]") -> None:
    from rich.table import Table

    from gateway.terminal.console import Console
    from gateway.terminal.unpadded import Unpadded

    table = Table(box=None, pad_edge=False)
    for column in ("", "at", "held for", quantity, "samples", "sd"):
        table.add_column(column, justify="right", no_wrap=True)
    for number, hold in enumerate(found, 1):
        table.add_row(
            str(number),
            f"{hold.start_ns / 1e9:.1f} s",
            f"{hold.held_s:.1f} s",
            f"{hold.raw:g}",
            str(hold.samples),
            f"{hold.noise:.1f}",
        )
    Console().print(Unpadded(table), highlight=False)


def _json(quantity: str, found: "Sequence[Hold]") -> str:
    from json import dumps

    plateaus = [
        {
            "start_s": round(hold.start_ns / 1e9, 3),
            "held_s": round(hold.held_s, 3),
            "raw": hold.raw,
            "samples": hold.samples,
            "noise": round(hold.noise, 3),
        }
        for hold in found
    ]
    return dumps({"quantity": quantity, "plateaus": plateaus})
