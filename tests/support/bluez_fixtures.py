"""Fixtures for tests with Bluetooth."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.bluez import Bluez, DBusDaemon
from tests.support.bluez.running import open_bluez


@pytest.fixture
def dbus_daemon() -> Iterator[DBusDaemon]:
    daemon = DBusDaemon()
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture
async def bluez(dbus_daemon: DBusDaemon, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bluez]:
    async with open_bluez(dbus_daemon, monkeypatch) as bluez:
        yield bluez
