"""The spine of the end-to-end tests, a disk to spoil, and `--kills`.

`--kills` is known where this folder is named: `pytest tests/durability --kills 200`.
"""

from pathlib import Path

import pytest

from tests.e2e.conftest import gateway, network
from tests.support.bad_disk import BadDisk
from tests.support.broker_fixtures import authority, broker, subscriber
from tests.support.gateway_process import GatewayProcess

__all__ = ["authority", "broker", "gateway", "network", "subscriber"]

#: As many as fit into a run of all tests.
KILLS = 24


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills", type=int, default=KILLS, metavar="N", help="how often a daemon is killed"
    )


@pytest.fixture(scope="session")
def kills(pytestconfig: pytest.Config) -> int:
    number: int = pytestconfig.getoption("--kills", KILLS)
    return number


@pytest.fixture
def disk(tmp_path: Path, gateway: GatewayProcess) -> BadDisk:
    """The disk that the daemon's state lies on."""
    disk = BadDisk(tmp_path, tmp_path / "state")
    gateway.environment = disk.environment
    return disk
