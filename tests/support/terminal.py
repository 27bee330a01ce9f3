"""A command on its own terminal: a real pty of a given size."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

CTRL_Z = "\x1a"
#: The process waits for input if it is asleep at this many successive looks.
STILL_LOOKS = 3
#: Colours, cursor movements and the like (ECMA-48, CSI).
CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A context manager that runs a command, and kills it on exit if it still runs."""

    def __init__(self, command: Sequence[str], columns: int = 80, rows: int = 24) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color"}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(name, None)
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command],  # without setsid, Ctrl-C would not be a SIGINT
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
        )
        os.close(slave)
        self.output = ""
        #: A character's bytes may arrive in two reads.
        self._decoder = getincrementaldecoder("utf-8")("replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._master >= 0:
            os.close(self._master)

    @property
    def text(self) -> str:
        """The output so far, without colours and cursor movements."""
        return CONTROL_SEQUENCE.sub("", self.output)

    def wait_for(self, pattern: str, *, times: int = 1, timeout_s: float = 20) -> None:
        deadline = time.monotonic() + timeout_s
        while len(re.findall(pattern, self.text)) < times:
            assert time.monotonic() < deadline, f"{pattern!r} is not there:\n{self.text}"
            assert self.read(), f"it ended without {pattern!r}:\n{self.text}"

    def wait_until(self, is_true: Callable[[], bool], timeout_s: float = 20) -> None:
        deadline = time.monotonic() + timeout_s
        while not is_true():
            assert time.monotonic() < deadline, f"it did not come true:\n{self.text}"
            assert self.read(), f"it ended:\n{self.text}"

    def wait_until_asleep(self) -> None:
        still = 0
        while still < STILL_LOOKS:
            time.sleep(0.02)
            stat = Path(f"/proc/{self._process.pid}/stat").read_text()
            still = still + 1 if stat.rpartition(")")[2].split()[0] == "S" else 0

    def press(self, keys: str) -> None:
        """Press keys, without Enter; a control key is its character, such as CTRL_Z."""
        os.write(self._master, keys.encode())

    def press_ctrl_c(self) -> None:
        self.press("\x03")

    @property
    def is_cooked(self) -> bool:
        """Whether it returns whole lines and echoes input, as a shell leaves it."""
        local_modes: int = termios.tcgetattr(self._master)[3]
        return bool(local_modes & termios.ICANON and local_modes & termios.ECHO)

    def send_signal(self, signal_number: int) -> None:
        self._process.send_signal(signal_number)

    def hang_up(self) -> None:
        """Close the terminal, as when its connection breaks. Nothing can be read any more."""
        os.close(self._master)
        self._master = -1

    def exit_code(self, timeout_s: float = 20) -> int:
        deadline = time.monotonic() + timeout_s
        while self._master >= 0 and self.read():
            assert time.monotonic() < deadline, f"it does not end:\n{self.text}"
        return self._process.wait(timeout_s)

    def read(self) -> bool:
        """Read the available output; return False at the end."""
        if not select.select([self._master], [], [], 0.05)[0]:
            return True
        try:
            chunk = os.read(self._master, 65_536)
        except OSError:  # EIO: no process has the other side open any more
            return False
        self.output += self._decoder.decode(chunk)
        return bool(chunk)
