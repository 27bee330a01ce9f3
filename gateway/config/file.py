"""The config file: read with care, and replaced atomically, with a backup of the previous one."""

import grp
import os
import tomllib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway.host.atomic_file import Permissions, drafted, read_file, sync_directory

GROUP = "alleycat-gateway"
#: The file contains no secrets, but not every user needs to know whose bikes these are.
MODE = 0o640
#: Limit of the file's size, in bytes: a bike takes some 200.
MAX_BYTES = 4 * 1024 * 1024
#: Limit of the lists and tables inside each other. Options need three or four; each library that
#: reads or writes a config fails at a depth of its own, the first of them at some 100.
NESTED_MAX = 32


def config_text(file: Path) -> str:
    """Return the text of a config. Raises OSError, or ValueError if it is not a text file."""
    text = read_file(file, MAX_BYTES).decode("utf-8-sig")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parsed_toml(text: str) -> dict[str, Any]:
    """Return the content of a text in TOML. Raises ValueError."""
    too_deep = f"lists or tables are nested more than {NESTED_MAX} deep"
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise ValueError(too_deep) from None
    level: list[Any] = [content]
    for _ in range(NESTED_MAX + 1):
        level = [inner for one in level for inner in _inside(one)]
    if level:
        raise ValueError(too_deep)
    return content


def _inside(value: Any) -> Iterable[Any]:
    """Return what is directly inside a list or table; nothing for other values."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


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
