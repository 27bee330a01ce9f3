"""The capture format, in which a bike's bytes are recorded for replay.

`.jsonl`: UTF-8, one JSON object per line. The first line is the header:

    {"alleycat_capture": 2, "note": "Schwinn IC4, knob from 20 to 40"}

Every other line has its time since the first one, and is one of four kinds. A Frame, in order of
arrival:

    {"t_s": 1.25, "hex": "44025e0bf0007a0054", "protocol": "ftms", "characteristic": "00002ad2-…"}

It also has `"sent": true` if the gateway sent it to the bike. Without `protocol`, no known protocol
was spoken when it arrived; without `characteristic`, it did not come from one.

The inventory of a Bluetooth device, with the values of the characteristics that can be read:

    {"t_s": 0, "device": {"name": "…", "characteristics":
        [{"service": "…", "uuid": "…", "properties": ["read"], "value": "64"}]}}

The turns of a pedal that the rider counted, and a note on something that happened:

    {"t_s": 10, "until_s": 30, "turns": 20}
    {"t_s": 55, "note": "turn the knob"}

Version 1, of gateway 0.1, has frames of a single protocol, which is named in the header:

    {"alleycat_capture": 1, "protocol": "ftms", "note": "…"}

A last line without its line end that is not JSON was cut off, such as by a power cut: it is left
out.

`.bin`: the raw bytes of a serial line in order of arrival, of one or both directions, without
times.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from drivers.reading import Frame
from drivers.survey import DeviceInventory, GattCharacteristic

FORMAT_VERSION = 2
#: The version with one protocol, in the header.
_SINGLE_PROTOCOL_VERSION = 1
_NS_PER_S = 1_000_000_000

#: The slowest and the fastest pedalling that a rider counts, far beyond any real one, and the
#: longest capture: numbers beyond them are slips, which would overflow what is computed from them.
LEAST_RPM, MOST_RPM = 1, 1000
_LONGEST_S = 1_000_000


class CaptureError(Exception):
    """A file that is not a capture. The text names file, line, the fault and what was expected."""


class CapturedFrame(NamedTuple):
    """A Frame and the protocol that was spoken; empty if none was known."""

    protocol: str
    frame: Frame


@dataclass(frozen=True, slots=True)
class CountedTurns:
    """The turns of a pedal that a rider counted, riding steadily from one time to another."""

    from_s: float
    until_s: float
    turns: float

    @property
    def rpm(self) -> float:
        return self.turns / (self.until_s - self.from_s) * 60

    @property
    def is_plausible(self) -> bool:
        """Whether a rider can have counted them; no turn at all is plausible."""
        if not 0 <= self.from_s < self.until_s <= _LONGEST_S:
            return False
        return self.turns == 0 or LEAST_RPM <= self.rpm <= MOST_RPM


@dataclass(frozen=True, slots=True)
class TimedNote:
    """A note on something that happened at one time of a capture."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class BikeCapture:
    """A whole capture. Times count from its beginning.

    `protocols` are those of its frames, in order of appearance. `is_cut`: the last line of its file
    was not complete, and is left out.
    """

    protocols: tuple[str, ...]
    frames: tuple[CapturedFrame, ...]
    note: str = ""
    device: DeviceInventory | None = None
    turns: tuple[CountedTurns, ...] = ()
    notes: tuple[TimedNote, ...] = ()
    is_cut: bool = False

    def spoken_as(self, protocol: str) -> "BikeCapture":
        """Return this capture as if every frame were of one protocol."""
        frames = tuple(CapturedFrame(protocol, one.frame) for one in self.frames)
        return replace(self, protocols=(protocol,), frames=frames)


def load_capture(file: Path) -> BikeCapture:
    """Read a `.jsonl` capture. Raises CaptureError if it is invalid, OSError if unreadable."""
    data, is_cut = _without_cut_line(file.read_bytes())
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise CaptureError(f"{file}: not UTF-8 text; expected a .jsonl capture") from error
    if not lines:
        raise CaptureError(f"{file}: the file is empty; expected a header line")
    header = _object(f"{file}:1", lines[0])
    protocol = _protocol_of_all(f"{file}:1", header)
    reader = _CaptureReader(protocol)
    for number, line in enumerate(lines[1:], start=2):
        if line:
            reader.take(f"{file}:{number}", _object(f"{file}:{number}", line))
    return replace(reader.capture(str(header.get("note", ""))), is_cut=is_cut)


def _without_cut_line(data: bytes) -> tuple[bytes, bool]:
    """Return the data without a last line that was cut off, and whether there is one."""
    whole, _, last = data.rpartition(b"\n")
    if not whole or not last:
        return data, False
    try:
        json.loads(last)
    except (ValueError, RecursionError):
        return whole, True
    return data, False


def load_raw_capture(file: Path, protocol: str, bytes_per_s: float) -> BikeCapture:
    """Read a `.bin` as if it had arrived steadily at `bytes_per_s`, in ten Frames a second."""
    data = file.read_bytes()
    size = max(1, round(bytes_per_s / 10))
    frames = tuple(
        Frame(round(start / bytes_per_s * _NS_PER_S), data[start : start + size])
        for start in range(0, len(data), size)
    )
    return single_protocol_capture(protocol, frames)


def single_protocol_capture(protocol: str, frames: Iterable[Frame]) -> BikeCapture:
    """Return the capture of frames that are all of one protocol."""
    return BikeCapture((protocol,), tuple(CapturedFrame(protocol, frame) for frame in frames))


