"""Single keys from a terminal, without Enter, while a view is drawn on it.

The terminal's settings are restored at the end, after an error, on SIGTERM and SIGHUP, and while
the process is stopped with Ctrl-Z. After a SIGKILL the user must restore them with `reset`.
"""

import asyncio
import os
import re
import signal
import termios
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

#: Returned by `Keyboard.key` for the Enter key.
ENTER = "enter"

#: Sent by a key that is not a character (ECMA-48, CSI and SS3), or by a character with Alt.
_SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[@-~]|O.|.)?")

#: Signals that end the process. Python's default handling of them runs no `finally`.
_ENDS = (signal.SIGTERM, signal.SIGHUP)


def _nothing() -> None:
    pass


class Keyboard:
    """The keyboard of the terminal `fd`, as a context manager in the main thread's running loop.

    Ctrl-C remains SIGINT. SIGTERM and SIGHUP raise SystemExit(128 + signal) in the loop, so that
    everything below it is cleaned up. `on_suspend` is called before Ctrl-Z stops the process, with
    the terminal's settings restored; `on_resume` is called when the process continues.
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
        self._settings = termios.tcgetattr(self._fd)
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
        # TCSAFLUSH discards unread input, so that it does not reach the shell.
        self._restore(termios.TCSAFLUSH)

    async def key(self) -> str:
        """Return the next key: ENTER or a character. Raises EOFError when the terminal is gone.

        Can be cancelled without losing a key.
        """
        key = await self._keys.get()
        if key is None:
            self._keys.put_nowait(None)  # so that later calls raise it as well
            raise EOFError("the terminal is gone")
        return key

    def forget(self) -> None:
        """Discard all keys pressed until now, so that an early Enter answers no later question."""
        forget_typed_ahead(self._fd)
        is_gone = False
        while not self._keys.empty():
            is_gone |= self._keys.get_nowait() is None
        if is_gone:
            self._keys.put_nowait(None)

    def _listen(self) -> None:
        settings = termios.tcgetattr(self._fd)
        settings[3] &= ~(termios.ECHO | termios.ICANON)
        settings[6][termios.VMIN], settings[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._fd, termios.TCSAFLUSH, settings)

    def _restore(self, when: int) -> None:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(self._fd, when, self._settings)

    def _suspend(self) -> None:
        self._restore(termios.TCSADRAIN)
        self._on_suspend()
        # SIGSTOP, because the kernel drops SIGTSTP in an orphaned process group.
        os.kill(os.getpid(), signal.SIGSTOP)

    def _resume(self) -> None:
        """Configure the terminal again, since the shell may have changed it during any SIGSTOP."""
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


@contextmanager
def without_echo(fd: int = 0) -> Iterator[None]:
    """Show nothing of what is typed on the terminal `fd`. Does nothing without one.

    Runs in the main thread. The terminal's settings are restored as by a Keyboard.
    """
    try:
        settings = termios.tcgetattr(fd)
    except termios.error:
        yield
        return

    def switch_off() -> None:
        silent = termios.tcgetattr(fd)
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(fd, termios.TCSANOW, silent)

    def restore() -> None:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(fd, termios.TCSANOW, settings)

    def suspend(*_: object) -> None:
        restore()
        os.kill(os.getpid(), signal.SIGSTOP)
        with suppress(termios.error):
            switch_off()

    handlers = {one: signal.signal(one, lambda number, _: _end(number)) for one in _ENDS}
    handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, suspend)
    try:
        switch_off()
        yield
    finally:
        restore()
        for one, handler in handlers.items():
            signal.signal(one, handler)


def forget_typed_ahead(fd: int = 0) -> None:
    """Discard what was typed on the terminal `fd` and not read yet. Does nothing without one."""
    with suppress(termios.error):
        termios.tcflush(fd, termios.TCIFLUSH)


def keys_in(text: str) -> Iterator[str]:
    """Yield the keys in a terminal's `text`, without arrows and others that are not characters."""
    for letter in _SEQUENCE.sub("", text):
        if letter in "\r\n":
            yield ENTER
        elif letter.isprintable():
            yield letter


def _end(signal_number: int) -> None:
    raise SystemExit(128 + signal_number)
