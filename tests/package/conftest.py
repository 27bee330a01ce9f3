"""The built packages, and clean machines to install them on: `sudo make package-test`."""

import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package.debian import ROOT, Debian, make_system

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--in-debian", action="store_true", help="install the package in containers")


def built(architecture: str) -> Path:
    """The package that `make deb` has built last."""
    packages = sorted((ROOT / "dist").glob(f"alleycat-gateway_*_{architecture}.deb"))
    if not packages:
        pytest.skip("no package is built: make deb")
    return max(packages, key=lambda package: package.stat().st_mtime)


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Debian]:
    """Booted, with our package in /root."""
    if not request.config.getoption("--in-debian", default=False):
        pytest.skip("takes minutes: sudo make package-test")
    package = built(ARCHITECTURE)
    system = make_system(request.param)
    machine = Debian(system, tmp_path_factory.mktemp("machine") / request.param)
    shutil.copy(package, machine.directory / "root")
    try:
        machine.boot()
        yield machine
    finally:
        machine.halt()
        subprocess.run(["rm", "-rf", "--one-file-system", machine.directory], check=False)
