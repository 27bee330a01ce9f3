"""The recorder of a capture: it writes Frames as they arrive."""

from typing import TextIO

from drivers.captures.format import encode_capture, encode_frame
from drivers.reading import Frame


class FrameRecorder:
    """A recorder that writes the frames of one protocol, the first to arrive, each at once.

    A capture has one protocol. The frames of others on the same connection are only counted, as
    `skipped`.
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
        """Write a frame, or count it as skipped. This is a FrameListener."""
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
        """A description of the amount recorded so far, for people."""
        if not self.frames:
            return "no frames yet"
        span_s = (self._last_ns - self._first_ns) / 1e9
        skipped = f"; frames of other protocols left out: {self.skipped}" if self.skipped else ""
        return (
            f"{self.frames} frame{'' if self.frames == 1 else 's'} of {self.protocol} "
            f"in {span_s:.0f} s, "
            f"{self._bytes} bytes{skipped}"
        )

    def _write(self, *lines: str) -> None:
        self._lines.writelines(f"{line}\n" for line in lines)
        self._lines.flush()
