"""The way to the endpoint: addresses of one family or both, directly or through a proxy."""

import asyncio
import base64
import re
import socket
from contextlib import suppress
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import Literal

from drivers.lookup import look_up
from gateway.config.cloud import CloudConfig
from gateway.config.proxy import Proxy, read_proxy_credentials, unusable

Family = Literal["auto", "ipv4", "ipv6"]
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_NUMBERS = {"auto": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
#: The head start of an address over the next one, in seconds (RFC 8305, 5).
HEAD_START_S = 0.25
#: Limits the addresses that are tried.
MOST_ADDRESSES = 6


class ProxyRefusal(ConnectionError):
    """A proxy that does not open the connection. The text gives the reason.

    `status`: the code of its answer, such as 407; empty if that is not HTTP. `sign_ins`: the
    schemes by which it lets clients sign in, such as "basic" and "ntlm".
    """

    def __init__(self, text: str, status: str = "", sign_ins: frozenset[str] = frozenset()) -> None:
        super().__init__(text)
        self.status = status
        self.sign_ins = sign_ins


class NoProxyCredentials(ConnectionError):
    """No credentials for the proxy can be read. The text names the file and the reason."""


def is_direct(cloud: CloudConfig, family: Family) -> bool:
    """Return whether awscrt can go this way by itself."""
    return family == "auto" and cloud.proxy is None


async def open_way(cloud: CloudConfig, family: Family) -> Stream:
    """Open a TCP connection to the endpoint, if need be by way of the proxy. Raises OSError."""
    proxy = cloud.proxy_address
    if proxy is None:
        return await _connect(cloud.endpoint, cloud.port, family)
    stream = await _connect(proxy.host, proxy.port, family)
    try:
        await _ask_proxy(stream, proxy, cloud)
    except BaseException:
        stream[1].transport.abort()
        raise
    return stream


async def addresses(host: str, port: int, family: Family) -> list[tuple[int, str]]:
    """Return the addresses of a host as (family, address), IPv6 and IPv4 by turns.

    Raises socket.gaierror.
    """
    known = await look_up(host, port, _NUMBERS[family])
    six = [one for one in known if one[0] == socket.AF_INET6]
    four = [one for one in known if one[0] == socket.AF_INET]
    return [one for one in chain(*zip_longest(six, four)) if one is not None][:MOST_ADDRESSES]


async def _connect(host: str, port: int, family: Family) -> Stream:
    """Connect to the address that answers first; raises the first one's error if none does."""
    found = await addresses(host, port, family)
    tries = [
        asyncio.create_task(_connect_to(address, port, place * HEAD_START_S))
        for place, (_, address) in enumerate(found)
    ]
    first: Stream | None = None
    try:
        for done in asyncio.as_completed(tries):
            with suppress(OSError):
                first = await done
                return first
        return await tries[0]
    finally:
        for one in tries:
            one.add_done_callback(partial(_close_unless, first))
            one.cancel()


async def _connect_to(address: str, port: int, wait_s: float) -> Stream:
    await asyncio.sleep(wait_s)
    return await asyncio.open_connection(address, port)


def _close_unless(chosen: Stream | None, one: asyncio.Task[Stream]) -> None:
    if not one.cancelled() and one.exception() is None and one.result() is not chosen:
        one.result()[1].transport.abort()


async def _ask_proxy(stream: Stream, proxy: Proxy, cloud: CloudConfig) -> None:
    reader, writer = stream
    host = f"[{cloud.endpoint}]" if ":" in cloud.endpoint else cloud.endpoint
    lines = [f"CONNECT {host}:{cloud.port} HTTP/1.1", f"Host: {host}:{cloud.port}"]
    if cloud.proxy_credentials_file is not None:
        lines.append(f"Proxy-Authorization: Basic {_encoded(cloud.proxy_credentials_file)}")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise ProxyRefusal("its answer is not HTTP") from None
    status = head.split(b"\r\n", 1)[0].decode("ascii", errors="replace").split(" ", 1)
    if not status[0].startswith("HTTP/1.") or len(status) < 2:
        raise ProxyRefusal("its answer is not HTTP")
    if not status[1].startswith("2"):
        raise ProxyRefusal(f"it answered {status[1][:80]!r}", status[1][:3], _sign_ins(head))


def _sign_ins(head: bytes) -> frozenset[str]:
    """Return the schemes in the headers of a proxy's answer (RFC 9110, 11.7.1)."""
    found = re.findall(rb"(?im)^proxy-authenticate:[ \t]*([\w-]{1,20})", head)
    return frozenset(scheme.decode().lower() for scheme in found)


def _encoded(credentials_file: Path) -> str:
    try:
        credentials = read_proxy_credentials(credentials_file)
    except (OSError, ValueError) as error:
        raise NoProxyCredentials(unusable(credentials_file, error)) from None
    return base64.b64encode(credentials.encode()).decode()
