"""What goes wrong around a daemon during the soak: each fault has a beginning and an end."""

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Protocol

from gateway.simulation.demo.network import Network
from tests.durability.arrivals import Arrivals
from tests.support.connect_proxy import ConnectProxy
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Authority, Mosquitto

#: For the broker's access list.
ALLOWED = "pattern readwrite #\n"
DENIED = "user subscriber\ntopic read #\n"
#: From sched.h.
CLONE_NEWNET = 0x40000000
TOOLS = ("ip", "iptables")


class Fault(Protocol):
    """A fault around the daemon. After its end, all is as before."""

    async def begin(self) -> None: ...

    async def end(self) -> None: ...


@dataclass
class BrokerStopped:
    """The broker ends and starts again, and has forgotten everything."""

    broker: Mosquitto
    network: Network
    arrivals: Arrivals

    async def begin(self) -> None:
        await asyncio.to_thread(self.broker.stop)
        await self.network.cut()  # up again when the subscriber is: it must see every message
        self.arrivals.end()

    async def end(self) -> None:
        await out_of_reach(self.broker.start)
        await asyncio.to_thread(self.arrivals.listen)
        await self.network.restore()


@dataclass
class BrokerPaused:
    """The broker's connections stay open, and nothing is answered."""

    broker: Mosquitto

    async def begin(self) -> None:
        self.broker.pause()

    async def end(self) -> None:
        self.broker.resume()


@dataclass
class LineCut:
    """The proxy does not reach the broker."""

    network: Network

    async def begin(self) -> None:
        await self.network.cut()

    async def end(self) -> None:
        await self.network.restore()


@dataclass
class ProxyStopped:
    """The HTTP proxy between the daemon and the broker refuses connections."""

    proxy: ConnectProxy

    async def begin(self) -> None:
        self.proxy.stop()

    async def end(self) -> None:
        self.proxy.start()


@dataclass
class TopicDenied:
    """The daemon may connect, and publish nothing."""

    broker: Mosquitto
    access_list: Path

    async def begin(self) -> None:
        self._permit(DENIED)

    async def end(self) -> None:
        self._permit(ALLOWED)

    def _permit(self, access: str) -> None:
        self.access_list.write_text(access, encoding="ascii")
        self.broker.reload()


class CertificateReplaced:
    """A new certificate of the same CA, whose key comes later; the daemon reloads at both."""

    def __init__(self, gateway: GatewayProcess, authority: Authority) -> None:
        self._gateway = gateway
        self._issued = (authority.issue(f"gateway-{number}") for number in count(2))

    async def begin(self) -> None:
        self._new = next(self._issued)
        self._replace("certificate_file", self._new.certificate_file)

    async def end(self) -> None:
        self._replace("private_key_file", self._new.private_key_file)

    def _replace(self, key: str, file: Path) -> None:
        shutil.copy(file, self._gateway.cloud[key])
        os.kill(self._gateway.pid, signal.SIGHUP)


class LogReader:
    """A process that reads the daemon's log from a pipe, and writes it to a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> IO[bytes]:
        """Start the reader; return the other end of its pipe."""
        with self._file.open("ab") as file:
            self._process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file)
        assert self._process.stdin is not None
        return self._process.stdin

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def wait(self) -> None:
        """Wait until the last line is in the file: the daemon has ended."""
        if self._process is not None:
            self.resume()
            self._process.wait(timeout=10)


@dataclass
class LogUnread:
    """The pipe that takes the daemon's log is full when the daemon reports a reload."""

    gateway: GatewayProcess
    reader: LogReader

    async def begin(self) -> None:
        self.reader.pause()
        pipe = os.open(f"/proc/{self.gateway.pid}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
        with suppress(BlockingIOError):
            while True:
                os.write(pipe, b"\n" * 1024)
        os.close(pipe)
        os.kill(self.gateway.pid, signal.SIGHUP)

    async def end(self) -> None:
        self.reader.resume()


@dataclass
class MtuHole:
    """Large packets from and to the daemon disappear. Needs a network from `own_network`."""

    port: int

    async def begin(self) -> None:
        self._rules("-I")

    async def end(self) -> None:
        self._rules("-D")

    def _rules(self, action: str) -> None:
        for side in ("--sport", "--dport"):
            rule = f"{action} INPUT -p tcp {side} {self.port} -m length --length 600:65535 -j DROP"
            subprocess.run(["iptables", *rule.split()], check=True)


def own_network() -> str | None:
    """Move this process to a network of its own, which is loopback; return why it cannot."""
    if os.geteuid() != 0:
        return "only root can have a network namespace"
    if absent := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"not installed: {', '.join(absent)}"
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return f"no network namespace: {os.strerror(ctypes.get_errno())}"
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    listed = subprocess.run(["iptables", "-L", "INPUT"], check=False, capture_output=True)
    return f"iptables: {listed.stderr.decode().strip()}" if listed.returncode else None


async def out_of_reach(start: Callable[[], None]) -> None:
    """Start a process that Ctrl-C at the terminal does not reach: it inherits a deaf thread."""

    def work() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        start()

    await asyncio.to_thread(work)
