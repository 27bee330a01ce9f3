"""Machines with the package installed, and a broker on this one: `make vm-test`."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.broker_fixtures import broker, subscriber
from tests.support.mosquitto import Authority
from tests.vm.gateway import Gateway
from tests.vm.image import Image, ImageError, image
from tests.vm.machine import Machine, make_state_disk, overlay

__all__ = ["broker", "subscriber"]

ROOT = Path(__file__).parents[2]
#: Sockets in the directory of `machine`: the other ends of its UART and of its USB adapter.
RADIO, PEDALS = "radio", "pedals"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--in-vm", action="store_true", help="run what needs a virtual machine")


@dataclass(frozen=True, slots=True)
class Installed:
    """A machine that is switched off; `system` and `state` are copied before they are used."""

    image: Image
    system: Path
    state: Path
    #: What apt said; and the daemon, in its first config.
    said: str
    first_log: str
    first_status: str


@pytest.fixture(scope="session")
def debian(pytestconfig: pytest.Config) -> Image:
    if not pytestconfig.getoption("--in-vm", default=False):
        pytest.skip("takes minutes: make vm-test")
    try:
        return image()
    except ImageError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("vm")
    yield directory
    shutil.rmtree(directory, ignore_errors=True)  # gigabytes


@pytest.fixture(scope="session")
def authority(directory: Path) -> Authority:
    return Authority(directory / "authority")


@pytest.fixture(scope="session")
def installed(debian: Image, authority: Authority, directory: Path) -> Installed:
    """Installed as README says, and with certificates for a broker of `authority`."""
    packages = sorted((ROOT / "dist").glob("alleycat-gateway_*_amd64.deb"))
    assert packages, "no package is built: make deb"
    package = max(packages, key=lambda package: package.stat().st_mtime)
    system = overlay(debian.root, directory / "installed.qcow2", "raw")
    state = make_state_disk(directory / "installed.state")
    shared = f"local,path={package.parent},mount_tag=deb,security_model=none,readonly=on"
    with Machine(
        directory / "install", debian, system, state, devices=["-virtfs", shared]
    ) as machine:
        gateway = Gateway(machine)
        said = gateway.install(package)
        gateway.wait_for_log("not set up yet")
        first = gateway.log(), gateway.property("StatusText")
        gateway.set_up(authority)
        machine.shut_down()
    return Installed(debian, system, state, said, *first)


@pytest.fixture(scope="module")
def booted(installed: Installed, directory: Path) -> Iterator[Machine]:
    """Switched on again after the installation, and nothing done to it."""
    with switched_on(installed, directory / "booted") as machine:
        yield machine


@pytest.fixture(scope="session")
def machine(installed: Installed, directory: Path) -> Iterator[Machine]:
    """For bikes: it has a UART, and a USB with nothing on it."""
    own = directory / "machine"
    devices = [
        *("-chardev", f"socket,id=radio,path={own / RADIO},server=on,wait=off"),
        *("-device", "isa-serial,chardev=radio,index=1"),
        *("-chardev", f"socket,id=pedals,path={own / PEDALS},server=on,wait=off"),
        *("-device", "qemu-xhci"),
    ]
    with switched_on(installed, own, devices) as machine:
        yield machine


def switched_on(installed: Installed, directory: Path, devices: Sequence[str] = ()) -> Machine:
    """On copies of its disks; the block ends by pulling its plug."""
    directory.mkdir()
    state = Path(shutil.copy(installed.state, directory / "state"))
    system = overlay(installed.system, directory / "system.qcow2")
    return Machine(directory, installed.image, system, state, devices=devices)
