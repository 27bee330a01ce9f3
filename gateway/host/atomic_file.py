"""Small files that are replaced whole or not at all, and on disk when that returns."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Of what is written: nobody else's affair.
MODE = 0o600


def replace_file(path: Path, content: bytes) -> None:
    """`path` has `content` then, or, if OSError is raised, what it had before."""
    with drafted(path, content) as draft:
        draft.replace(path)
    sync_directory(path.parent)


@contextmanager
def drafted(path: Path, content: bytes) -> Iterator[Path]:
    """A file beside `path` that is wholly on disk; gone afterwards, unless it was moved."""
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("wb") as file:
            os.fchmod(file.fileno(), MODE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        with suppress(OSError):
            draft.unlink()


def sync_directory(directory: Path) -> None:
    """Its names are on disk then. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
