"""Standard output and stderr of the daemon, which never wait for their readers.

A pipe that is not read, a terminal after Ctrl-S and a stalled journal block the writer, and so the
event loop with every race; a full disk makes its writes fail. The log is on stderr, and plugins
print to both.
"""

import atexit
import io
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

#: Limits what waits to be written: some thousand lines.
MOST_BYTES = 256 * 1024
#: How long the end of the process waits for a reader to take what is left, in seconds.
FLUSH_S = 1.0
#: How long a thread waits for a file that is full, if another process made it non-blocking.
FULL_FILE_MS = 1_000


def _ignore(_lines: int) -> None:
    """Do nothing: the lines are counted all the same."""


class DroppingFile(io.RawIOBase):
    """A file that a thread writes. `write` returns at once, and drops what does not fit.

    Once it is full, it takes nothing until all that waits is written, so that the gap is in one
    place. `on_gap` is then called with the number of lines in the gap, by the thread.
    """

    def __init__(self, descriptor: int, most_bytes: int = MOST_BYTES) -> None:
        self.on_gap: Callable[[int], None] = _ignore
        #: Lines dropped since the start.
        self.dropped_lines = 0
        self._descriptor = descriptor
        self._most_bytes = most_bytes
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._gap_lines = 0
        self._is_full = False
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name=f"output {descriptor}", daemon=True).start()
        atexit.register(self.finish)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: Any, /) -> int:
        chunk = bytes(data)
        with self._changed:
            self._is_full |= self._waiting_bytes + len(chunk) > self._most_bytes
            if self._is_full:
                self._drop(chunk)
            else:
                self._waiting.append(chunk)
                self._waiting_bytes += len(chunk)
                self._changed.notify_all()
        return len(chunk)

    def finish(self, within_s: float = FLUSH_S) -> None:
        """Wait until all is written, but no longer than a reader that reads would need."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, within_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                chunk = self._waiting[0]
            is_written = self._written(chunk)
            with self._changed:
                self._waiting_bytes -= len(self._waiting.popleft())
                if not is_written:
                    self._drop(chunk)
                gap_lines = self._gap_lines if is_written and not self._waiting else 0
                self._gap_lines -= gap_lines
                self._is_full &= bool(self._waiting)
                self._changed.notify_all()
            if gap_lines:
                self.on_gap(gap_lines)

    def _drop(self, chunk: bytes) -> None:
        lines = chunk.count(b"\n")
        self.dropped_lines += lines
        self._gap_lines += lines

    def _written(self, chunk: bytes) -> bool:
        """Write `chunk`, however long that takes; return whether the file took it."""
        rest = memoryview(chunk)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll(FULL_FILE_MS)
            except OSError:  # a full disk, or a reader that is gone
                return False
        return True
