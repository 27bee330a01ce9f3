"""A private dbus-daemon on its own socket."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message
from dbus_fast.aio import MessageBus

_CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="org.bluez"/>
    <allow own="org.freedesktop.Avahi"/>
    <allow own="org.freedesktop.ModemManager1"/>
  </policy>
</busconfig>
"""


@dataclass(frozen=True, slots=True)
class BusStats:
    """The bus's resources for its clients, without the connection that asks."""

    connections: int
    match_rules: int


class DBusDaemon:
    """A bus; `address` is for DBUS_SYSTEM_BUS_ADDRESS."""

    def __init__(self) -> None:
        # Not tmp_path: a socket's path must stay below 108 characters.
        self._directory = Path(tempfile.mkdtemp(prefix="bus-"))
        self.address = f"unix:path={self._directory / 'socket'}"
        self._process: subprocess.Popen[str] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Start the daemon; return when it listens."""
        config = self._directory / "bus.conf"
        config.write_text(_CONFIG.format(socket=self._directory / "socket"), encoding="utf-8")
        log = self._directory / "dbus-daemon.log"
        with log.open("a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [_find(), f"--config-file={config}", "--nofork", "--nopidfile", "--print-address"],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self._process.stdout is not None
        with self._process.stdout as printed:
            assert printed.readline(), f"dbus-daemon ended: {log.read_text(encoding='utf-8')}"

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None
        shutil.rmtree(self._directory, ignore_errors=True)

    async def stats(self) -> BusStats:
        body = await self._ask("org.freedesktop.DBus.Debug.Stats", "GetStats")
        stats = body[0]
        return BusStats(stats["ActiveConnections"].value - 1, stats["MatchRules"].value)

    async def owned(self, name: str) -> bool:
        body = await self._ask("org.freedesktop.DBus", "NameHasOwner", "s", name)
        return bool(body[0])

    async def _ask(self, interface: str, member: str, signature: str = "", *body: str) -> list[Any]:
        bus = MessageBus(bus_address=self.address)
        await bus.connect()
        try:
            reply = await bus.call(
                Message(
                    destination="org.freedesktop.DBus",
                    path="/org/freedesktop/DBus",
                    interface=interface,
                    member=member,
                    signature=signature,
                    body=list(body),
                )
            )
            assert reply.error_name is None, f"{member}: {reply.error_name} {reply.body}"
            return list(reply.body)
        finally:
            bus.disconnect()
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


def open_fds() -> int:
    """Return the number of this process's file descriptors, for tests of leaks."""
    return len(os.listdir("/proc/self/fd"))


def _find() -> str:
    program = shutil.which("dbus-daemon", path="/usr/bin:/usr/local/bin:/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.fail("dbus-daemon is not installed: run `make test` or `apt install dbus`")
    return program
