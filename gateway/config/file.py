"""The config file: read with care, and replaced atomically, with a backup of the previous one."""

import grp
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gateway.host.atomic_file import Permissions, drafted, read_file, sync_directory

GROUP = "alleycat-gateway"
#: The file contains no secrets, but not every user needs to know whose bikes these are.
MODE = 0o640
#: Limit of the file's size, in bytes: a bike takes some 200.
MAX_BYTES = 4 * 1024 * 1024


def config_text(file: Path) -> str:
    """Return the text of a config. Raises OSError, or ValueError if it is no file or no text."""
    text = read_file(file, MAX_BYTES).decode("utf-8-sig")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def write_config(file: Path, text: str, check: Callable[[Path], object]) -> Path | None:
    """Replace the file by `text`; return the path of the old file's backup, None without one.

    `check` is called with the new file before it replaces the old one. If it raises, or on OSError,
    nothing is changed. Owner and mode are kept; a new file belongs to root and the service's group.
    """
    target = file.resolve()
    old = Permissions.of(target.stat()) if target.exists() else None
    with drafted(target, text.encode(), old or _new_file_permissions()) as draft:
        check(draft)
        backup = None if old is None else _keep(target, old)
        draft.replace(target)
    sync_directory(target.parent)
    return backup


def _new_file_permissions() -> Permissions:
    if os.geteuid() == 0:
        with suppress(KeyError):  # the service is not installed
            return Permissions(MODE, 0, grp.getgrnam(GROUP).gr_gid)
    return Permissions(MODE)


def _keep(target: Path, permissions: Permissions) -> Path:
    backup = target.with_name(f"{target.name}.bak")
    with drafted(backup, target.read_bytes(), permissions) as draft:
        draft.replace(backup)
    return backup
