"""`run` itself is shown in tests/e2e; here what it does before the daemon begins."""

import re
from pathlib import Path

import pytest

from gateway.cli.run import _with_fake_bikes
from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.gateways import config
from tests.support.mosquitto import Authority


def test_fake_bikes_take_the_places_and_ride_as_the_races_do(tmp_path: Path) -> None:
    real = config(tmp_path, [{"scenario": "climb"}, {}], race={"length_s": 60, "offset_ms": 7})
    fakes = _with_fake_bikes(real).bikes
    assert [(bike.id, bike.racer) for bike in fakes] == [
        (bike.id, bike.racer) for bike in real.bikes
    ]
    assert [bike.options for bike in fakes] == [
        {"seed": number, "ride_s": 60, "ride_offset_ms": 7} for number in (1, 2)
    ]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What a gateway with fake bikes has imported once it races and has reported its status."""
    directory = tmp_path_factory.mktemp("run")
    gateway = GatewayProcess(directory, Authority(directory / "authority").issue("gateway-1"))
    gateway.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    gateway.start()
    try:
        alleycat_gateway("status", "--config", str(gateway.config_file))
    finally:
        gateway.terminate()
    # A package counts with the first module in it: Python also lists what it did not find.
    return set(re.findall(r"^import time:.*\| +(\w+)\.\S+$", gateway.log, re.MULTILINE))


@pytest.mark.parametrize(
    "unused",
    ["rich", "cryptography", "sqlite3", "tomlkit", "aiohttp", "boto3", "prometheus_client"],
)
def test_run_imports_nothing_that_it_does_not_use(unused: str, imported: set[str]) -> None:
    assert "awscrt" in imported
    assert unused not in imported


@pytest.mark.parametrize("library", ["bleak", "dbus_fast", "serial", "openant"])
def test_run_imports_no_library_of_a_driver_without_a_bike(
    library: str, imported: set[str]
) -> None:
    assert library not in imported
