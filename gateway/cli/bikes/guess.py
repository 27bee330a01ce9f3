"""`decode --guess`: what the frames of a capture may mean."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from drivers.captures.fits import ProtocolFit, fits_of
from drivers.captures.format import LEAST_RPM, MOST_RPM, BikeCapture, CountedTurns
from drivers.captures.movement import (
    ByteField,
    FieldMovement,
    FrameKind,
    MovingField,
    kinds_of,
    moving_fields,
    two_cadences,
)
from gateway.cli.bikes.replay import loaded_capture
from gateway.cli.exits import fail
from gateway.host.errors import FAILED, USAGE
from gateway.sampling.plausible import PLAUSIBLE
from gateway.terminal.printable import one_line
from gateway.terminal.units import counted, number

#: How many protocols are listed, and how many fields of the same movement; --json lists all.
MOST_FITS = 5
MOST_FIELDS = 6

_NO_TURNS = (
    "only turns counted at two different cadences can show which bytes follow the pedals; add "
    "them: --turns 20:10-30 --turns 30:35-55 means 20 turns from 10 s to 30 s, and 30 turns from "
    "35 s to 55 s"
)


@dataclass(frozen=True, slots=True)
class CharacteristicGuess:
    """The possible meanings of the frames of one characteristic; empty on a serial line."""

    characteristic: str
    frames: int
    fits: list[ProtocolFit]
    kinds: list[tuple[FrameKind, list[MovingField]]]


def guess_capture(file: Path, turns: Sequence[str], *, json: bool) -> None:
    """Print which protocols fit a capture, and which bytes follow the pedals."""
    capture = loaded_capture(file, "")
    if not any(not frame.sent for _, frame in capture.frames):
        fail(f"{file} contains no frame from the bike: there is nothing to guess", FAILED)
    known = [_counted_turns(one) for one in turns] or list(capture.turns)
    guesses = _guesses(capture, known)
    if json:
        typer.echo(_json(capture, known, guesses))
        return
    for line in (*_head(file, capture, known), *_lines(guesses, known)):
        typer.echo(line)


def _counted_turns(text: str) -> CountedTurns:
    """Return the turns in a text such as 20:10-30. Raises CommandError."""
    count, _, span = text.partition(":")
    from_s, _, until_s = span.partition("-")
    try:
        turns = CountedTurns(float(from_s), float(until_s), float(count))
    except ValueError:
        turns = CountedTurns(0, 0, 0)
    if not (turns.is_plausible and turns.turns):
        fail(
            f"--turns {text}: expected TURNS:FROM-UNTIL in seconds of the capture, such as "
            "20:10-30 for 20 turns from 10 s to 30 s, at a cadence of "
            f"{LEAST_RPM} … {MOST_RPM} rpm",
            USAGE,
        )
    return turns


def _guesses(capture: BikeCapture, turns: Sequence[CountedTurns]) -> list[CharacteristicGuess]:
    frames = [frame for _, frame in capture.frames]
    names = dict.fromkeys(frame.characteristic for frame in frames if not frame.sent)
    cadences = two_cadences(turns)
    guesses = []
    for name in names:
        heard = [frame for frame in frames if not frame.sent and frame.characteristic == name]
        talk = [frame for frame in frames if frame.sent or frame.characteristic == name]
        kinds = [
            (kind, [] if cadences is None else moving_fields(kind, *cadences))
            for kind in kinds_of(heard, turns)
        ]
        fits = sorted(fits_of(talk, turns), key=_is_doubtful)
        guesses.append(CharacteristicGuess(name, len(heard), fits, kinds))
    return guesses


def _is_doubtful(fit: ProtocolFit) -> bool:
    """Return whether a fit gives implausible values and is not confirmed by the counted turns."""
    return not fit.is_confirmed and bool(_implausible(fit))


def _implausible(fit: ProtocolFit) -> list[str]:
    """Return the names of the decoded values that are outside the limits of races."""
    return [
        name
        for name, (low, high) in fit.values.items()
        if (limits := PLAUSIBLE.get(name)) and (low < limits.lowest or high > limits.highest)
    ]


def _head(file: Path, capture: BikeCapture, turns: Sequence[CountedTurns]) -> Iterator[str]:
    name = f": {one_line(capture.device.name)}" if capture.device and capture.device.name else ""
    yield f"{file}{name}, {counted(len(capture.frames), 'frame')}"
    for one in turns:
        yield (
            f"counted from {number(one.from_s)} s to {number(one.until_s)} s: "
            f"{_turns(one)}, {number(one.rpm)} rpm"
        )
    if two_cadences(turns) is None:
        yield _NO_TURNS


def _turns(turns: CountedTurns) -> str:
    return f"{number(turns.turns)} turn{'' if turns.turns == 1 else 's'}"


def _lines(guesses: Sequence[CharacteristicGuess], turns: Sequence[CountedTurns]) -> Iterator[str]:
    for guess in guesses:
        yield ""
        yield f"{one_line(guess.characteristic) or 'the line'}: {counted(guess.frames, 'frame')}"
        yield "  protocols that fit:" if guess.fits else "  no known protocol fits"
        for fit in guess.fits[:MOST_FITS]:
            yield f"    {_fit_line(fit, turns)}"
        for kind, fields in guess.kinds:
            begins = f" that begin with {kind.begins.hex(' ')}" if kind.begins else ""
            frames = counted(len(kind.frames), "frame")
            yield f"  {frames} of {counted(kind.size_bytes, 'byte')}{begins}:"
            for movement in FieldMovement:
                alike = [one for one in fields if one.movement is movement]
                yield from (f"    {_field_line(one)}" for one in alike[:MOST_FIELDS])
            yield f"    {_changing_line(kind)}"


def _fit_line(fit: ProtocolFit, turns: Sequence[CountedTurns]) -> str:
    values = ", ".join(
        f"{name} {number(low)} … {number(high)}" for name, (low, high) in fit.values.items()
    )
    checked = ", with the right checksum" if fit.understood and not fit.understood_damaged else ""
    line = (
        f"{fit.protocol:14} {fit.understood} of {counted(fit.frames, 'frame')}{checked}: {values}"
    )
    if implausible := _implausible(fit):
        line += f"; implausible: {', '.join(implausible)}"
    if turns and any(rpm is not None for rpm in fit.cadences_rpm):
        decoded = ", ".join("none" if rpm is None else number(rpm) for rpm in fit.cadences_rpm)
        real = ", ".join(number(one.rpm) for one in turns)
        verdict = "the cadence is right" if fit.is_confirmed else "the cadence is wrong"
        line += f"; {verdict}: {decoded} rpm where {real} rpm were counted"
    return line


_PER = {
    FieldMovement.CADENCE: "for each rpm",
    FieldMovement.PERIOD: "units per second",
    FieldMovement.TURNS: "for each turn",
    FieldMovement.FOLLOWS: "for each additional rpm",
    FieldMovement.TIME: "per second",
}


def _field_line(moving: MovingField) -> str:
    line = f"{_where(moving.field):26} {moving.movement}, {number(moving.scale)} "
    line += _PER[moving.movement]
    if moving.movement in (FieldMovement.TURNS, FieldMovement.TIME):
        return line
    return f"{line}: {number(moving.slow)}, then {number(moving.fast)}"


def _where(field: ByteField) -> str:
    if field.size_bytes == 1:
        return f"byte {field.offset}"
    return f"bytes {field.offset}-{field.offset + 1} {field.order}-endian"


def _changing_line(kind: FrameKind) -> str:
    changing = kind.changing_bytes()
    if not changing:
        return "no byte changes"
    ranges = ", ".join(f"{one.offset} ({one.least} … {one.most})" for one in changing)
    return f"bytes that change, counted from 0: {ranges}"


def _json(
    capture: BikeCapture,
    turns: Sequence[CountedTurns],
    guesses: Sequence[CharacteristicGuess],
) -> str:
    import json

    device = capture.device and capture.device.name
    return json.dumps(
        {
            "device": device,
            "turns": [{**asdict(one), "rpm": round(one.rpm, 1)} for one in turns],
            "characteristics": [_guess_object(guess) for guess in guesses],
        }
    )


def _guess_object(guess: CharacteristicGuess) -> dict[str, object]:
    return {
        "characteristic": guess.characteristic,
        "frames": guess.frames,
        "protocols": [asdict(fit) for fit in guess.fits],
        "kinds": [
            {
                "size_bytes": kind.size_bytes,
                "begins": kind.begins.hex(),
                "frames": len(kind.frames),
                "moving": [
                    {
                        **asdict(one.field),
                        "movement": one.movement.name.lower(),
                        "scale": round(one.scale, 4),
                        "slow": one.slow,
                        "fast": one.fast,
                    }
                    for one in fields
                ],
                "changing": [asdict(one) for one in kind.changing_bytes()],
            }
            for kind, fields in guess.kinds
        ],
    }
