"""The devices that systemd lets the service use: DevicePolicy= and DeviceAllow= of its unit.

See systemd.resource-control(5). What the policy forbids fails with EPERM, whatever the device's
owner and mode, and only in the service: other commands run without the policy.
"""

import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

UNIT = "alleycat-gateway"
#: Pseudo-terminals are always allowed.
_ALWAYS = "char-pts rw"


@dataclass(frozen=True, slots=True)
class DevicePolicy:
    """The devices of a unit: with `is_closed` only those in `allowed`, such as "char-ttyUSB rw"."""

    is_closed: bool = False
    allowed: tuple[str, ...] = ()

    def allows(self, device: str, root: Path = Path("/")) -> bool:
        """Return whether the unit may read and write a device, or there is none of this name."""
        try:
            found = os.stat(device)
        except OSError:
            return True
        if not self.is_closed or not stat.S_ISCHR(found.st_mode):
            return True
        drivers = _driver_names(os.major(found.st_rdev), root)
        return any(_covers(one, found.st_rdev, drivers) for one in (*self.allowed, _ALWAYS))


def _driver_names(major: int, root: Path) -> list[str]:
    """Return the names of a major number in /proc/devices, whose first part lists characters."""
    text = (root / "proc/devices").read_text(encoding="utf-8", errors="replace")
    return re.findall(rf"(?m)^ *{major} (\S+)$", text.partition("Block devices:")[0])


def _covers(entry: str, number: int, drivers: list[str]) -> bool:
    node, _, access = entry.partition(" ")
    if not {"r", "w"} <= set(access or "rwm"):
        return False
    if node.startswith("char-"):
        return any(fnmatchcase(name, node.removeprefix("char-")) for name in drivers)
    try:
        return os.stat(node).st_rdev == number
    except OSError:
        return False


def service_policy() -> DevicePolicy:
    """Return the policy of the service, as systemd has loaded it; without systemd an open one."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return DevicePolicy()
    command = [systemctl, "show", UNIT, "--property=DevicePolicy,DeviceAllow"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return policy_from(shown.stdout)


def policy_from(shown: str) -> DevicePolicy:
    """Return the policy in the output of `systemctl show`."""
    allowed = tuple(re.findall(r"(?m)^DeviceAllow=(.+)$", shown))
    is_auto = re.search(r"(?m)^DevicePolicy=(closed|strict)$", shown) is None
    return DevicePolicy(is_closed=bool(allowed) or not is_auto, allowed=allowed)
