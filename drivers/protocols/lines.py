"""The line protocol: for home-made rigs, an Arduino or ESP32 with a reed switch and a pot.

115200 baud, 8N1, ASCII. One line for each message, ended by LF or CR LF, at most 200 bytes, at any
rhythm; four a second are plenty. A line is written in one of three ways:

    {"t": 123456, "revs": 812, "res": 417}      JSON: any of the names below
    rpm=82.5 res=417 w=150                      names and numbers, with spaces or commas between
    123456,812,417                              t,revs or t,revs,res

or is a bare number, which is rpm, but not in the very first line: that may be the end of another.

| name | what it is | range |
|---|---|---|
| `t` | milliseconds since the board started; 32 bits, wraps | 0 … 4294967295 |
| `revs` | turns of the crank since the board started; 16 or 32 bits, wraps | 0 … 4294967295 |
| `rpm` | cadence, if the board computes it itself | 0 … 250 |
| `res` | resistance in the rig's own numbers, such as those of its ADC | any |
| `w` | power, W | 0 … 3000 |
| `hr` | heart rate, 1/min; 0 is no sensor | 0 … 250 |

Turns with their time are better than rpm: a lost line then costs nothing. `t` is when the last
turn was complete, and it stays the same until the next one is. Two magnets on the crank want
`cadence_scale = 0.5` in the config.

A checksum may follow, as NMEA has it: `*` and two hex digits, the exclusive or of all bytes before
the `*`:

    rpm=82.5 res=417*08

A line with a wrong one is left out. What is cut, unknown or out of range is left out too, so boot
messages do no harm. Firmware: debounce a reed switch with 5 to 20 ms, and count no second turn
within 100 ms.
"""

import json
from functools import reduce
from operator import xor

from drivers.protocols.base import SerialLine, WireProtocol
from drivers.protocols.crank import CrankCounter
from drivers.protocols.text_lines import TextLines
from drivers.reading import Frame, Reading

MAX_LINE_BYTES = 200

_U32 = 2**32 - 1
#: Least and most of each value; what lies beyond is left out.
_RANGES: dict[str, tuple[float, float]] = {
    "t": (0, _U32),
    "revs": (0, _U32),
    "rpm": (0, 250),
    "res": (-1e9, 1e9),
    "w": (0, 3000),
    "hr": (0, 250),
}
_CSV = ("t", "revs", "res")


def decode_line(text: str) -> dict[str, float]:
    """The values of one line, by their names above; empty if it says nothing. Total."""
    body = _without_checksum(text.strip())
    if body is None:
        return {}
    if body.startswith("{"):
        values = _of_json(body)
    elif "=" in body:
        values = _of_pairs(body)
    else:
        values = _of_numbers(body)
    return {name: value for name, value in values.items() if _is_in_range(name, value)}


def encode_json(**values: float) -> bytes:
    """One line, as a board would send it, here and below."""
    return f"{json.dumps(values)}\n".encode()


def encode_pairs(**values: float) -> bytes:
    return (" ".join(f"{name}={value}" for name, value in values.items()) + "\n").encode()


def encode_csv(t: int, revs: int, res: float | None = None) -> bytes:
    return (",".join(str(one) for one in (t, revs, res) if one is not None) + "\n").encode()


def with_checksum(line: bytes) -> bytes:
    body = line.rstrip(b"\r\n")
    return body + b"*%02X\n" % reduce(xor, body, 0)


def _without_checksum(text: str) -> str | None:
    """None if there is one and it is wrong."""
    body, star, checksum = text.rpartition("*")
    if not star:
        return text
    return body if checksum.upper() == f"{reduce(xor, body.encode(), 0):02X}" else None


def _of_json(body: str) -> dict[str, float]:
    try:
        values = json.loads(body)
    # A board may send anything, nested a thousand deep or with digits by the hundred.
    except (ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _of_pairs(body: str) -> dict[str, float]:
    values = {}
    for pair in body.replace(",", " ").split():
        name, _, text = pair.partition("=")
        number = _number(text)
        if number is not None:
            values[name] = number
    return values


def _of_numbers(body: str) -> dict[str, float]:
    numbers = [_number(text) for text in body.split(",")]
    said = [one for one in numbers if one is not None]
    if len(said) != len(numbers):
        return {}
    if len(said) == 1:
        return {"rpm": said[0]}
    values = dict(zip(_CSV, said, strict=False))
    # Numbers without names: if one cannot be what its place says, the others are not either.
    is_ours = len(said) in (2, 3) and all(_is_in_range(*one) for one in values.items())
    return values if is_ours else {}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_in_range(name: str, value: float) -> bool:
    if name not in _RANGES:
        return False
    least, most = _RANGES[name]
    # NaN is in no range.
    return least <= value <= most


class Lines(WireProtocol):
    """A board that sends lines by itself; nothing is ever asked of it."""

    # Not without "terminal ready": boards with native USB send nothing to a line that lacks it.
    # Others reset by it, and begin with a cut line.
    line = SerialLine(baud_rates=(115200,))
    stale_after_s = 2.0

    def __init__(self) -> None:
        super().__init__()
        self._lines = TextLines(MAX_LINE_BYTES)
        self._is_first = True
        #: 16 bits of a counter of 32 wrap along with it.
        self._crank = CrankCounter(revolution_bits=16, time_bits=32, ticks_per_s=1000)
        self._meaningless_bytes = 0

    def feed(self, frame: Frame) -> list[Reading]:
        """One Reading for each line that says something."""
        if frame.sent:
            return []
        readings = []
        for text in self._lines.feed(frame.data):
            may_be_cut = self._is_first and _number(text) is not None
            self._is_first = False
            values = {} if may_be_cut else decode_line(text)
            reading = self._reading(frame.at_ns, values)
            if not values:
                self._meaningless_bytes += len(text)
            if reading != Reading(frame.at_ns):
                readings.append(reading)
        self.unusable_bytes = self._lines.unusable_bytes + self._meaningless_bytes
        return readings

    def _reading(self, at_ns: int, values: dict[str, float]) -> Reading:
        cadence_rpm = values.get("rpm")
        if cadence_rpm is None and "t" in values and "revs" in values:
            revolutions = int(values["revs"]) & 0xFFFF
            cadence_rpm = self._crank.update(at_ns, revolutions, int(values["t"]))
        return Reading(
            at_ns,
            cadence_rpm=cadence_rpm,
            resistance_raw=values.get("res"),
            power_w=values.get("w"),
            heart_rate_bpm=values.get("hr") or None,
        )
