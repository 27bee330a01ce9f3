"""The small org.bluez as what bleak finds on the system bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.bluez import Bluez, DBusDaemon


@asynccontextmanager
async def open_bluez(daemon: DBusDaemon, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bluez]:
    """bleak in this test sees this bluetoothd; so does a process the test starts."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", daemon.address)
    bluez = Bluez(daemon)
    await bluez.start()
    yield bluez
    await bluez.kill()
    # bleak holds a connection for as long as the loop lives: it must see the bus end before that.
    daemon.stop()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not bluez.errors
