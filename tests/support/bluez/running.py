"""The small org.bluez in place of the one on the system bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.bluez import Bluez, DBusDaemon


@asynccontextmanager
async def open_bluez(daemon: DBusDaemon, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bluez]:
    """Run a bluetoothd that bleak in this test, and any process it starts, will find."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", daemon.address)
    bluez = Bluez(daemon)
    await bluez.start()
    yield bluez
    await bluez.kill()
    # bleak keeps a connection until the loop ends: it must see the end of the bus before that.
    daemon.stop()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not bluez.errors
