"""Subscriptions that the broker grants, refuses, or ends the connection for."""

import asyncio
from collections.abc import MutableMapping
from typing import Any, NoReturn

import pytest
import structlog
from structlog.testing import capture_logs

from gateway.cloud import iot_client, subscriptions
from gateway.cloud.connack import UNREADABLE
from gateway.cloud.iot_core import IotCore
from gateway.cloud.subscriptions import NOT_TRIED
from gateway.cloud.uplink import Answer, Commands, Feed, Verdict
from gateway.config.cloud import CloudConfig
from tests.gateway.cloud.test_iot_core import Listener
from tests.support.mqtt_packets import Kind, Splitter, encode_puback, kind_of, parse_publish
from tests.support.results import TOPIC

TIMEOUT_S = 30
#: Of no packet, in any version of MQTT so far.
UNKNOWN = 0xEE


async def rude_broker(connack_reason: int) -> tuple[asyncio.Server, CloudConfig]:
    """Answers CONNECT with the reason, SUBSCRIBE with one that is UNKNOWN, and nothing else."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(bytes([0x20, 3, 0, connack_reason, 0]))
        packet = await reader.read(1000)
        if packet[:1] == b"\x82":
            writer.write(bytes([0x90, 4, *packet[2:4], 0, UNKNOWN]))
        await reader.read(1000)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    return server, CloudConfig(endpoint="127.0.0.1", port=port, plaintext=True)


async def test_refused_subscription_is_logged_also_for_an_unknown_reason() -> None:
    server, cloud = await rude_broker(connack_reason=0)
    told = asyncio.Event()

    def tell(_: Any, __: str, event: MutableMapping[str, Any]) -> NoReturn:
        told.set()
        logs.append((event["event"], event["reason"]))
        raise structlog.DropEvent

    async def handle(_: bytes) -> bytes:
        return b""

    logs: list[tuple[str, str]] = []
    uplink = IotCore(cloud, "gateway-1")
    uplink.subscribe(Commands("a/race", handle))
    structlog.configure(processors=[tell])
    try:
        uplink.start(Listener())
        async with asyncio.timeout(TIMEOUT_S):
            await told.wait()
    finally:
        structlog.reset_defaults()
    assert logs == [("cannot subscribe", "unspecified error")]
    await uplink.stop()
    server.close()


class StrictBroker:
    """A broker that accepts publishes, and refuses subscriptions in one of two ways.

    `hangs_up`: it ends the connection, as IoT Core does; otherwise it answers "not authorized".
    """

    def __init__(self, *, hangs_up: bool) -> None:
        self.packets: list[Kind] = []
        self.suback_reason = 0x87
        self.suback_properties = b""
        self._hangs_up = hangs_up

    async def open(self) -> CloudConfig:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return CloudConfig(endpoint="127.0.0.1", port=port, plaintext=True, reconnect_max_s=1)

    def close(self) -> None:
        self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter = Splitter()
        while chunk := await reader.read(1000):
            for packet in splitter.feed(chunk):
                self.packets.append(Kind(kind_of(packet)))
                if self.packets[-1] is Kind.SUBSCRIBE and self._hangs_up:
                    writer.close()
                    return
                writer.write(self._answer(packet))
        writer.close()

    def _answer(self, packet: bytes) -> bytes:
        match Kind(kind_of(packet)):
            case Kind.CONNECT:
                return bytes([0x20, 3, 0, 0, 0])
            case Kind.SUBSCRIBE:
                properties = self.suback_properties
                body = bytes([*packet[2:4], len(properties), *properties, self.suback_reason])
                return bytes([0x90, len(body)]) + body
            case Kind.PUBLISH:
                packet_id = parse_publish(packet).packet_id
                assert packet_id is not None
                return encode_puback(packet_id, 0)
        return b""


async def follow_a_feed(
    broker: StrictBroker,
) -> tuple[IotCore, Listener, asyncio.Queue[str | None]]:
    """Return a started uplink that follows a feed, its listener, and the feed's refusals."""
    uplink, listener = IotCore(await broker.open(), "gateway-1"), Listener()
    refusals: asyncio.Queue[str | None] = asyncio.Queue()
    uplink.subscribe(Feed(TOPIC, lambda _: None, refusals.put_nowait))
    uplink.start(listener)
    return uplink, listener, refusals


async def test_refused_feed_is_reported_and_publishing_goes_on() -> None:
    broker = StrictBroker(hangs_up=False)
    uplink, listener, refusals = await follow_a_feed(broker)
    async with asyncio.timeout(TIMEOUT_S):
        assert await refusals.get() == "not authorized"
        uplink.publish(1, b"{}")
        await listener.answered.wait()
    assert listener.answers == [Answer(Verdict.ACCEPTED)]
    assert broker.packets == [Kind.CONNECT, Kind.SUBSCRIBE, Kind.PUBLISH]
    await uplink.stop()
    broker.close()


