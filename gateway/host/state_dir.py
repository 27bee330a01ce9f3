"""The state directory: one process has it, its files are its owner's, it outlives the power.

Two processes would answer for the same seconds and the same thing.
"""

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from gateway.host.errors import GatewayError

#: A disk in this state is no reason not to race.
DISK_TROUBLE = (errno.EROFS, errno.ENOSPC, errno.EIO)

#: File systems whose content is in memory, or in an overlay that usually is (raspi-config's
#: "overlay file system" puts the whole system there).
VOLATILE = ("tmpfs", "ramfs", "overlay", "squashfs")

MOUNTS = Path("/proc/self/mountinfo")

log = structlog.get_logger()


class StateDirError(GatewayError):
    """The state directory cannot be used. The text says why and what to do."""

    def __init__(self, directory: Path, text: str) -> None:
        super().__init__(text)
        self.directory = directory


@contextmanager
def locked_state_dir(directory: Path) -> Iterator[None]:
    """Make the directory if need be and hold its lock. Raises StateDirError.

    The directory itself is locked, so that a full or read-only disk does not stand in the way.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in DISK_TROUBLE:
            raise _unusable(directory, error.strerror) from error
        log.error("no state directory", state_dir=str(directory), reason=error.strerror)
        yield
        return
    try:
        if not os.access(directory, os.W_OK) and not _is_read_only(directory):
            raise _unusable(directory, os.strerror(errno.EACCES))
        _lock(descriptor, directory)
        yield
    finally:
        os.close(descriptor)


def is_in_use(directory: Path) -> bool:
    """A gateway holds the directory. Raises PermissionError if that may not be asked.

    Held ourselves for an instant, in which a gateway's start would fail: ask its socket first.
    """
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


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


def volatile_file_system(directory: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of a file system that forgets, or None. Format: proc_pid_mountinfo(5)."""
    target = os.path.realpath(directory)
    best, kind = "", None
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        fields, _, rest = line.partition(" - ")
        mount_point = _unescaped(fields.split()[4])
        inside = target == mount_point or target.startswith(mount_point.rstrip("/") + "/")
        if inside and len(mount_point) >= len(best):
            best, kind = mount_point, rest.split()[0]
    return kind if kind in VOLATILE else None


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StateDirError(
            directory,
            f"state_dir {directory} is in use by another alleycat-gateway; "
            "stop that one, or give this one its own state_dir and thing_name",
        ) from error


def _is_read_only(directory: Path) -> bool:
    return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)


def _unusable(directory: Path, reason: str | None) -> StateDirError:
    text = f"state_dir {directory}: {reason}; expected a directory this user may write"
    return StateDirError(directory, text)


def _unescaped(path: str) -> str:
    """The kernel writes a space as \\040, and so on."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)
