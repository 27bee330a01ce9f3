"""Small files that are replaced whole or not at all, and on disk when that returns."""

import os
from pathlib import Path

#: Of what is written: nobody else's affair.
MODE = 0o600


def replace_file(path: Path, content: bytes) -> None:
    """`path` has `content` then, or, if OSError is raised, what it had before."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        os.fchmod(file.fileno(), MODE)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Its names are on disk then. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
