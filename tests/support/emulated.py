"""What a person sees of what was written to a terminal: the screen, not the bytes."""

import pyte


def emulated(written: str, columns: int = 80, rows: int = 24) -> list[str]:
    """Its rows from the top to the last that is not empty, after all of it was written."""
    screen = pyte.Screen(columns, rows)
    stream = pyte.Stream(screen)
    stream.feed(written.replace("\r\n", "\n").replace("\n", "\r\n"))  # as a tty does (ONLCR)
    return "\n".join(line.rstrip() for line in screen.display).rstrip("\n").split("\n")
