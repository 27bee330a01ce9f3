"""The state directory: locked by one process, owned by one user, and on a permanent disk.

Two processes would publish the same seconds under the same thing.
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

#: Disk errors despite which the gateway races.
DISK_TROUBLE = (errno.EROFS, errno.ENOSPC, errno.EIO)

#: File systems whose content is in memory, or in an overlay that usually is in memory
#: (raspi-config's "overlay file system" puts the whole system there).
VOLATILE = ("tmpfs", "ramfs", "overlay", "squashfs")

MOUNTS = Path("/proc/self/mountinfo")

log = structlog.get_logger()


class StateDirError(GatewayError):
    """An unusable state directory. The text gives the reason and a remedy."""

    def __init__(self, directory: Path, text: str) -> None:
        super().__init__(text)
        self.directory = directory


@contextmanager
def locked_state_dir(directory: Path) -> Iterator[None]:
    """Create the directory if needed, and lock it. Raises StateDirError.

    The lock is on the directory itself, so that it works on a full or read-only disk.
    """
    try:
        with as_owner_of(directory.parent):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in DISK_TROUBLE:
            raise _unusable(directory, error.strerror) from error
        log.error("state directory not usable", state_dir=str(directory), reason=error.strerror)
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
    """Return whether a gateway has locked the directory. Raises PermissionError.

    This takes the lock for an instant, in which a gateway would fail to start: ask its socket
    first.
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
    """Let root use files as the owner of `directory`: the service could not replace root's files.

    Applies to this thread and to those that it starts meanwhile. Nothing changes for other users,
    or if the directory does not exist.
    """
    owner = _owner_for_root(directory)
    if owner is None:
        yield
        return
    _use_files_as(*owner)
    try:
        yield
    finally:
        _use_files_as(0, os.getegid())


def stay_owner_of(directory: Path) -> None:
    """Let this thread of root use files as the owner of `directory` from now on."""
    owner = _owner_for_root(directory)
    if owner is not None:
        _use_files_as(*owner)


def _owner_for_root(directory: Path) -> tuple[int, int] | None:
    """Return user and group of a directory; None if they are ours, or if we are not root."""
    if os.geteuid() != 0:
        return None
    try:
        owner = directory.stat()
    except OSError:
        return None
    ids = owner.st_uid, owner.st_gid
    return None if ids == (os.geteuid(), os.getegid()) else ids


def _use_files_as(uid: int, gid: int) -> None:
    """Set who accesses and creates files in this thread: see setfsuid(2).

    os.seteuid() would change all threads: one of them could not open a serial port meanwhile.
    """
    import ctypes  # noqa: PLC0415

    libc = ctypes.CDLL(None)
    libc.setfsgid(gid)
    libc.setfsuid(uid)


def volatile_file_system(directory: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the type of the directory's file system if it is volatile, else None.

    The format of `mounts` is described in proc_pid_mountinfo(5).
    """
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
            "stop that gateway, or give this one its own state_dir and thing_name",
        ) from error


def _is_read_only(directory: Path) -> bool:
    return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)


def _unusable(directory: Path, reason: str | None) -> StateDirError:
    text = f"state_dir {directory}: {reason}; expected a directory that this user can write to"
    return StateDirError(directory, text)


def _unescaped(path: str) -> str:
    r"""Replace the kernel's octal escapes, such as \040 for a space, by their characters."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)
