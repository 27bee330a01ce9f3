"""The daemon's client through a tunnel: one address family, a proxy, and both of them failing."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cloud.iot_client import STOP_TIMEOUT_S
from gateway.cloud.iot_core import IotCore
from gateway.cloud.tunnel import CLOSE_S, Tunnel, open_tunnel
from gateway.cloud.uplink import Answer, Verdict
from gateway.config.cloud import CloudConfig
from tests.gateway.cloud.test_iot_core import TIMEOUT_S, Listener, over_tls
from tests.support.connect_proxy import ConnectProxy
from tests.support.mosquitto import Authority, Mosquitto


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def broker(tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker", authority) as broker:
        yield broker


def through(cloud: CloudConfig, **changes: object) -> CloudConfig:
    return cloud.model_copy(update={"reconnect_max_s": 1.0, **changes})


async def published_through(cloud: CloudConfig) -> list[Answer]:
    """Connect, publish 20 messages, disconnect; return the answers."""
    uplink, listener = IotCore(cloud, "gateway-1"), Listener()
    uplink.start(listener)
    async with asyncio.timeout(TIMEOUT_S):
        await listener.up.wait()
        for ticket in range(20):
            uplink.publish(ticket, b"x" * 100_000)
        while len(listener.answers) < 20:
            await listener.answered.wait()
            listener.answered.clear()
    await uplink.stop()
    return listener.answers


async def reason(cloud: CloudConfig) -> str:
    """Return why an uplink cannot connect."""
    uplink, listener = IotCore(cloud, "gateway-1"), Listener()
    uplink.start(listener)
    async with asyncio.timeout(TIMEOUT_S):
        await listener.down.wait()
    await uplink.stop()
    return listener.reason


async def test_messages_pass_over_one_address_family(
    broker: Mosquitto, authority: Authority
) -> None:
    cloud = through(over_tls(broker.port, authority), address_family="ipv4")
    assert await published_through(cloud) == [Answer(Verdict.ACCEPTED)] * 20


async def test_address_of_the_other_family_alone_is_named(authority: Authority) -> None:
    cloud = through(over_tls(8883, authority), address_family="ipv6")
    assert "no ipv6 address, and cloud.address_family allows no other" in await reason(cloud)


async def test_messages_pass_through_a_proxy(broker: Mosquitto, authority: Authority) -> None:
    with ConnectProxy() as proxy:
        cloud = through(over_tls(broker.port, authority), proxy=proxy.url)
        assert await published_through(cloud) == [Answer(Verdict.ACCEPTED)] * 20
        assert proxy.asked == [
            f"CONNECT 127.0.0.1:{broker.port} HTTP/1.1\r\nHost: 127.0.0.1:{broker.port}\r\n\r\n"
        ]


async def test_proxy_gets_the_credentials_of_the_file(
    broker: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "proxy"
    file.write_text("ada:pass:wörd\n", encoding="utf-8")
    with ConnectProxy(credentials="ada:pass:wörd") as proxy:
        cloud = through(
            over_tls(broker.port, authority), proxy=proxy.url, proxy_credentials_file=file
        )
        assert await published_through(cloud) == [Answer(Verdict.ACCEPTED)] * 20


async def test_proxy_that_ends_is_an_outage_and_returns(
    broker: Mosquitto, authority: Authority
) -> None:
    with ConnectProxy() as proxy:
        cloud = through(over_tls(broker.port, authority), proxy=proxy.url)
        uplink, listener = IotCore(cloud, "gateway-1"), Listener()
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            await listener.up.wait()
            listener.clear()
            proxy.cut()
            await listener.down.wait()
            await listener.up.wait()
        await uplink.stop()
    assert listener.reason, "the outage has a reason"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "it answered '407 Proxy Authentication Required'; save the proxy's user"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "it answered '403 Forbidden'; check cloud.proxy"),
        (b"HTTP/1.0 503 \x1b[2Jgone\r\n\r\n", "it answered '503 \\x1b[2Jgone'"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "its answer is not HTTP"),
        (b"hello", "its answer is not HTTP"),
    ],
    ids=["407", "403", "hostile", "ssh", "cut"],
)
async def test_refusal_of_a_proxy_is_the_reason(
    authority: Authority, answer: bytes | None, words: str
) -> None:
    with ConnectProxy(credentials="ada:secret", answer=answer) as proxy:
        text = await reason(through(over_tls(8883, authority), proxy=proxy.url))
    assert f"the proxy 127.0.0.1:{proxy.port} opens no connection to 127.0.0.1: " in text
    assert words in text


async def test_proxy_that_is_not_there_is_the_reason(authority: Authority) -> None:
    text = await reason(through(over_tls(8883, authority), proxy="http://127.0.0.1:1"))
    assert text.startswith("the proxy 127.0.0.1:1: Connection refused; check cloud.proxy")


async def test_silent_proxy_is_given_up(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cloud.tunnel.OPEN_S", 0.3)
    with ConnectProxy(answer=b"") as proxy:
        text = await reason(through(over_tls(8883, authority), proxy=proxy.url))
    assert text.startswith(f"the proxy 127.0.0.1:{proxy.port}: no answer; check cloud.proxy")


async def test_direct_way_needs_no_tunnel(authority: Authority) -> None:
    assert open_tunnel(over_tls(8883, authority), "auto") is None


@pytest.fixture
def silent_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Have a resolver that answers only at the end of the test; set while it is asked."""
    asked, end = threading.Event(), threading.Event()

    def resolve(*_: object) -> list[object]:
        asked.set()
        end.wait(TIMEOUT_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield asked
    end.set()


async def test_uplink_stops_in_time_while_the_resolver_is_silent(
    authority: Authority, silent_resolver: threading.Event
) -> None:
    cloud = through(over_tls(8883, authority), endpoint="broker.example", address_family="ipv4")
    uplink = IotCore(cloud, "gateway-1")
    uplink.start(Listener())
    await asyncio.to_thread(silent_resolver.wait, TIMEOUT_S)
    async with asyncio.timeout(STOP_TIMEOUT_S + CLOSE_S + 1):
        await uplink.stop()
    assert silent_resolver.is_set(), "the resolver was asked"


async def test_tunnel_that_does_not_end_is_left_to_itself(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, began = threading.Event(), threading.Event()

    def block(*_: object) -> None:
        began.set()
        end.wait(TIMEOUT_S)

    monkeypatch.setattr("gateway.cloud.tunnel.open_way", block)
    tunnel = Tunnel(over_tls(8883, authority), "ipv4")
    _, writer = await asyncio.open_connection("127.0.0.1", tunnel.port)
    writer.write(b"CONNECT elsewhere:1 HTTP/1.1\r\n\r\n")
    await asyncio.to_thread(began.wait, TIMEOUT_S)
    async with asyncio.timeout(CLOSE_S + 1):
        await asyncio.to_thread(tunnel.close)
    assert not end.is_set(), "the tunnel was still blocked"
    end.set()
    writer.close()


async def test_closed_tunnel_listens_no_more_and_may_be_closed_again(
    authority: Authority, broker: Mosquitto
) -> None:
    tunnel = Tunnel(over_tls(broker.port, authority), "ipv4")
    reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.port)
    writer.write(b"CONNECT elsewhere:1 HTTP/1.1\r\n\r\n")
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n", "it leads to the endpoint alone"
    tunnel.close()
    tunnel.close()
    assert await reader.read() in (b"\r\n", b"")
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", tunnel.port)
