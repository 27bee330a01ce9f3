"""Frames into a capture, as they come."""

from typing import TextIO

from drivers.captures.format import encode_capture, encode_frame
from drivers.reading import Frame


class FrameRecorder:
    """Writes the frames of one protocol, the first that is heard, each at once.

    What else the bike speaks on the same connection is counted as `skipped`: a capture has one
    protocol.
    """

    def __init__(self, lines: TextIO, note: str = "") -> None:
        self.protocol = ""
        self.frames = 0
        self.skipped = 0
        self._lines = lines
        self._note = note
        self._bytes = 0
        self._first_ns = 0
        self._last_ns = 0

    def record(self, protocol: str, frame: Frame) -> None:
        """To be called with every frame, as a FrameListener."""
        if not self.protocol:
            self.protocol = protocol
            self._first_ns = frame.at_ns
            self._write(*encode_capture(protocol, [], self._note))
        if protocol != self.protocol:
            self.skipped += 1
            return
        self.frames += 1
        self._bytes += len(frame.data)
        self._last_ns = frame.at_ns
        self._write(encode_frame(frame, self._first_ns))

    @property
    def progress(self) -> str:
        """How much there is, for people."""
        span_s = (self._last_ns - self._first_ns) / 1e9
        skipped = f", {self.skipped} of other protocols left out" if self.skipped else ""
        protocol = self.protocol or "nothing yet"
        return f"{self.frames} frames of {protocol} in {span_s:.0f} s, {self._bytes} bytes{skipped}"

    def _write(self, *lines: str) -> None:
        self._lines.writelines(f"{line}\n" for line in lines)
        self._lines.flush()
