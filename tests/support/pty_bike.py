"""A fake bike behind a real tty: a pseudo-terminal under a name that survives unplugging."""

import asyncio
import os
import termios
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

#: What a bike answers to what it was sent, as it came.
Answer = Callable[[bytes], bytes]


class PtyBike:
    """Plugged in at `port`, a link such as those under /dev/serial/by-id.

    `answer` is called with whatever arrives. `says` is sent every `period_s`, unasked.
    """

    def __init__(
        self,
        port: Path,
        answer: Answer = lambda _: b"",
        says: Callable[[], bytes] = lambda: b"",
        period_s: float = 0.1,
    ) -> None:
        self.port = port
        self.answer = answer
        self.says = says
        #: All that was sent to the bike since it was made.
        self.heard = bytearray()
        self._period_s = period_s
        self._master: int | None = None
        self._talking: asyncio.Task[None] | None = None

    @property
    def baud_rate(self) -> int:
        """At which the port was opened; a pty carries everything at any speed."""
        speed = termios.tcgetattr(self._slave)[4]
        return next(rate for rate in (4800, 9600, 19200, 57600, 115200) if _speed(rate) == speed)

    def plug_in(self) -> "PtyBike":
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self.port.symlink_to(os.ttyname(slave))
        self._master, self._slave = master, slave  # the latter open, or reading would fail
        asyncio.get_running_loop().add_reader(master, self._read)
        self._talking = asyncio.create_task(self._talk())
        return self

    def unplug(self) -> None:
        """Hang up: whoever has the port open reads an error."""
        if self._master is None:
            return
        assert self._talking is not None
        self._talking.cancel()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
        self._master = None
        self.port.unlink()

    def say(self, data: bytes) -> None:
        if self._master is not None and data:
            with suppress(BlockingIOError):  # nobody listens, and the line is full
                os.write(self._master, data)

    def stop_taking(self) -> None:
        """Still there, but deaf: what is sent piles up."""
        assert self._master is not None
        asyncio.get_running_loop().remove_reader(self._master)

    def _read(self) -> None:
        assert self._master is not None
        data = os.read(self._master, 4096)
        self.heard += data
        self.say(self.answer(data))

    async def _talk(self) -> None:
        while True:
            self.say(self.says())
            await asyncio.sleep(self._period_s)


def _speed(baud_rate: int) -> int:
    speed: int = getattr(termios, f"B{baud_rate}")
    return speed
