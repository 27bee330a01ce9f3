"""Single keys from a terminal, without Enter, while something is drawn on it.

The terminal gets its ways back whatever happens: at the end, after an error, when the process is
told to end, and while it is stopped with Ctrl-Z. Only a SIGKILL it cannot help; `reset` does.
"""

import asyncio
import os
import re
import signal
import termios
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Self

#: What `key` gives for the key that is called so.
ENTER = "enter"

#: Of a key that is no character (ECMA-48, CSI and SS3), or one with Alt.
_SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[@-~]|O.|.)?")

#: Ends that are asked for; those of Python leave no time for a `finally`.
_ENDS = (signal.SIGTERM, signal.SIGHUP)


def _nothing() -> None:
    pass


class Keyboard:
    """A context manager, in a running loop of the main thread; `fd` is a terminal.

    Ctrl-C stays SIGINT. SIGTERM and SIGHUP raise SystemExit, with 128 + the signal, in the loop, so
    that everything below it is cleaned up. `on_suspend` is called before Ctrl-Z stops the process,
    with the terminal as it was; `on_resume` when it goes on.
    """

    def __init__(
        self,
        on_suspend: Callable[[], None] = _nothing,
        on_resume: Callable[[], None] = _nothing,
        fd: int = 0,
    ) -> None:
        self._on_suspend = on_suspend
        self._on_resume = on_resume
        self._fd = fd
        self._keys: asyncio.Queue[str | None] = asyncio.Queue()
        self._text = getincrementaldecoder("utf-8")("replace")

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._ways = termios.tcgetattr(self._fd)
        for end in _ENDS:
            self._loop.add_signal_handler(end, _end, end)
        self._loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        self._loop.add_signal_handler(signal.SIGCONT, self._resume)
        self._listen()
        self._loop.add_reader(self._fd, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._fd)
        for one in (*_ENDS, signal.SIGTSTP, signal.SIGCONT):
            self._loop.remove_signal_handler(one)
        # What nobody read is for nobody: not for the shell that comes next either.
        self._restore(termios.TCSAFLUSH)

    async def key(self) -> str:
        """The next one: ENTER, or a character. Raises EOFError when the terminal is gone.

        May be cancelled without losing any.
        """
        key = await self._keys.get()
        if key is None:
            self._keys.put_nowait(None)  # gone for who asks again, too
            raise EOFError("the terminal is gone")
        return key

    def forget(self) -> None:
        """All that was pressed until now: an impatient Enter answers no question after it."""
        with suppress(termios.error):
            termios.tcflush(self._fd, termios.TCIFLUSH)
        is_gone = False
        while not self._keys.empty():
            is_gone |= self._keys.get_nowait() is None
        if is_gone:
            self._keys.put_nowait(None)

    def _listen(self) -> None:
        ways = termios.tcgetattr(self._fd)
        ways[3] &= ~(termios.ECHO | termios.ICANON)
        ways[6][termios.VMIN], ways[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._fd, termios.TCSAFLUSH, ways)

    def _restore(self, when: int) -> None:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(self._fd, when, self._ways)

    def _suspend(self) -> None:
        self._restore(termios.TCSADRAIN)
        self._on_suspend()
        # Not SIGTSTP again: the kernel drops it where no shell would notice.
        os.kill(os.getpid(), signal.SIGSTOP)

    def _resume(self) -> None:
        """Also after a SIGSTOP from elsewhere, in which the shell took the terminal over."""
        with suppress(termios.error):
            self._listen()
        self._on_resume()

    def _read(self) -> None:
        try:
            chunk = os.read(self._fd, 1024)
        except OSError:  # EIO: hung up
            chunk = b""
        if not chunk:
            self._loop.remove_reader(self._fd)
            self._keys.put_nowait(None)
        for key in keys_in(self._text.decode(chunk)):
            self._keys.put_nowait(key)


def keys_in(text: str) -> Iterator[str]:
    """What was pressed, of what a terminal sends at once. Arrows and the like are left out."""
    for letter in _SEQUENCE.sub("", text):
        if letter in "\r\n":
            yield ENTER
        elif letter.isprintable():
            yield letter


def _end(signal_number: int) -> None:
    raise SystemExit(128 + signal_number)