async def test_feed_that_ends_the_connection_is_left_out_of_the_next_one() -> None:
    broker = StrictBroker(hangs_up=True)
    uplink, listener, refusals = await follow_a_feed(broker)
    async with asyncio.timeout(TIMEOUT_S):
        while await refusals.get() != NOT_TRIED:
            pass
        uplink.publish(1, b"{}")
        await listener.answered.wait()
    assert listener.answers == [Answer(Verdict.ACCEPTED)]
    assert broker.packets == [Kind.CONNECT, Kind.SUBSCRIBE, Kind.CONNECT, Kind.PUBLISH]
    await uplink.stop()
    broker.close()


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "RETRY_FIRST_S", 0.05)
    monkeypatch.setattr(subscriptions, "RETRY_MAX_S", 0.1)


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("kind", [Commands, Feed])
async def test_refused_subscription_is_tried_again_until_it_is_granted(
    kind: type[Commands | Feed],
) -> None:
    broker = StrictBroker(hangs_up=False)
    uplink = IotCore(await broker.open(), "gateway-1")
    outcomes: asyncio.Queue[str | None] = asyncio.Queue()
    uplink.subscribe(kind(TOPIC, lambda _: None, outcomes.put_nowait))  # type: ignore[arg-type, return-value]
    with capture_logs() as logs:
        uplink.start(Listener())
        async with asyncio.timeout(TIMEOUT_S):
            assert [await outcomes.get() for _ in range(3)] == ["not authorized"] * 3
            assert uplink.refusals == {TOPIC: "not authorized"}
            broker.suback_reason = 0
            while await outcomes.get() is not None:
                pass
    assert uplink.refusals == {}
    assert [log["event"] for log in logs] == ["cannot subscribe", "subscribed"]
    tries = broker.packets.count(Kind.SUBSCRIBE)
    await asyncio.sleep(0.3)  # a retry that was left over would come within 0.1 s
    assert broker.packets.count(Kind.SUBSCRIBE) == tries
    assert broker.packets.count(Kind.CONNECT) == 1
    await uplink.stop()
    broker.close()


@pytest.mark.usefixtures("quick_retries")
async def test_refused_subscription_has_one_retry_at_a_time_over_reconnects() -> None:
    broker = StrictBroker(hangs_up=False)
    uplink, _, refusals = await follow_a_feed(broker)
    async with asyncio.timeout(TIMEOUT_S):
        await refusals.get()
        feed = uplink._subscriptions.of(TOPIC)
        assert feed is not None
        for _ in range(3):
            uplink._subscriptions._refused(feed, "not authorized")
        before = broker.packets.count(Kind.SUBSCRIBE)
        for _ in range(4 + 5):
            await refusals.get()
    assert broker.packets.count(Kind.SUBSCRIBE) - before <= 6
    await uplink.stop()
    broker.close()


@pytest.mark.usefixtures("quick_retries")
async def test_feed_that_ends_the_connection_is_tried_again_during_a_later_one() -> None:
    broker = StrictBroker(hangs_up=True)
    uplink, _, refusals = await follow_a_feed(broker)
    async with asyncio.timeout(TIMEOUT_S):
        while await refusals.get() != NOT_TRIED:
            pass
        broker._hangs_up = False
        broker.suback_reason = 0
        assert await refusals.get() is None
    assert uplink.refusals == {}
    assert broker.packets[-2:] == [Kind.CONNECT, Kind.SUBSCRIBE]
    await uplink.stop()
    broker.close()


async def test_commands_that_end_the_connection_are_a_refusal_but_tried_at_each_connect() -> None:
    broker = StrictBroker(hangs_up=True)
    uplink = IotCore(await broker.open(), "gateway-1")
    outcomes: asyncio.Queue[str | None] = asyncio.Queue()

    async def handle(_: bytes) -> bytes:
        return b""

    uplink.subscribe(Commands(TOPIC, handle, outcomes.put_nowait))
    uplink.start(Listener())
    async with asyncio.timeout(TIMEOUT_S):
        while await outcomes.get() != NOT_TRIED:
            pass
        assert uplink.refusals == {TOPIC: NOT_TRIED}
        broker._hangs_up = False
        broker.suback_reason = 0
        while await outcomes.get() is not None:
            pass
    assert uplink.refusals == {}
    await uplink.stop()
    broker.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("quick_retries")
async def test_subscription_whose_answer_cannot_be_read_is_refused_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Awscrt drops an answer whose reason string is not UTF-8, also if it is a grant."""
    monkeypatch.setattr(iot_client, "ACK_TIMEOUT_S", 1)
    monkeypatch.setattr(iot_client, "REPORT_S", 0.1)
    broker = StrictBroker(hangs_up=False)
    broker.suback_reason, broker.suback_properties = 0, bytes([0x1F, 0, 2, 0xFF, 0xFE])
    uplink, listener, refusals = await follow_a_feed(broker)
    async with asyncio.timeout(TIMEOUT_S):
        assert await refusals.get() == str(UNREADABLE)
        assert uplink.refusals == {TOPIC: str(UNREADABLE)}
        broker.suback_properties = b""
        while await refusals.get() is not None:
            pass
    assert uplink.refusals == {}
    assert not listener.down.is_set()
    await uplink.stop()
    broker.close()
