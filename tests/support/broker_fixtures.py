"""Fixtures for tests with a real broker, and a subscriber to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
