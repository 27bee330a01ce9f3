"""`alleycat-gateway` at a terminal, with a user who reads, types and presses Ctrl-C."""

import os
import re
import sys
import time

from tests.support.terminal import Terminal

TIMEOUT_S = 30.0


class Dialogue(Terminal):
    def __init__(self, *arguments: str, columns: int = 80) -> None:
        super().__init__([sys.executable, "-m", "gateway", *arguments], columns)
        self._seen = 0

    def expect(self, words: str) -> str:
        """Wait for `words` after those expected before; return the output between them.

        The line may end at any blank.
        """
        pattern = re.compile(re.escape(words).replace(r"\ ", "[ \n]"))
        deadline = time.monotonic() + TIMEOUT_S
        while (found := pattern.search(self._shown, self._seen)) is None:
            assert time.monotonic() < deadline, f"{words!r} did not come:\n{self.text}"
            assert self.read(), f"it ended without {words!r}:\n{self.text}"
        before = self._shown[self._seen : found.start()]
        self._seen = found.end()
        return before

    def watch_for(self, seconds: float) -> None:
        """Read the output for `seconds`, like a user who waits."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self.read(), f"it ended:\n{self.text}"

    def type(self, line: str = "") -> None:
        """Type a line and Enter."""
        os.write(self._master, f"{line}\n".encode())

    def press_ctrl_c(self) -> None:
        """Press Ctrl-C once the process waits: Python misses a signal just before it reads."""
        self.wait_until_asleep()
        super().press_ctrl_c()

    @property
    def _shown(self) -> str:
        return self.text.replace("\r\n", "\n")
