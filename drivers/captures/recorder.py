"""The recorder of a capture: it writes Frames, and what is known about them, as they arrive."""

from collections import Counter
from typing import TextIO

from drivers.captures.format import (
    CountedTurns,
    TimedNote,
    encode_device,
    encode_frame,
    encode_header,
    encode_note,
    encode_turns,
)
from drivers.reading import Frame
from drivers.survey import DeviceInventory

#: What the frames of no known protocol are called in the progress.
_UNKNOWN = "no known protocol"


class FrameRecorder:
    """A recorder that writes each line at once. Times count from the first frame or inventory."""

    def __init__(self, lines: TextIO, note: str = "") -> None:
        self._lines = lines
        self._note = note
        self._frames: Counter[str] = Counter()
        self._bytes = 0
        self._first_ns: int | None = None
        self._last_ns = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been written yet."""
        return self._first_ns is None

    def record(self, protocol: str, frame: Frame) -> None:
        """Write a frame. This is a FrameListener."""
        first_ns = self._begun(frame.at_ns)
        self._frames[protocol or _UNKNOWN] += 1
        self._bytes += len(frame.data)
        self._last_ns = frame.at_ns
        self._write(encode_frame(protocol, frame, first_ns))

    def record_device(self, device: DeviceInventory, at_ns: int) -> None:
        """Write what a device offers."""
        t_s = (at_ns - self._begun(at_ns)) / 1e9
        self._write(encode_device(device, t_s))

    def record_note(self, text: str, at_ns: int) -> None:
        """Write a note on what happened at one time."""
        t_s = (at_ns - self._begun(at_ns)) / 1e9
        self._write(encode_note(TimedNote(t_s, text)))

    def record_turns(self, turns: float, from_ns: int, until_ns: int) -> None:
        """Write the turns that the rider counted between two times."""
        first_ns = self._begun(from_ns)
        from_s, until_s = (round((one - first_ns) / 1e9, 3) for one in (from_ns, until_ns))
        self._write(encode_turns(CountedTurns(from_s, until_s, turns)))

    @property
    def progress(self) -> str:
        """A description of the amount recorded so far, for people."""
        if not self._frames:
            return "no frames yet"
        span_s = (self._last_ns - (self._first_ns or 0)) / 1e9
        counts = " and ".join(
            f"{count} frame{'' if count == 1 else 's'} of {protocol}"
            for protocol, count in self._frames.items()
        )
        return f"{counts} in {span_s:.0f} s, {self._bytes} bytes"

    def _begun(self, at_ns: int) -> int:
        """Return the time of the first line, and write the header before it."""
        if self._first_ns is None:
            self._first_ns = at_ns
            self._write(encode_header(self._note))
        return self._first_ns

    def _write(self, line: str) -> None:
        self._lines.write(f"{line}\n")
        self._lines.flush()
