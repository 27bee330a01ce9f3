"""The real daemon as a real process, a real mosquitto with mutual TLS, a cable to pull."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.simulation.demo.network import Network, open_network
from tests.support.broker_fixtures import authority, broker, subscriber
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Authority, Mosquitto

__all__ = ["authority", "broker", "subscriber"]


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
