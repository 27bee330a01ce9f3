"""Writing the configuration file: whole or not at all, and the one before it is kept."""

import grp
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gateway.host.atomic_file import Permissions, drafted, sync_directory

GROUP = "alleycat-gateway"
#: No secret is in it, but whose house it is need not be known to every user.
MODE = 0o640


def write_config(file: Path, text: str, check: Callable[[Path], object]) -> Path | None:
    """Replace the file by `text`, and return the path of the backup made of the old one.

    `check` is given the new file before it takes the old one's place; what it raises, and OSError,
    leave everything as it was. Owner and mode stay; a new file is root's and the service's.
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
        with suppress(KeyError):  # not installed as a service
            return Permissions(MODE, 0, grp.getgrnam(GROUP).gr_gid)
    return Permissions(MODE)


def _keep(target: Path, permissions: Permissions) -> Path:
    backup = target.with_name(f"{target.name}.bak")
    with drafted(backup, target.read_bytes(), permissions) as draft:
        draft.replace(backup)
    return backup
