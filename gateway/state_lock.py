"""One process per state directory: two would answer for the same seconds and the same thing."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StateDirError(Exception):
    """The state directory cannot be used. The text says why and what to do."""


@contextmanager
def locked_state_dir(directory: Path) -> Iterator[None]:
    """Make the directory if need be and hold its lock. Raises StateDirError."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (directory / "lock").open("a")
    except OSError as error:
        raise StateDirError(
            f"state_dir {directory}: {error.strerror}; expected a directory this user may write"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateDirError(
                f"state_dir {directory} is in use by another alleycat-gateway; "
                "stop that one, or give this one its own state_dir and thing_name"
            ) from error
        yield
