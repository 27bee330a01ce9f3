"""Is the state directory on something that outlives the power?"""

import os
import re
from pathlib import Path

#: File systems whose content is in memory, or in an overlay that usually is (raspi-config's
#: "overlay file system" puts the whole system there).
VOLATILE = ("tmpfs", "ramfs", "overlay", "squashfs")

MOUNTS = Path("/proc/self/mountinfo")


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


def _unescaped(path: str) -> str:
    """The kernel writes a space as \\040, and so on."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)
