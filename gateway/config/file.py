"""Writing the config's file: whole or not at all, and the one before it is kept."""

import grp
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gateway.host.atomic_file import sync_directory

GROUP = "alleycat-gateway"
#: No secret is in it, but whose house it is need not be known to every user.
MODE = 0o640


def write_config(file: Path, text: str, check: Callable[[Path], object]) -> Path | None:
    """Replace the file by `text` and keep the old one beside it, whose path is given back.

    `check` is given the new file before it takes the old one's place; what it raises, and OSError,
    leave everything as it was. Owner and mode stay; a new file is root's and the service's.
    """
    target = file.resolve()
    old = target.stat() if target.exists() else None
    draft = _draft(target, text.encode(), old)
    try:
        check(draft)
        backup = None if old is None else _keep(target, old)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(target.parent)
    return backup


def _draft(target: Path, content: bytes, like: os.stat_result | None) -> Path:
    """A file beside the target, wholly on disk."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as draft:
            draft.write(content)
            draft.flush()
            _give(draft.fileno(), like)
            os.fsync(draft.fileno())
    except BaseException:
        os.unlink(name)
        raise
    return Path(name)


def _give(descriptor: int, like: os.stat_result | None) -> None:
    if like is not None:
        if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(descriptor, like.st_uid, like.st_gid)
        os.fchmod(descriptor, like.st_mode & 0o7777)
        return
    os.fchmod(descriptor, MODE)
    if os.geteuid() == 0:
        with suppress(KeyError):  # not installed as a service
            os.fchown(descriptor, 0, grp.getgrnam(GROUP).gr_gid)


def _keep(target: Path, old: os.stat_result) -> Path:
    backup = target.with_name(f"{target.name}.bak")
    _draft(backup, target.read_bytes(), old).replace(backup)
    return backup
