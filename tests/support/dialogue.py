"""A command on a terminal of its own, as a person sits before it: reads, types, presses Ctrl-C."""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Self

TIMEOUT_S = 30.0
#: Asleep at so many looks in a row: it waits for somebody.
STILL_LOOKS = 3
ROOT = Path(__file__).parents[2]
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """`alleycat-gateway ARGUMENTS` on 24 lines; all that was ever written is kept in `text`."""

    def __init__(self, *arguments: str, columns: int = 80) -> None:
        self.text = ""
        self._seen = 0
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        self._process = subprocess.Popen(
            # Its controlling terminal: only then Ctrl-C is a signal.
            ["setsid", "--ctty", sys.executable, "-m", "gateway", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env={**environment, "TERM": "xterm"},
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait(TIMEOUT_S)
        os.close(self._master)

    def expect(self, words: str) -> str:
        """Until they are there, after what was expected before; gives what came before them."""
        deadline = time.monotonic() + TIMEOUT_S
        while (at := self.text.find(words, self._seen)) < 0:
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"{words!r} did not come:\n{self.text}"
            assert self._read(left_s), f"it ended without {words!r}:\n{self.text}"
        before = self.text[self._seen : at]
        self._seen = at + len(words)
        return before

    def type(self, line: str = "") -> None:
        """A line and Enter."""
        os.write(self._master, f"{line}\n".encode())

    def press_ctrl_c(self) -> None:
        """As soon as it waits: Python overlooks a signal in the instant before it reads."""
        still = 0
        while still < STILL_LOOKS:
            time.sleep(0.02)
            state = (
                Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0]
            )
            still = still + 1 if state == "S" else 0
        os.write(self._master, b"\x03")

    def wait(self) -> int:
        """Its exit code, with all that it has still to say in `text`."""
        while self._read(TIMEOUT_S):
            pass
        return self._process.wait(TIMEOUT_S)

    def _read(self, timeout_s: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], timeout_s)
        assert ready, f"nothing more came:\n{self.text}"
        try:
            data = os.read(self._master, 4096)
        except OSError:  # the other end is closed
            return False
        self.text += _ESCAPES.sub("", data.decode(errors="replace")).replace("\r\n", "\n")
        return bool(data)
