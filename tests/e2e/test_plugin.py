"""A driver of somebody else: installed from its own package into an environment of its own."""

import json
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "example-driver"


def bike(number: int, driver: str, options: str) -> str:
    return (
        f'[[bikes]]\nid = "bike-{number}"\nracer_id = {number}\nracer_name = "Rider"\n'
        f'class_id = 1\ndriver = "{driver}"\noptions = {options}\n'
    )


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of its own, but for the gateway and what it needs, which are seen from this one."""
    directory = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
    (site,) = directory.glob("lib/python3*/site-packages")
    here = sysconfig.get_path("purelib")
    (site / "gateway.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    return directory


def install(environment: Path, package: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", environment / "bin" / "python"),
            *("install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", package),
        ],
        check=True,
    )


@contextmanager
def sending(port: int) -> Iterator[None]:
    """The bike: a rider at 82.5 rpm, ten times a second."""
    stop = threading.Event()
    datagram = json.dumps({"cadence": 82.5, "resistance": 40, "power": 150}).encode()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bike:
            while not stop.wait(0.1):
                bike.sendto(datagram, ("127.0.0.1", port))

    thread = threading.Thread(target=send)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_plugin_driver_can_be_installed_and_races(
    environment: Path,
    gateway: GatewayProcess,
    broker: Mosquitto,
    subscriber: Subscriber,
    unused_udp_port: int,
    tmp_path: Path,
) -> None:
    package = Path(shutil.copytree(EXAMPLE, tmp_path / "example-driver"))
    install(environment, package)
    gateway.python = str(environment / "bin" / "python")
    gateway.cloud["port"] = broker.port
    gateway.bikes = [bike(1, "udp", f"{{ port = {unused_udp_port} }}")]
    with sending(unused_udp_port):
        gateway.start()
        messages = subscriber.wait_for(lambda messages: len(messages) >= 3)
    assert {(m.bike_id, m.cadence, m.resistance, m.power) for m in messages[1:]} == {
        ("bike-1", 82.5, 40, 150)
    }


def test_example_driver_passes_its_own_tests(environment: Path, tmp_path: Path) -> None:
    package = Path(shutil.copytree(EXAMPLE, tmp_path / "example-driver"))
    install(environment, package)
    tested = subprocess.run(
        [environment / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=package,
        check=True,
        capture_output=True,
        text=True,
    )
    assert " passed" in tested.stdout


def test_plugin_that_cannot_be_imported_is_logged_and_other_bikes_race(
    environment: Path,
    gateway: GatewayProcess,
    broker: Mosquitto,
    subscriber: Subscriber,
    tmp_path: Path,
) -> None:
    package = tmp_path / "broken"
    package.mkdir()
    (package / "broken_bike.py").write_text("import a_library_that_is_not_there\n")
    (package / "pyproject.toml").write_text(
        (EXAMPLE / "pyproject.toml")
        .read_text()
        .replace("udp_bike:UdpBike", "broken_bike:Bike")
        .replace("udp_bike.py", "broken_bike.py")
        .replace("udp = ", "broken = ")
        .replace("udp-bike", "broken-bike")
    )
    install(environment, package)
    gateway.python = str(environment / "bin" / "python")
    gateway.cloud["port"] = broker.port
    gateway.bikes = [bike(1, "broken", "{}"), bike(2, "fake", "{ seed = 2 }")]
    gateway.start()
    messages = subscriber.wait_for(lambda messages: len(messages) >= 3)
    assert {m.bike_id for m in messages if m.event == "update"} == {"bike-2"}
    assert "No module named 'a_library_that_is_not_there'" in gateway.log


def test_driver_guide_shows_the_code_of_the_example() -> None:
    page = (DOCS / "writing-a-driver.md").read_text()
    example, tests = ((EXAMPLE / name).read_text() for name in ("udp_bike.py", "test_udp_bike.py"))
    signatures, entry_point, _, test = re.findall(r"```(?:python|toml)\n(.*?)```", page, re.DOTALL)
    for code, source in ((signatures, example), (test, tests)):
        for line in code.splitlines():
            assert line.removesuffix(" ...") in source
    assert entry_point in (EXAMPLE / "pyproject.toml").read_text()


def test_driver_guide_config_fits_the_example() -> None:
    page = (DOCS / "writing-a-driver.md").read_text()
    *_, config = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (table,) = tomllib.loads(config)["bikes"]
    assert table["driver"] == "udp"
    assert set(table["options"]) <= set(
        re.findall(r"^    (\w+): ", (EXAMPLE / "udp_bike.py").read_text(), re.MULTILINE)
    )
