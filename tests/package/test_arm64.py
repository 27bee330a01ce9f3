"""The Pi's package on a Pi's processor, emulated: its native code loads on both Debians' Python."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.package.conftest import built
from tests.package.debian import make_tar

EMULATOR = "qemu-aarch64-static"
#: Everything with native code, and our own command. Emulated, an import takes its time.
PROGRAM = """
import platform, sys
import awscrt.mqtt5, cryptography.x509, dbus_fast.message_bus, pydantic_core, bleak, serial
import gateway.cli.app
print(platform.machine(), sys.version_info[:2], sys.prefix, dbus_fast.message_bus.__file__)
"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("suite", "minor"), [("bookworm", 11), ("trixie", 13)])
def test_arm64_package_loads_its_native_code(
    request: pytest.FixtureRequest, tmp_path: Path, suite: str, minor: int
) -> None:
    if not request.config.getoption("--in-debian", default=False):
        pytest.skip("takes minutes: sudo make package-test")
    emulator = shutil.which(EMULATOR)
    if emulator is None:
        pytest.skip(f"{EMULATOR} is not installed: apt install qemu-user-static")
    # Unpacked only: nothing in it needs to run before.
    system = ("--architectures=arm64", "--variant=extract", "--include=base-files,python3")
    tar = make_tar(f"{suite}-arm64", *system, suite)
    subprocess.run(["tar", "-C", tmp_path, "-xf", tar], check=True)
    subprocess.run(["dpkg-deb", "--extract", built("arm64"), tmp_path], check=True)
    shutil.copy(emulator, tmp_path)
    home = "/usr/lib/alleycat-gateway"
    command = ["chroot", str(tmp_path), f"/{EMULATOR}", f"{home}/bin/python3", "-c", PROGRAM]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.stderr == ""
    native = f"dbus_fast/message_bus.cpython-3{minor}-aarch64-linux-gnu.so"
    assert done.stdout.strip() == (
        f"aarch64 (3, {minor}) {home} {home}/lib/python3.{minor}/site-packages/{native}"
    )
