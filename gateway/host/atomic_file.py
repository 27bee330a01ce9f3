"""Small files that are replaced atomically and are on disk afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


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


def replace_file(path: Path, content: bytes, permissions: Permissions = PRIVATE) -> None:
    """Replace the content of `path`. If OSError is raised, the old content is unchanged."""
    with drafted(path, content, permissions) as draft:
        draft.replace(path)
    sync_directory(path.parent)


@contextmanager
def drafted(path: Path, content: bytes, permissions: Permissions = PRIVATE) -> Iterator[Path]:
    """Yield a file next to `path` that is on disk; remove it at the end unless it was moved."""
    draft = path.with_name(f".{path.name}.new")
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
