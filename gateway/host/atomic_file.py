"""Small files: read with care, replaced atomically, and on disk afterwards."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.host.set_aside import set_aside


@dataclass(frozen=True, slots=True)
class Permissions:
    """The mode of a file, and its owner and group; -1 means those of this process."""

    mode: int
    uid: int = -1
    gid: int = -1

    @classmethod
    def of(cls, file: os.stat_result) -> "Permissions":
        """Return the permissions of a file."""
        return cls(file.st_mode & 0o7777, file.st_uid, file.st_gid)

    @property
    def is_own(self) -> bool:
        """Whether owner and group are those of this process.

        The service could not change them: its unit forbids chown, even to what they are.
        """
        return self.uid in (-1, os.geteuid()) and self.gid in (-1, os.getegid())


#: Readable and writable by the owner only.
PRIVATE = Permissions(0o600)

#: What may be in the place of a file, by its type in stat(2).
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def other_kind(path: Path) -> str | None:
    """Return what is at `path` in words if it is not a regular file; None if it is. Raises OSError.

    A link counts as what it leads to.
    """
    mode = path.stat().st_mode
    return None if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "of an unknown kind")


def read_file(path: Path, max_bytes: int) -> bytes:
    """Return the content of a small file. Raises OSError, or ValueError if it is something else.

    Never waits: opening a FIFO would block until another process writes into it.
    """
    kind = other_kind(path)
    if kind is not None:
        raise ValueError(f"it is {kind}; expected a file")
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(f"it is larger than {max_bytes} bytes, the limit of such a file")
    return content


def replace_file(path: Path, content: bytes, permissions: Permissions = PRIVATE) -> None:
    """Replace the content of `path`. If OSError is raised, the old content is unchanged."""
    with drafted(path, content, permissions) as draft:
        draft.replace(path)
    sync_directory(path.parent)


@contextmanager
def drafted(path: Path, content: bytes, permissions: Permissions = PRIVATE) -> Iterator[Path]:
    """Yield a file next to `path` that is on disk; remove it at the end unless it was moved."""
    draft = path.with_name(f".{path.name}.new")
    if draft.is_dir() and not draft.is_symlink():
        set_aside(draft)
    draft.unlink(missing_ok=True)  # left by a process that was killed
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE.mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if not permissions.is_own:
                os.fchown(descriptor, permissions.uid, permissions.gid)
            os.fchmod(descriptor, permissions.mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        yield draft
    finally:
        with suppress(OSError):
            draft.unlink()


def sync_directory(directory: Path) -> None:
    """Write the directory's entries to disk. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
