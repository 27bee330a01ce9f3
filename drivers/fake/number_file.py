"""A number in a file, by which a test or a second terminal tells the fake rider what to do."""

from pathlib import Path

#: More than any number in words has; a file is not read beyond it.
_MOST_BYTES = 64


def number_in(file: Path, most: float) -> float | None:
    """From 0 to `most`, as text. None: there is no such number, or no file."""
    try:
        with file.open("rb") as opened:
            number = float(opened.read(_MOST_BYTES))
    except (OSError, ValueError):
        return None
    return number if 0 <= number <= most else None
