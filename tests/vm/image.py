"""The disk of a Debian that QEMU boots, made once and kept outside the repository.

mmdebstrap makes the system, `mke2fs -d` puts it into a file system: no mount, no loop device.
Kernel and initrd lie beside it, since QEMU boots them directly. It needs root, for the owners of
files.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path.home() / ".cache" / "alleycat-gateway-vm"
SUITE = "bookworm"
SIZE = "3G"
#: What a Raspberry Pi has anyway, and by which we give commands: QEMU's own guest agent.
PACKAGES = (
    *("linux-image-amd64", "systemd-sysv", "dbus", "udev", "kmod", "procps"),
    *("python3", "bluez", "sudo", "qemu-guest-agent"),
)
#: Not unpacked: these are half of the disk, and no bike needs them.
LEFT_OUT = (
    *("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"),
    *(f"/lib/modules/*/kernel/{part}/*" for part in ("drivers/gpu", "drivers/media", "sound")),
    *(f"/lib/modules/*/kernel/drivers/{part}/*" for part in ("infiniband", "iio", "scsi", "md")),
    *(f"/lib/modules/*/kernel/drivers/net/{part}/*" for part in ("ethernet", "wireless")),
)
#: By path: content. The state directory has a disk of its own, as QEMU's user network an address.
FILES = {
    "etc/hostname": "pi\n",
    "etc/hosts": "127.0.0.1 localhost pi\n",
    "etc/fstab": (
        "/dev/vda / ext4 noatime 0 1\n/dev/vdb /var/lib/alleycat-gateway ext4 noatime 0 2\n"
    ),
    "etc/systemd/network/eth0.network": (
        "[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n"
        "LinkLocalAddressing=no\n"
    ),
    "etc/systemd/journald.conf.d/persistent.conf": "[Journal]\nStorage=persistent\n",
}
INITRD = """\
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/etc/initramfs-tools/hooks"
echo MODULES=list > "$1/etc/initramfs-tools/conf.d/modules"
cat > "$1/etc/initramfs-tools/hooks/disk" <<'END'
#!/bin/sh
[ "$1" = prereqs ] && exit
. /usr/share/initramfs-tools/hook-functions
manual_add_modules virtio_pci virtio_blk ext4
END
chmod +x "$1/etc/initramfs-tools/hooks/disk"
"""
#: Nobody logs in, and nothing is updated.
SETTLED = """\
systemctl --root="$1" enable systemd-networkd
systemctl --root="$1" disable systemd-networkd-wait-online
systemctl --root="$1" mask getty.target apt-daily.timer apt-daily-upgrade.timer \
    dpkg-db-backup.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service \
    systemd-timesyncd.service
"""


class ImageError(Exception):
    """Why there is no image here."""


@dataclass(frozen=True, slots=True)
class Image:
    """The root file system is never written to: every machine has an overlay of its own."""

    root: Path
    kernel: Path
    initrd: Path


def image() -> Image:
    """That of this recipe; made if there is none yet, which takes a minute. Raises ImageError."""
    recipe = repr((SUITE, SIZE, PACKAGES, LEFT_OUT, FILES, INITRD, SETTLED))
    kept = CACHE / hashlib.sha256(recipe.encode()).hexdigest()[:16]
    if not kept.exists():
        if os.geteuid() != 0:
            raise ImageError("to make Debian's disk takes root: sudo make vm-test")
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="making-") as making:
            _make(Path(making))
            (Path(making) / "image").rename(kept)
        for old in CACHE.iterdir():
            if old != kept:
                shutil.rmtree(old, ignore_errors=True)
    return Image(kept / "root.ext4", kept / "vmlinuz", kept / "initrd.img")


def _make(directory: Path) -> None:
    system, made = directory / "system", directory / "image"
    made.mkdir()
    _run(
        *("mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        *(f"--essential-hook={INITRD}", f"--customize-hook={SETTLED}"),
        *(SUITE, str(system)),
    )
    for path, content in FILES.items():
        file = system / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    for name in ("vmlinuz", "initrd.img"):
        shutil.copy(system / name, made / name)
    _run("mke2fs", "-q", "-t", "ext4", "-d", str(system), str(made / "root.ext4"), SIZE)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, stdout=sys.stderr.fileno(), stderr=subprocess.PIPE)
    if done.returncode:
        said = done.stderr.decode(errors="replace")[-1000:]
        raise ImageError(f"Debian's disk cannot be made here: {command[0]} says\n{said}")


def main() -> None:
    try:
        print(image().root)
    except ImageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
