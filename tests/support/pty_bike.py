"""A fake bike behind a real tty: a pseudo-terminal under a name that survives unplugging."""

import asyncio
import os
import termios
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

#: Returns a bike's answer to the bytes that it received.
Answer = Callable[[bytes], bytes]


class PtyBike:
    """A bike that is plugged in at `port`, a link such as those under /dev/serial/by-id.

    `answer` is called with all bytes that arrive. Every `period_s`, the bike also sends the
    result of its second callback, unrequested.
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
        #: All bytes that were sent to the bike.
        self.heard = bytearray()
        self._period_s = period_s
        self._master: int | None = None
        self._talking: asyncio.Task[None] | None = None

    @property
    def baud_rate(self) -> int:
        """The rate at which the port was opened; a pty works at any rate."""
        speed = termios.tcgetattr(self._slave)[4]
        return next(rate for rate in (4800, 9600, 19200, 57600, 115200) if _speed(rate) == speed)

    def plug_in(self) -> "PtyBike":
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self.port.symlink_to(os.ttyname(slave))
        self._master, self._slave = master, slave  # the slave stays open, or reading would fail
        asyncio.get_running_loop().add_reader(master, self._read)
        self._talking = asyncio.create_task(self._talk())
        return self

    def unplug(self) -> None:
        """Unplug the bike: a process that has the port open reads an error."""
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
            with suppress(BlockingIOError):  # no process reads, and the line is full
                os.write(self._master, data)

    def stop_taking(self) -> None:
        """Stop reading, so that sent bytes pile up."""
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
