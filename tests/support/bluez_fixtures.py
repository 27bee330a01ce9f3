"""Fixtures for tests with Bluetooth: `pytest_plugins = ["tests.support.bluez_fixtures"]`."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.bluez import Bluez, DBusDaemon


@pytest.fixture
def dbus_daemon() -> Iterator[DBusDaemon]:
    daemon = DBusDaemon()
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture
async def bluez(dbus_daemon: DBusDaemon, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bluez]:
    """bleak in this test sees this bluetoothd; so does a process the test starts."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", dbus_daemon.address)
    bluez = Bluez(dbus_daemon)
    await bluez.start()
    yield bluez
    await bluez.kill()
    # bleak holds a connection for as long as the loop lives: it must see the bus end before that.
    dbus_daemon.stop()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not bluez.errors
