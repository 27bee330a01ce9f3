"""The capture format, in which a bike's bytes are recorded for replay.

`.jsonl`: UTF-8, one JSON object per line. The first line is the header:

    {"alleycat_capture": 1, "protocol": "ftms", "note": "Schwinn IC4, knob from 20 to 40"}

Every other line is one Frame, in order of arrival, with its time since the first one:

    {"t_s": 1.25, "hex": "44025e0bf0007a0054"}

It also has `"sent": true` if the gateway sent it to the bike.

`.bin`: the raw bytes of a serial line in order of arrival, of one or both directions, without
times.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.reading import Frame

FORMAT_VERSION = 1
_NS_PER_S = 1_000_000_000


class CaptureError(Exception):
    """A file that is not a capture. The text names file, line, the fault and what was expected."""


@dataclass(frozen=True, slots=True)
class BikeCapture:
    """A whole capture. `at_ns` of its frames counts from the first one; `protocol` decodes them."""

    protocol: str
    frames: tuple[Frame, ...]
    note: str = ""


def load_capture(file: Path) -> BikeCapture:
    """Read a `.jsonl` capture. Raises CaptureError if it is invalid, OSError if unreadable."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise CaptureError(f"{file}: not UTF-8 text; expected a .jsonl capture") from error
    if not lines:
        raise CaptureError(f"{file}: the file is empty; expected a header line")
    header = _object(file, 1, lines[0])
    if header.get("alleycat_capture") != FORMAT_VERSION or not isinstance(
        header.get("protocol"), str
    ):
        raise CaptureError(
            f'{file}:1: not a capture header; expected {{"alleycat_capture": {FORMAT_VERSION}, '
            '"protocol": "…"}'
        )
    frames: list[Frame] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        frame = _frame(file, number, line)
        if frames and frame.at_ns < frames[-1].at_ns:
            raise CaptureError(f"{file}:{number}: t_s is earlier than that of the frame before it")
        frames.append(frame)
    return BikeCapture(header["protocol"], tuple(frames), str(header.get("note", "")))


def load_raw_capture(file: Path, protocol: str, bytes_per_s: float) -> BikeCapture:
    """Read a `.bin` as if it had arrived steadily at `bytes_per_s`, in ten Frames a second."""
    data = file.read_bytes()
    size = max(1, round(bytes_per_s / 10))
    frames = tuple(
        Frame(round(start / bytes_per_s * _NS_PER_S), data[start : start + size])
        for start in range(0, len(data), size)
    )
    return BikeCapture(protocol, frames)


def encode_capture(protocol: str, frames: Iterable[Frame], note: str = "") -> Iterator[str]:
    """Yield the lines of a `.jsonl` capture, without line ends; times count from the first frame.

    The header comes first, then a line for each frame as soon as `frames` yields it.
    """
    yield json.dumps({"alleycat_capture": FORMAT_VERSION, "protocol": protocol, "note": note})
    first_ns: int | None = None
    for frame in frames:
        first_ns = frame.at_ns if first_ns is None else first_ns
        yield encode_frame(frame, first_ns)


def encode_frame(frame: Frame, first_ns: int) -> str:
    """Return the line of one frame, in a capture that began at `first_ns`."""
    t_s = round((frame.at_ns - first_ns) / _NS_PER_S, 6)
    line: dict[str, object] = {"t_s": t_s, "hex": frame.data.hex()}
    if frame.sent:
        line["sent"] = True
    return json.dumps(line)


def _object(file: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise CaptureError(f"{file}:{number}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise CaptureError(f"{file}:{number}: expected a JSON object")
    return value


def _frame(file: Path, number: int, line: str) -> Frame:
    value = _object(file, number, line)
    try:
        at_ns = round(float(value["t_s"]) * _NS_PER_S)
        return Frame(at_ns, bytes.fromhex(value["hex"]), sent=value.get("sent") is True)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CaptureError(
            f'{file}:{number}: expected {{"t_s": seconds, "hex": "…"}}: {error!r}'
        ) from error
