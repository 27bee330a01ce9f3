"""The line protocol for home-made rigs: an Arduino or ESP32 with a reed switch and a pot.

115200 baud, 8N1, ASCII. Each message is one line of at most 200 bytes that ends with LF or CR LF,
sent at any rate; four a second are plenty. A line has one of three formats:

    {"t": 123456, "revs": 812, "res": 417}      JSON: any of the names below
    rpm=82.5 res=417 w=150                      names and numbers, separated by spaces or commas
    123456,812,417                              t,revs or t,revs,res

or is a single number, the rpm. A single number in the very first line is ignored, because it may
be the end of another line.

| name | meaning | range |
|---|---|---|
| `t` | milliseconds since the board started; 32 bits, wraps | 0 … 4294967295 |
| `revs` | turns of the crank since the board started; 16 or 32 bits, wraps | 0 … 4294967295 |
| `rpm` | cadence, if the board computes it itself | 0 … 250 |
| `res` | resistance in the rig's own numbers, such as those of its ADC | any |
| `w` | power, W | 0 … 3000 |
| `hr` | heart rate, 1/min; 0 means no sensor | 0 … 250 |

Turns with their time (`t` and `revs`) are better than rpm, because a lost line then costs nothing.
`t` is the time at which the last turn was complete; it stays the same until the next turn is
complete. With two magnets on the crank, set `cadence_scale = 0.5` in the config.

A checksum in the style of NMEA may follow: `*` and two hex digits, the exclusive or of all bytes
before the `*`:

    rpm=82.5 res=417*08

A line with a wrong checksum is ignored. Values that are cut, unknown or out of range are ignored
too, so boot messages do no harm. In the firmware, debounce a reed switch with 5 to 20 ms, and
ignore a second turn within 100 ms.
"""

import json
import re
from functools import reduce
from operator import xor

from drivers.protocols.base import Evidence, SerialLine, WireProtocol
from drivers.protocols.serial.text_lines import TextLines
from drivers.protocols.standard.crank import CrankCounter
from drivers.reading import Frame, Reading

MAX_LINE_BYTES = 200

_U32 = 2**32 - 1
#: The least and the largest valid number of each value; others are ignored.
_RANGES: dict[str, tuple[float, float]] = {
    "t": (0, _U32),
    "revs": (0, _U32),
    "rpm": (0, 250),
    "res": (-1e9, 1e9),
    "w": (0, 3000),
    "hr": (0, 250),
}
_CSV = ("t", "revs", "res")
#: A JSON object shows where it begins, whatever precedes it in its line, such as half of another.
_JSON_AT_END = re.compile(r"\{[^{]*\}(\*[0-9A-Fa-f]{2})?$")


def decode_line(text: str) -> dict[str, float]:
    """Decode the values of one line, by the names above; empty if it has none. Total."""
    json_at_end = _JSON_AT_END.search(text.strip())
    body = _without_checksum(json_at_end[0] if json_at_end else text.strip())
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
    """Encode one line as a board would send it; so do the functions below."""
    return f"{json.dumps(values)}\n".encode()


def encode_pairs(**values: float) -> bytes:
    return (" ".join(f"{name}={value}" for name, value in values.items()) + "\n").encode()


def encode_csv(t: int, revs: int, res: float | None = None) -> bytes:
    return (",".join(str(one) for one in (t, revs, res) if one is not None) + "\n").encode()


def with_checksum(line: bytes) -> bytes:
    body = line.rstrip(b"\r\n")
    return body + b"*%02X\n" % reduce(xor, body, 0)


def _without_checksum(text: str) -> str | None:
    """Return the text without its checksum, if it has one; None if that is wrong."""
    body, star, checksum = text.rpartition("*")
    if not star:
        return text
    return body if checksum.upper() == f"{reduce(xor, body.encode(), 0):02X}" else None


def _of_json(body: str) -> dict[str, float]:
    try:
        values = json.loads(body)
    # A board may send anything: a thousand levels of nesting, or numbers of hundreds of digits.
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
    known = [one for one in numbers if one is not None]
    if len(known) != len(numbers):
        return {}
    if len(known) == 1:
        return {"rpm": known[0]}
    values = dict(zip(_CSV, known, strict=False))
    # Numbers without names: if one is impossible at its position, the others are wrong too.
    is_ours = len(known) in (2, 3) and all(_is_in_range(*one) for one in values.items())
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
    # The comparison is False for NaN.
    return least <= value <= most


class Lines(WireProtocol):
    """A board that sends lines by itself; it gets no requests."""

    # DTR ("terminal ready") must be on, because boards with native USB send nothing without it.
    # It resets other boards, which then begin with a cut line.
    evidence = Evidence.DOCUMENTS
    line = SerialLine(baud_rates=(115200,))
    stale_after_s = 2.0
    reports_own_number = True

    def __init__(self) -> None:
        super().__init__()
        self._lines = TextLines(MAX_LINE_BYTES)
        self._is_first = True
        #: The lower 16 bits are enough: they wrap correctly within a 32-bit counter.
        self._crank = CrankCounter(revolution_bits=16, time_bits=32, ticks_per_s=1000)
        self._meaningless_bytes = 0

    def feed(self, frame: Frame) -> list[Reading]:
        """Return one Reading for each line that has a value."""
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
