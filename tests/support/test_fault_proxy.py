"""Each fault works as described, seen by a client that speaks a few bytes of MQTT itself."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Self

import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.mosquitto import Authority, Credentials, Mosquitto
from tests.support.mqtt_packets import (
    Kind,
    Splitter,
    encode_connect,
    encode_puback,
    encode_publish,
    kind_of,
    parse_disconnect,
    parse_puback,
    parse_publish,
)
from tests.support.subscriber import Subscriber

pytestmark = pytest.mark.xdist_group("fault proxy")  # one worker makes the fixtures of the module

TIMEOUT_S = 10.0
TOPIC = "alleycat-publish"
PINGREQ = b"\xc0\0"
NO_MATCHING_SUBSCRIBERS = 0x10


class RawClient:
    """An MQTT 5 connection that never resends anything."""

    def __init__(
        self,
        port: int,
        credentials: Credentials,
        client_id: str = "raw",
        *,
        has_certificate: bool = True,
    ) -> None:
        tls = ssl.create_default_context(cafile=str(credentials.ca_file))
        if has_certificate:
            tls.load_cert_chain(credentials.certificate_file, credentials.private_key_file)
        plain = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self._socket = tls.wrap_socket(plain, server_hostname="127.0.0.1")
        self._splitter = Splitter()
        self._received: list[bytes] = []
        with self._closed_on_failure():
            self.send(encode_connect(client_id))
            assert kind_of(self.receive()) == Kind.CONNACK

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._socket.close()
            raise

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def publish(self, *numbers: int) -> None:
        """Publish a message for each number, all at once; the number is packet id and payload."""
        self.send(b"".join(encode_publish(TOPIC, n, b"%d" % n) for n in numbers))

    def receive(self) -> bytes:
        """Return the next packet. Raises EOFError if the connection has ended, or TimeoutError."""
        while not self._received:
            chunk = self._socket.recv(65_536)
            if not chunk:
                raise EOFError
            self._received += self._splitter.feed(chunk)
        return self._received.pop(0)

    def acknowledged(self) -> tuple[int, int]:
        """Return (number, reason) of the next packet, which must be a PUBACK."""
        packet = self.receive()
        assert kind_of(packet) == Kind.PUBACK
        return _answer(packet)

    def acknowledged_meanwhile(self) -> list[tuple[int, int]]:
        """Return all PUBACKs until everything sent so far has arrived and been processed."""
        self.send(PINGREQ)
        pubacks = []
        while kind_of(packet := self.receive()) != Kind.PINGRESP:
            pubacks.append(_answer(packet))
        return pubacks

    def is_reset(self) -> bool:
        """Wait until the connection ends; return whether it was reset, which TLS hides."""
        with socket.socket(fileno=os.dup(self._socket.fileno())) as plain:
            plain.settimeout(TIMEOUT_S)
            try:
                plain.recv(1)
            except ConnectionResetError:
                return True
            return False

    def hears_nothing(self) -> bool:
        """Return whether the connection is open and nothing has arrived."""
        self._socket.setblocking(False)
        try:
            self.receive()
        except ssl.SSLWantReadError:
            return True
        finally:
            self._socket.settimeout(TIMEOUT_S)
        return False


def _answer(puback: bytes) -> tuple[int, int]:
    """Return (number, reason); the reason of success is 0, with or without a subscriber."""
    number, reason = parse_puback(puback)
    return number, 0 if reason == NO_MATCHING_SUBSCRIBERS else reason


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def credentials(authority: Authority) -> Credentials:
    return authority.issue("raw")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("mosquitto"), authority) as broker:
        yield broker


@pytest.fixture
def delivered(broker: Mosquitto, authority: Authority) -> Iterator[Callable[[], list[int]]]:
    """Yield a function that returns the numbers that a subscriber has received, in order."""
    subscriber = Subscriber(broker.port, authority.issue("subscriber"))
    yield lambda: [int(payload) for payload in subscriber.payloads]
    subscriber.stop()


@pytest.fixture
def proxy(broker: Mosquitto, authority: Authority) -> Iterator[FaultProxy]:
    with FaultProxy(broker.port, authority) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy, credentials: Credentials) -> Iterator[RawClient]:
    with RawClient(proxy.port, credentials) as client:
        yield client


def test_splitter_finds_packets_in_any_pieces() -> None:
    packets = [
        encode_connect("somebody"),
        encode_publish(TOPIC, 7, b"x" * 300),  # a length of two bytes
        encode_puback(7, 0x97),
        PINGREQ,
    ]
    stream, random = b"".join(packets), Random(1)
    for _ in range(100):
        cuts = sorted(random.sample(range(len(stream)), 5))
        splitter = Splitter()
        pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        assert [packet for piece in pieces for packet in splitter.feed(piece)] == packets
    publish = parse_publish(packets[1])
    assert (publish.packet_id, publish.payload) == (7, b"x" * 300)
    assert parse_publish(b"\x30\x06\0\x01t\0hi").packet_id is None, "QoS 0"


def test_splitter_raises_for_a_malformed_length() -> None:
    with pytest.raises(ValueError, match="ffffffff"):
        Splitter().feed(b"\x10\xff\xff\xff\xff\xff")


def test_proxy_without_a_fault_is_transparent(
    proxy: FaultProxy, client: RawClient, delivered: Callable[[], list[int]]
) -> None:
    client.publish(*range(1, 51))
    assert client.acknowledged_meanwhile() == [(n, 0) for n in range(1, 51)]
    until(lambda: delivered() == list(range(1, 51)))
    assert proxy.counts == {}


def test_proxy_refuses_a_client_without_a_certificate(
    proxy: FaultProxy, credentials: Credentials
) -> None:
    with pytest.raises((EOFError, OSError)):
        RawClient(proxy.port, credentials, has_certificate=False)


@pytest.mark.slow
def test_proxy_latency_delays_both_ways_and_keeps_the_order(
    proxy: FaultProxy, client: RawClient
) -> None:
    proxy.set_latency(0.1, jitter_s=0.1)
    began_s = time.monotonic()
    client.publish(*range(1, 21))
    assert client.acknowledged() == (1, 0)
    assert time.monotonic() - began_s >= 0.2
    assert client.acknowledged_meanwhile() == [(n, 0) for n in range(2, 21)]
    assert proxy.counts["delayed"] == 42, "twenty messages and a ping, there and back"


def test_proxy_stall_holds_everything_until_released(
    proxy: FaultProxy, client: RawClient, delivered: Callable[[], list[int]]
) -> None:
    proxy.stall()
    client.publish(1, 2, 3)
    until(lambda: proxy.counts["held back"] == 1)
    assert client.hears_nothing()
    assert delivered() == []
    proxy.flow()
    assert [client.acknowledged() for _ in range(3)] == [(1, 0), (2, 0), (3, 0)]


@pytest.mark.slow
def test_half_open_connection_swallows_both_ways_and_new_ones_do_not(
    proxy: FaultProxy,
    client: RawClient,
    credentials: Credentials,
    delivered: Callable[[], list[int]],
) -> None:
    proxy.set_latency(0.5)
    client.publish(1)
    until(lambda: delivered() == [1])
    proxy.half_open()  # with the answer on its way
    client.publish(2)
    until(lambda: proxy.counts["swallowed"] == 2)
    proxy.heal()
    with RawClient(proxy.port, credentials, "another") as another:
        another.publish(3)
        assert another.acknowledged() == (3, 0)
    client.publish(4)
    until(lambda: proxy.counts["swallowed"] == 3)
    assert client.hears_nothing()
    until(lambda: delivered() == [1, 3])


def test_half_open_connection_hides_a_hang_up_of_the_broker(
    proxy: FaultProxy, client: RawClient, credentials: Credentials
) -> None:
    proxy.half_open()
    with RawClient(proxy.port, credentials, "raw") as usurper:  # the same client id
        assert usurper.acknowledged_meanwhile() == []
        assert client.hears_nothing()


def test_proxy_cut_resets_all_connections_and_accepts_new_ones(
    proxy: FaultProxy, client: RawClient, credentials: Credentials
) -> None:
    with RawClient(proxy.port, credentials, "another") as another:
        proxy.cut()
        assert client.is_reset()
        assert another.is_reset()
    assert proxy.counts["cut"] == 2
    with RawClient(proxy.port, credentials) as again:
        again.publish(1)
        assert again.acknowledged() == (1, 0)


def test_proxy_cut_resets_a_stalled_connection(proxy: FaultProxy, client: RawClient) -> None:
    proxy.stall()
    client.publish(1)
    until(lambda: proxy.counts["held back"] == 1)
    proxy.cut()
    assert client.is_reset()


def test_proxy_refuses_new_connections_while_old_ones_go_on(
    proxy: FaultProxy, client: RawClient, credentials: Credentials
) -> None:
    proxy.refuse_connections()
    with pytest.raises(ConnectionRefusedError):
        RawClient(proxy.port, credentials)
    client.publish(1)
    assert client.acknowledged() == (1, 0)
    proxy.accept_connections()
    with RawClient(proxy.port, credentials, "another") as another:
        assert another.acknowledged_meanwhile() == []


def test_proxy_drops_pubacks_of_messages_that_arrive(
    proxy: FaultProxy, client: RawClient, delivered: Callable[[], list[int]]
) -> None:
    proxy.drop_pubacks(0.5)
    client.publish(*range(1, 101))
    pubacks = client.acknowledged_meanwhile()
    assert len(pubacks) + proxy.counts["puback dropped"] == 100
    assert 30 < proxy.counts["puback dropped"] < 70
    until(lambda: delivered() == list(range(1, 101)))


def test_proxy_duplicates_pubacks(proxy: FaultProxy, client: RawClient) -> None:
    proxy.duplicate_pubacks(1.0)
    client.publish(1, 2)
    assert client.acknowledged_meanwhile() == [(1, 0), (1, 0), (2, 0), (2, 0)]
    assert proxy.counts["puback duplicated"] == 2


def test_proxy_reorders_pubacks_and_loses_none(proxy: FaultProxy, client: RawClient) -> None:
    proxy.reorder_pubacks(1.0)
    client.publish(1, 2, 3, 4)
    assert client.acknowledged_meanwhile() == [(2, 0), (1, 0), (4, 0), (3, 0)]
    client.publish(5)
    assert client.acknowledged() == (5, 0), "also when nothing comes to overtake it"
    assert proxy.counts["puback reordered"] == 2


@pytest.mark.parametrize("reason", [0x80, 0x87, 0x91, 0x97])
def test_proxy_refuses_publishes_without_passing_them_on(
    proxy: FaultProxy, client: RawClient, delivered: Callable[[], list[int]], reason: int
) -> None:
    proxy.refuse_publishes(1.0, reason)
    client.publish(1, 2)
    assert client.acknowledged_meanwhile() == [(1, reason), (2, reason)]
    proxy.heal()
    client.publish(3)
    until(lambda: delivered() == [3])
    assert proxy.counts == {f"puback {reason:#04x}": 2}


def test_proxy_refuses_a_share_of_publishes_with_each_of_the_reasons(
    proxy: FaultProxy, client: RawClient, delivered: Callable[[], list[int]]
) -> None:
    proxy.refuse_publishes(0.5, 0x80, 0x97)
    client.publish(*range(1, 101))
    pubacks = client.acknowledged_meanwhile()
    assert sorted({reason for _, reason in pubacks}) == [0, 0x80, 0x97]
    taken = sorted(number for number, reason in pubacks if reason == 0)
    until(lambda: delivered() == taken)
    assert proxy.counts["puback 0x80"] + proxy.counts["puback 0x97"] == 100 - len(taken)


@pytest.mark.parametrize("reason", [0x81, 0x8B, 0x97])
def test_proxy_disconnects_at_the_nth_publish_without_forwarding(
    proxy: FaultProxy,
    client: RawClient,
    credentials: Credentials,
    delivered: Callable[[], list[int]],
    reason: int,
) -> None:
    proxy.disconnect_at(2, reason)
    client.publish(1)
    assert client.acknowledged() == (1, 0)
    client.publish(2, 3)
    assert parse_disconnect(client.receive()) == reason
    with pytest.raises(EOFError):
        client.receive()
    with RawClient(proxy.port, credentials) as again:
        again.publish(4)
        assert again.acknowledged() == (4, 0)
    until(lambda: delivered() == [1, 4])
    assert proxy.counts == {f"disconnect {reason:#04x}": 1}


@pytest.mark.slow
def test_proxy_discards_publishes_beyond_the_limit_without_an_answer(
    proxy: FaultProxy, client: RawClient, delivered: Callable[[], list[int]]
) -> None:
    proxy.limit_publishes(5)
    client.publish(*range(1, 13))
    began_s = time.monotonic()
    assert client.acknowledged_meanwhile() == [(n, 0) for n in range(1, 6)]
    assert proxy.counts["discarded"] == 7

    def passes() -> bool:
        client.publish(13)
        return client.acknowledged_meanwhile() == [(13, 0)]

    until(passes)
    assert time.monotonic() - began_s > 0.9
    until(lambda: delivered() == [1, 2, 3, 4, 5, 13])


def test_proxy_always_answers_marked_messages_alike(
    proxy: FaultProxy, client: RawClient, delivered: Callable[[], list[int]]
) -> None:
    proxy.refuse_marked(b"13", 0x87)
    proxy.disconnect_marked(b"666", 0x81)
    proxy.heal()
    client.publish(12, 13, 14, 13)
    assert client.acknowledged_meanwhile() == [(13, 0x87), (13, 0x87), (12, 0), (14, 0)]
    client.publish(666)
    assert parse_disconnect(client.receive()) == 0x81
    until(lambda: delivered() == [12, 14])


def test_proxy_faults_are_the_same_for_the_same_seed(
    broker: Mosquitto, authority: Authority, credentials: Credentials
) -> None:
    acknowledged = []
    for _ in range(2):
        with (
            FaultProxy(broker.port, authority, seed=7) as proxy,
            RawClient(proxy.port, credentials) as client,
        ):
            proxy.drop_pubacks(0.5)
            client.publish(*range(1, 41))
            acknowledged.append(client.acknowledged_meanwhile())
    assert acknowledged[0] == acknowledged[1]


def test_proxy_closes_its_connections_port_and_thread_at_the_end(
    broker: Mosquitto, authority: Authority, credentials: Credentials
) -> None:
    with FaultProxy(broker.port, authority) as proxy:
        client = RawClient(proxy.port, credentials)
        half_way = socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT_S)
        proxy.stall()
    with client:
        assert client.is_reset()
    with half_way, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT_S)
    assert "fault-proxy" not in [thread.name for thread in threading.enumerate()]


def test_proxy_raises_for_what_is_not_mqtt(
    broker: Mosquitto, authority: Authority, credentials: Credentials
) -> None:
    def talk_nonsense() -> None:
        with (
            FaultProxy(broker.port, authority) as proxy,
            RawClient(proxy.port, credentials) as client,
        ):
            client.send(b"\x10\xff\xff\xff\xff\xff")
            with pytest.raises((EOFError, OSError)):
                client.receive()

    with pytest.raises(ExceptionGroup) as raised:
        talk_nonsense()
    assert raised.group_contains(ValueError, match="not a variable byte integer")
