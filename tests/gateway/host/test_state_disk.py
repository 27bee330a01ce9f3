from pathlib import Path

import pytest

from gateway.host.state_disk import volatile_file_system

#: As `cat /proc/self/mountinfo` shows a Pi whose root is an overlay, with a data partition.
MOUNTS = """\
23 1 0:21 / / rw,noatime shared:1 - overlay overlay rw,lowerdir=/lower,upperdir=/upper
24 23 0:5 / /run rw,nosuid shared:2 - tmpfs tmpfs rw,size=781k
25 23 179:3 / /var/lib/alleycat\\040gateway rw shared:3 - ext4 /dev/mmcblk0p3 rw
26 23 179:4 / /data rw shared:4 - vfat /dev/sda1 rw
27 26 0:22 / /data/scratch rw shared:5 - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/var/lib/other", "overlay"),
        ("/var/lib/alleycat gateway", None),
        ("/var/lib/alleycat gateway/state", None),
        ("/run/alleycat", "tmpfs"),
        ("/runner", "overlay"),
        ("/data/state", None),
        ("/data/scratch/state", "tmpfs"),
    ],
)
def test_the_mount_that_a_directory_is_on(tmp_path: Path, directory: str, kind: str | None) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert volatile_file_system(Path(directory), mounts) == kind


def test_this_machines_memory_is_volatile() -> None:
    assert volatile_file_system(Path("/dev/shm/alleycat")) == "tmpfs"
