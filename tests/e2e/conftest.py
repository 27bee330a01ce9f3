"""The real daemon as a real process, a real mosquitto with mutual TLS, a cable to pull."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.simulation.demo.network import Network, open_network
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.subscriber import Subscriber


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def broker(tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto", authority) as broker:
        yield broker


@pytest.fixture
def subscriber(broker: Mosquitto, authority: Authority) -> Iterator[Subscriber]:
    subscriber = Subscriber(broker.port, authority.issue("subscriber"))
    yield subscriber
    subscriber.stop()


@pytest.fixture
async def network(broker: Mosquitto) -> AsyncIterator[Network]:
    async with open_network(broker.port) as network:
        yield network


@pytest.fixture
def gateway(tmp_path: Path, authority: Authority) -> Iterator[GatewayProcess]:
    """Two fake bikes, races of ten seconds. Give it a port and start it."""
    gateway = GatewayProcess(tmp_path, authority.issue("gateway-1"))
    yield gateway
    gateway.kill()