def encode_capture(protocol: str, frames: Iterable[Frame], note: str = "") -> Iterator[str]:
    """Yield the lines of a `.jsonl` capture, without line ends; times count from the first frame.

    The header comes first, then a line for each frame as soon as `frames` yields it.
    """
    yield encode_header(note)
    first_ns: int | None = None
    for frame in frames:
        first_ns = frame.at_ns if first_ns is None else first_ns
        yield encode_frame(protocol, frame, first_ns)


def encode_header(note: str) -> str:
    """Return the first line of a capture."""
    return json.dumps({"alleycat_capture": FORMAT_VERSION, "note": note})


def encode_frame(protocol: str, frame: Frame, first_ns: int) -> str:
    """Return the line of one frame, in a capture that began at `first_ns`."""
    t_s = round((frame.at_ns - first_ns) / _NS_PER_S, 6)
    line: dict[str, object] = {"t_s": t_s, "hex": frame.data.hex()}
    if protocol:
        line["protocol"] = protocol
    if frame.characteristic:
        line["characteristic"] = frame.characteristic
    if frame.sent:
        line["sent"] = True
    return json.dumps(line)


def encode_device(device: DeviceInventory, t_s: float) -> str:
    """Return the line of a device's inventory."""
    found = [
        {
            "service": one.service,
            "uuid": one.uuid,
            "properties": one.properties,
            **({} if one.value is None else {"value": one.value.hex()}),
        }
        for one in device.characteristics
    ]
    inventory = {"name": device.name, "characteristics": found}
    return json.dumps({"t_s": round(t_s, 6), "device": inventory})


def encode_turns(turns: CountedTurns) -> str:
    """Return the line of counted turns."""
    return json.dumps({"t_s": turns.from_s, "until_s": turns.until_s, "turns": turns.turns})


def encode_note(note: TimedNote) -> str:
    """Return the line of a note on one time."""
    return json.dumps({"t_s": round(note.at_s, 6), "note": note.text})


def _object(place: str, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CaptureError(f"{place}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise CaptureError(f"{place}: expected a JSON object")
    return value


def _protocol_of_all(place: str, header: dict[str, Any]) -> str | None:
    """Return the protocol of all frames, or None if each has its own. Raises CaptureError."""
    version, protocol = header.get("alleycat_capture"), header.get("protocol")
    if version == _SINGLE_PROTOCOL_VERSION and isinstance(protocol, str):
        return protocol
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise CaptureError(
            f"{place}: not a capture header that this gateway knows: it has version {version}, "
            f"expected at most {FORMAT_VERSION}; update the gateway"
        )
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise CaptureError(
            f'{place}: not a capture header; expected {{"alleycat_capture": {FORMAT_VERSION}}}'
        )
    return None


class _CaptureReader:
    """The lines of a capture after its header, as they are read one by one.

    `protocol` is that of all frames; None if each line names its own.
    """

    def __init__(self, protocol: str | None) -> None:
        self._protocol = protocol
        self._frames: list[CapturedFrame] = []
        self._device: DeviceInventory | None = None
        self._turns: list[CountedTurns] = []
        self._notes: list[TimedNote] = []

    def take(self, place: str, line: dict[str, Any]) -> None:
        """Keep one line. Raises CaptureError, which names its `place`."""
        try:
            if "hex" in line or self._protocol is not None:
                self._take_frame(place, line)
            elif "device" in line:
                self._device = _device(line["device"])
            elif "turns" in line:
                self._turns.append(_turns(line))
            else:
                self._notes.append(TimedNote(float(line["t_s"]), str(line["note"])))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise CaptureError(
                f'{place}: expected {{"t_s": seconds, "hex": "…"}}, or a device, turns or a note: '
                f"{error!r}"
            ) from error

    def capture(self, note: str) -> BikeCapture:
        """Return the capture of the lines so far."""
        named = {frame.protocol: None for frame in self._frames if frame.protocol}
        return BikeCapture(
            tuple(named) if self._protocol is None else (self._protocol,),
            tuple(self._frames),
            note,
            self._device,
            tuple(self._turns),
            tuple(self._notes),
        )

    def _take_frame(self, place: str, line: dict[str, Any]) -> None:
        protocol = line.get("protocol", "") if self._protocol is None else self._protocol
        frame = Frame(
            round(float(line["t_s"]) * _NS_PER_S),
            bytes.fromhex(line["hex"]),
            sent=line.get("sent") is True,
            characteristic=str(line.get("characteristic", "")),
        )
        if self._frames and frame.at_ns < self._frames[-1].frame.at_ns:
            raise CaptureError(f"{place}: t_s is earlier than that of the frame before it")
        self._frames.append(CapturedFrame(str(protocol), frame))


def _device(device: dict[str, Any]) -> DeviceInventory:
    return DeviceInventory(
        str(device["name"]),
        tuple(
            GattCharacteristic(
                str(one["service"]),
                str(one["uuid"]),
                tuple(map(str, one["properties"])),
                bytes.fromhex(one["value"]) if "value" in one else None,
            )
            for one in device["characteristics"]
        ),
    )


def _turns(line: dict[str, Any]) -> CountedTurns:
    turns = CountedTurns(float(line["t_s"]), float(line["until_s"]), float(line["turns"]))
    if not turns.is_plausible:
        raise ValueError(
            "expected until_s after t_s, and turns of at least 0, at a cadence of "
            f"{LEAST_RPM} … {MOST_RPM} rpm"
        )
    return turns
