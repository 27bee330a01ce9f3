"""Lines in a stream of ASCII, for the text protocols."""

_ENDS = b"\r\n"


class TextLines:
    """A splitter of a stream of bytes, cut anywhere, into lines. Holds at most `max_bytes`.

    A line ends with CR, LF or both. A line that is longer than `max_bytes` or not all ASCII is
    dropped entirely.
    """

    def __init__(self, max_bytes: int) -> None:
        #: The number of bytes in the lines that were dropped.
        self.unusable_bytes = 0
        self._max_bytes = max_bytes
        self._held = bytearray()
        self._is_overlong = False

    def feed(self, data: bytes) -> list[str]:
        """Return the non-empty lines that end within `data`, in order, without their ends."""
        lines = []
        for byte in data:
            if byte not in _ENDS:
                self._hold(byte)
            elif self._held or self._is_overlong:
                line = self._take_line()
                if line is not None:
                    lines.append(line)
        return lines

    def _hold(self, byte: int) -> None:
        if self._is_overlong:
            self.unusable_bytes += 1
        elif len(self._held) < self._max_bytes:
            self._held.append(byte)
        else:
            self.unusable_bytes += len(self._held) + 1
            self._held.clear()
            self._is_overlong = True

    def _take_line(self) -> str | None:
        """Return the line that ends here, if it is usable."""
        held = bytes(self._held)
        self._held.clear()
        self._is_overlong = False
        if held.isascii():
            return held.decode("ascii") or None
        self.unusable_bytes += len(held)
        return None
