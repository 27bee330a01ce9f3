"""Things in the state directory that cannot be used: set aside for the curious, and bounded."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Limit of files set aside that are kept of each name; the oldest is deleted first.
KEPT = 3

_SET_ASIDE = re.compile(r"(.+)\.damaged-(\d+)")


def set_aside(path: Path) -> Path:
    """Move a file, or whatever is in its place, out of the way. Return its new path.

    It is `<name>.damaged-<number>`; the newest has the highest number. Raises OSError.
    """
    earlier = sorted(_set_aside(path.parent, path.name))
    number = earlier[-1][0] + 1 if earlier else 1
    aside = path.with_name(f"{path.name}.damaged-{number}")
    path.rename(aside)
    for _, old in earlier[: 1 - KEPT]:
        with suppress(OSError):  # a directory stays: the gateway made none of these
            old.unlink()
    return aside


def count_set_aside(directory: Path) -> int:
    """Return how many files in a directory have been set aside, by any part of the gateway."""
    try:
        return sum(1 for _ in _set_aside(directory))
    except OSError:
        return 0


def _set_aside(directory: Path, name: str | None = None) -> Iterator[tuple[int, Path]]:
    """Yield the number and the path of each file that was set aside, of one name or of all."""
    for path in directory.iterdir():
        match = _SET_ASIDE.fullmatch(path.name)
        if match and name in (None, match[1]):
            yield int(match[2]), path
