"""The package in a system that is not running, such as the image of an SD card while it is made.

There is no /proc, /run/systemd/system is there, but no systemd answers, and the user exists.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package.conftest import ARCHITECTURE, built
from tests.package.debian import make_system

CONFIG = "etc/alleycat-gateway/gateway.toml"
STATE = "var/lib/alleycat-gateway"
HOME = "usr/lib/alleycat-gateway"
ENABLED = "etc/systemd/system/multi-user.target.wants/alleycat-gateway.service"


@pytest.fixture(params=["bookworm", "trixie"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The root of a Debian in which the package is installed."""
    if not request.config.getoption("--in-debian", default=False):
        pytest.skip("takes minutes: sudo make package-test")
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["tar", "-C", root, "-xf", make_system(request.param)], check=True)
    (root / "run/systemd/system").mkdir(parents=True)
    run(root, "useradd --create-home --uid 1234 alleycat-gateway")
    shutil.copy(built(ARCHITECTURE), root / "root")
    run(root, "dpkg --install /root/*.deb")
    yield root
    subprocess.run(["rm", "-rf", "--one-file-system", root], check=False)


def run(root: Path, command: str) -> str:
    """What a shell command of root prints in the chroot."""
    done = subprocess.run(
        ["chroot", root, "sh", "-c", command],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_package_can_be_installed_and_purged_where_no_systemd_runs(system: Path) -> None:
    assert "install ok installed" in run(system, "dpkg --status alleycat-gateway")
    assert (system / ENABLED).is_symlink(), "the service starts at the first boot"
    places = [system / place for place in (CONFIG, STATE)]
    assert run(system, f"stat -c '%a %U %G' /etc/alleycat-gateway /{CONFIG} /{STATE}") == (
        "750 root alleycat-gateway\n640 root alleycat-gateway\n"
        "700 alleycat-gateway alleycat-gateway\n"
    )
    assert run(system, "alleycat-gateway --version").startswith("alleycat-gateway ")
    run(system, "dpkg --purge alleycat-gateway")
    left = [system / HOME, system / ENABLED, *places]
    assert [place for place in left if place.exists() or place.is_symlink()] == []
    assert "1234" in run(system, "getent passwd alleycat-gateway"), "the user stays"


def test_package_whose_files_were_deleted_by_hand_can_be_purged(system: Path) -> None:
    subprocess.run(["rm", "-r", system / HOME], check=True)
    run(system, "dpkg --purge alleycat-gateway")
    assert not (system / CONFIG).exists()
