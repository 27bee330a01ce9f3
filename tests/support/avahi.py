"""Two computers with real avahi-daemons: network namespaces that a cable connects."""

import asyncio
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from dbus_fast import Message
from dbus_fast.aio import MessageBus

from gateway.web.mdns.avahi import AVAHI
from tests.support import mdns_query
from tests.support.bluez import DBusDaemon
from tests.support.children import killed_at_end

_PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
_TOOLS = ("unshare", "nsenter", "ip", "avahi-daemon")
#: Avahi has one PID file in /run, so each daemon gets a directory of its own there.
_COMPUTER = (
    "mount -t tmpfs none /run && mkdir /run/avahi-daemon && ip link set lo up && echo up && "
    "exec sleep infinity"
)
#: How long the real daemons take for what is waited for, at most, in seconds.
PATIENCE_S = 20.0

needs_avahi = pytest.mark.skipif(
    os.geteuid() != 0 or not all(shutil.which(tool, path=_PATH) for tool in _TOOLS),
    reason="only root can have network namespaces, and avahi-daemon must be installed: make avahi",
)


class Computer:
    """A network namespace with the address 192.0.2.`number`, and a system bus."""

    def __init__(self, number: int, process: subprocess.Popen[str], directory: Path) -> None:
        self.address = f"192.0.2.{number}"
        self.bus = DBusDaemon()
        self._process = process
        self._avahi: subprocess.Popen[bytes] | None = None
        self._log = directory / f"avahi-{number}.log"
        self._config = directory / f"avahi-{number}.conf"

    @property
    def command(self) -> list[str]:
        """What runs a command on this computer, before its words."""
        return ["nsenter", f"--target={self._process.pid}", "--net", "--mount", "--"]

    def run(self, command: str) -> str:
        """Run a command on this computer; return its output."""
        return subprocess.run(
            [*self.command, *shlex.split(command)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": _PATH},
        ).stdout

    def plug_in(self, other: "Computer") -> None:
        """Connect this computer with another one by a cable."""
        peer = str(other._process.pid)
        self.run(f"ip link add net0 type veth peer name net0 netns {peer}")
        for one in (self, other):
            one.run("ip link set net0 up")
            one.run(f"ip address add {one.address}/24 dev net0")

    def start_avahi(self, host: str = "pi", publish: str = "") -> None:
        """Start Avahi; return when it works. `publish` is this section of its config."""
        self._log.unlink(missing_ok=True)
        self._config.write_text(f"[server]\nhost-name={host}\n[publish]\n{publish}\n")
        options = ["--no-drop-root", "--no-chroot", "--no-rlimits", "-f", str(self._config)]
        with self._log.open("ab") as log:
            self._avahi = subprocess.Popen(
                [*self.command, "avahi-daemon", *options],
                env={"PATH": _PATH, "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE_S
        while "Server startup complete" not in (said := self._log.read_text()):
            assert self._avahi.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)

    async def rename(self, host: str) -> None:
        """Let Avahi give this computer another name, as it does after a collision."""
        bus = await MessageBus(bus_address=self.bus.address).connect()
        rename = Message(AVAHI, "/", f"{AVAHI}.Server", "SetHostName", signature="s", body=[host])
        reply = await bus.call(rename)
        bus.disconnect()
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        assert reply.error_name is None, reply.error_name

    def signal_avahi(self, number: signal.Signals) -> None:
        assert self._avahi is not None
        self._avahi.send_signal(number)

    def kill_avahi(self) -> None:
        if self._avahi is not None:
            self._avahi.kill()
            self._avahi.wait(timeout=10)
            self._avahi = None
        self.run("rm -f /run/avahi-daemon/pid")

    def ask(self, name: str, type_: str = "A") -> list[str]:
        """Return what the network answers to this computer, which needs no Avahi for it."""
        query = [sys.executable, mdns_query.__file__, self.address, name, type_]
        found = json.loads(self.run(shlex.join(query)))
        return sorted(value for kind, value in found if kind == type_)

    async def is_answered(self, name: str, *expected: str, type_: str = "A") -> None:
        """Wait until the network answers this, and nothing else."""
        found = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while found != sorted(expected):
                    found = await asyncio.to_thread(self.ask, name, type_)
        except TimeoutError:
            pytest.fail(f"{name} has {found}, not {expected}")


@contextmanager
def computers(directory: Path) -> Iterator[tuple[Computer, Computer]]:
    """Run two computers that a cable connects."""
    with ExitStack() as stack:
        one, other = (stack.enter_context(_computer(number, directory)) for number in (1, 2))
        one.plug_in(other)
        yield one, other


@contextmanager
def _computer(number: int, directory: Path) -> Iterator[Computer]:
    holder = subprocess.Popen(
        ["unshare", "--net", "--mount", "sh", "-c", _COMPUTER],
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": _PATH},
    )
    with killed_at_end(holder):
        assert holder.stdout is not None
        assert holder.stdout.readline() == "up\n"
        computer = Computer(number, holder, directory)
        computer.bus.start()
        try:
            yield computer
        finally:
            computer.kill_avahi()
            computer.bus.stop()
