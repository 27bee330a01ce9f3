"""The screen that a user sees after bytes were written to a terminal."""

import pyte


def emulated(written: str, columns: int = 80, rows: int = 24) -> list[str]:
    """Return the screen's rows after all was written, up to the last that is not empty."""
    screen = pyte.Screen(columns, rows)
    stream = pyte.Stream(screen)
    stream.feed(written.replace("\r\n", "\n").replace("\n", "\r\n"))  # as a tty does (ONLCR)
    return "\n".join(line.rstrip() for line in screen.display).rstrip("\n").split("\n")
