"""Files in the state_dir are its owner's, also when root has made them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_owner_of(directory: Path) -> Iterator[None]:
    """As root, act as who owns `directory`: the service could not replace what is root's.

    For everybody else, and where there is no such directory yet, nothing is different.
    """
    if os.geteuid() != 0 or not directory.exists():
        yield
        return
    owner, group = directory.stat(), os.getegid()
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
