"""What only IotCore does; what every Uplink does is in tests/contracts/test_uplink.py."""

import asyncio
import re
import resource
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from awscrt import mqtt5
from structlog.testing import capture_logs

from gateway.cloud import iot_client, iot_core, mqtt_errors
from gateway.cloud.connack import UNREADABLE, refusal
from gateway.cloud.diagnosis import Diagnosis
from gateway.cloud.iot_core import RENEWED, SILENT, IotCore
from gateway.cloud.mqtt_errors import DISCARDED
from gateway.cloud.uplink import Answer, Commands, Ending, Feed, Verdict
from gateway.config.cloud import CloudConfig
from tests.support.backend import Backend
from tests.support.fault_proxy import FaultProxy
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.mqtt_packets import Kind, Splitter, encode_puback, kind_of, parse_publish
from tests.support.results import TOPIC, ResultsBackend

TIMEOUT_S = 30
#: A failed try, and the search for its cause.
HASTE_S = 4
THREADS = 4
STANDARD_STREAMS = 3
NOTES = 2000
#: Of neither PUBACK nor DISCONNECT, in any version of MQTT so far.
UNKNOWN = 0xEE


class Listener:
    def __init__(self) -> None:
        self.up = asyncio.Event()
        self.answered = asyncio.Event()
        self.down = asyncio.Event()
        self.reason = ""
        self.answers: list[Answer] = []
        self.endings: list[Ending] = []

    def on_up(self) -> None:
        self.up.set()

    def on_down(self, reason: str, ending: Ending) -> None:
        self.reason = reason
        self.endings.append(ending)
        self.down.set()

    def on_answer(self, ticket: int, answer: Answer) -> None:
        self.answers.append(answer)
        self.answered.set()

    def clear(self) -> None:
        for event in (self.up, self.answered, self.down):
            event.clear()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def broker(tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker", authority) as broker:
        yield broker


def over_tls(port: int, authority: Authority) -> CloudConfig:
    credentials = authority.issue("gateway-1")
    return CloudConfig(
        endpoint="127.0.0.1",
        port=port,
        ca_file=credentials.ca_file,
        certificate_file=credentials.certificate_file,
        private_key_file=credentials.private_key_file,
    )


async def test_publish_to_a_forbidden_topic_is_refused_with_the_reason(
    tmp_path: Path, authority: Authority
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    listener = Listener()
    with Mosquitto(tmp_path, authority, settings=f"acl_file {acl}") as broker:
        uplink = IotCore(over_tls(broker.port, authority), "gateway-1")
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            await listener.up.wait()
            uplink.publish(1, b"{}")
            await listener.answered.wait()
        await uplink.stop()
    assert listener.answers == [mqtt_errors.puback_answer(0x87, "", "alleycat-publish")]


@pytest.mark.parametrize(
    ("is_puback", "answer"),
    [
        (
            True,
            Answer(
                Verdict.REFUSED,
                "unspecified error: not accepted, perhaps because the message is larger than the "
                "broker's limit",
            ),
        ),
        (False, Answer(Verdict.SUSPECT, "the broker disconnected the gateway: unspecified error")),
    ],
    ids=["PUBACK", "DISCONNECT"],
)
async def test_unknown_reason_code_of_an_answer_is_an_unspecified_error(
    broker: Mosquitto, authority: Authority, is_puback: bool, answer: Answer
) -> None:
    with FaultProxy(broker.port, authority) as proxy:
        if is_puback:
            proxy.refuse_publishes(1.0, UNKNOWN)
        else:
            proxy.disconnect_at(1, UNKNOWN)
        listener = Listener()
        uplink = IotCore(over_tls(proxy.port, authority), "gateway-1")
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            await listener.up.wait()
            uplink.publish(1, b"{}")
            await listener.answered.wait()
        assert listener.answers == [answer]
        await uplink.stop()


def refused(code: int, properties: bytes = b"") -> bytes:
    """Return a CONNACK."""
    return bytes([0x20, 3 + len(properties), 0, code, len(properties)]) + properties


@asynccontextmanager
async def connack_broker(connack: bytes) -> AsyncIterator[CloudConfig]:
    """A broker that answers CONNECT with these bytes, and hangs up."""
    talks: set[asyncio.Task[None] | None] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        with suppress(OSError):  # it was only looked whether there is a broker
            await reader.read(1000)
            writer.write(connack)
            writer.write_eof()
            await reader.read()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield CloudConfig(endpoint="127.0.0.1", port=port, plaintext=True, reconnect_max_s=1)
        await asyncio.gather(*(talk for talk in talks if talk is not None))


async def reason_at(connack: bytes) -> str:
    """Return why a client that gets this answer to its CONNECT is not connected."""
    listener = Listener()
    async with connack_broker(connack) as cloud:
        uplink = IotCore(cloud, "gateway-1")
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            await listener.down.wait()
        assert str(uplink.diagnosis) == listener.reason
        await uplink.stop()
    assert not listener.up.is_set()
    return listener.reason


@pytest.mark.parametrize("code", [*range(1, 6), *mqtt5.ConnectReasonCode, UNKNOWN])
async def test_each_refusal_is_named_with_what_to_do(code: int) -> None:
    """Also the return codes of MQTT 3.1.1, which awscrt takes for an acceptance."""
    if code == mqtt5.ConnectReasonCode.SUCCESS:
        return
    known = code in list(mqtt5.ConnectReasonCode)
    packet = mqtt5.ConnackPacket(reason_code=mqtt5.ConnectReasonCode(code) if known else None)
    here = CloudConfig(endpoint="127.0.0.1", plaintext=True)
    assert await reason_at(refused(code)) == str(refusal(here, "gateway-1", packet))


async def test_hang_up_after_a_refusal_does_not_hide_it() -> None:
    listener = Listener()
    async with connack_broker(refused(5)) as cloud:
        uplink = IotCore(cloud, "gateway-1")
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            while len(listener.endings) < 3:
                listener.down.clear()
                await listener.down.wait()
                assert listener.reason.startswith("the broker refused the client: ")
        await uplink.stop()


NOT_UTF_8 = bytes([0xFF, 0xFE])
#: Properties with a text that is not UTF-8: a reason string, a user property, a server reference.
UNREADABLE_TEXTS = (
    bytes([0x1F, 0, 2]) + NOT_UTF_8,
    bytes([0x26, 0, 2]) + NOT_UTF_8 + bytes([0, 1, 0x41]),
    bytes([0x1C, 0, 2]) + NOT_UTF_8,
)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("code", [0, 0x87])
@pytest.mark.parametrize("properties", UNREADABLE_TEXTS)
async def test_answer_with_a_text_that_is_not_utf_8_is_named(
    code: int, properties: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Awscrt drops it without a report, also if it is an acceptance."""
    monkeypatch.setattr(iot_core, "ATTEMPT_S", 1.5)
    assert "the broker's answer cannot be read" in await reason_at(refused(code, properties))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_next_attempt_shows_that_the_last_answer_was_unreadable() -> None:
    assert iot_core.ATTEMPT_S > TIMEOUT_S
    reason = await reason_at(refused(0x87, UNREADABLE_TEXTS[0]))
    assert "the broker's answer cannot be read" in reason


async def test_acceptance_that_contradicts_mqtt_5_is_named() -> None:
    session_present = 1
    reason = await reason_at(bytes([0x20, 3, session_present, 0, 0]))
    assert reason.startswith("the broker accepted the client, but its answer contradicts MQTT 5;")


async def test_response_topic_must_be_right_below_the_command_topic(
    broker: Mosquitto, authority: Authority
) -> None:
    below = "alleycat/gateways/gateway-1/race"
    wrong = [
        below,
        f"{below}/",
        f"{below}/a/b",
        f"{below}/{'x' * 65}",
        f"{below}/ä",
        f"{below}/a b",
    ]

    async def handle(_: bytes) -> bytes:
        return b"{}"

    listener = Listener()
    uplink = IotCore(over_tls(broker.port, authority), "gateway-1")
    uplink.subscribe(Commands(below, handle))
    uplink.start(listener)
    async with asyncio.timeout(TIMEOUT_S):
        await listener.up.wait()
    backend = await asyncio.to_thread(Backend, broker.port, authority.issue("backend"), "gateway-1")
    with capture_logs() as logs:
        async with asyncio.timeout(TIMEOUT_S):
            for topic in wrong:
                backend.response_topic = topic
                await asyncio.to_thread(backend.send, b"")
            backend.response_topic = f"{below}/{'x' * 62}_-"
            assert await asyncio.to_thread(backend.ask, b"") == {}
    assert [log["response_topic"] for log in logs] == wrong
    await uplink.stop()
    backend.stop()


async def test_feed_receives_what_is_published_next_to_commands(
    broker: Mosquitto, authority: Authority
) -> None:
    taken: asyncio.Queue[bytes] = asyncio.Queue()
    answers: asyncio.Queue[str | None] = asyncio.Queue()

    async def handle(command: bytes) -> bytes:
        return command

    commands = Commands("alleycat/gateways/gateway-1/race", handle, answers.put_nowait)
    uplink = IotCore(over_tls(broker.port, authority), "gateway-1")
    uplink.subscribe(commands)
    uplink.subscribe(Feed(TOPIC, taken.put_nowait, answers.put_nowait))
    uplink.start(Listener())
    credentials = authority.issue("backend")
    async with asyncio.timeout(TIMEOUT_S):
        assert [await answers.get(), await answers.get()] == [None, None]
        results = await asyncio.to_thread(ResultsBackend, broker.port, credentials)
        big = b"x" * 128 * 1024
        for payload in (b"", b"one", big):
            results.publish(payload)
            assert await taken.get() == payload
        backend = await asyncio.to_thread(Backend, broker.port, credentials, "gateway-1")
        assert await asyncio.to_thread(backend.ask, b'{"to": "commands"}') == {"to": "commands"}
    assert taken.empty()
    await uplink.stop()
    for client in (results, backend):
        client.stop()


class Passport:
    """A certificate and a key on disk, which can be replaced by another authority's."""

    def __init__(self, directory: Path, authority: Authority) -> None:
        self.authority = authority
        self.certificate, self.key = directory / "cert.pem", directory / "key.pem"
        self.write("gateway-1")

    def write(self, name: str) -> None:
        issued = self.authority.issue(name)
        shutil.copy(issued.certificate_file, self.certificate)
        shutil.copy(issued.private_key_file, self.key)

    def cloud(self, port: int) -> CloudConfig:
        return CloudConfig(
            endpoint="127.0.0.1",
            port=port,
            ca_file=self.authority.ca_file,
            certificate_file=self.certificate,
            private_key_file=self.key,
            reconnect_max_s=1,
        )


@pytest.mark.slow
async def test_hastened_connection_does_not_wait_for_its_back_off(
    broker: Mosquitto, authority: Authority
) -> None:
    broker.stop()
    listener = Listener()
    cloud = over_tls(broker.port, authority).model_copy(update={"reconnect_max_s": 3600.0})
    uplink = IotCore(cloud, "gateway-1")
    uplink.hasten()
    assert uplink._replacing is None, "not before the start"
    uplink.start(listener)
    await asyncio.wait_for(listener.down.wait(), TIMEOUT_S)
    for _ in range(8):  # by itself, it would try after 2, 4, 8 … s on average
        listener.clear()
        uplink.hasten()
        await asyncio.wait_for(listener.down.wait(), HASTE_S)
    broker.start()
    uplink.hasten()
    await asyncio.wait_for(listener.up.wait(), HASTE_S)
    assert uplink.diagnosis is None
    link = uplink._link
    uplink.hasten()
    assert uplink._link is link, "it is connected"
    await uplink.stop()


async def test_replaced_certificate_is_used_from_the_next_connect_on(
    tmp_path: Path, authority: Authority
) -> None:
    passport, listener = Passport(tmp_path, authority), Listener()
    with Mosquitto(tmp_path, authority) as broker:
        uplink = IotCore(passport.cloud(broker.port), "thing")
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            await listener.up.wait()
            passport.write("gateway-2")
            await asyncio.to_thread(broker.stop)
            await listener.down.wait()
            listener.up.clear()
            await asyncio.to_thread(broker.start)
            await listener.up.wait()
        assert uplink.files.problem is None
        await uplink.stop()
    names = re.findall(r"as thing \(.* u'(gateway-\d)'", (tmp_path / "mosquitto.log").read_text())
    assert names == ["gateway-1", "gateway-2"]


async def test_renewed_uplink_uses_the_replaced_certificate_at_once(
    tmp_path: Path, authority: Authority
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("user gateway-2\ntopic write #\n")
    passport, listener = Passport(tmp_path, authority), Listener()
    with Mosquitto(tmp_path, authority, settings=f"acl_file {acl}") as broker:
        uplink = IotCore(passport.cloud(broker.port), "thing")
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            await listener.up.wait()
            uplink.renew()
            assert not listener.down.is_set(), "nothing was replaced"
            passport.write("gateway-2")
            listener.clear()
            uplink.renew()
            uplink.renew()
            assert listener.down.is_set()
            await listener.up.wait()
            uplink.publish(1, b"{}")
            await listener.answered.wait()
        assert listener.answers == [Answer(Verdict.ACCEPTED)]
        await uplink.stop()


async def test_open_publishes_are_answered_once_when_the_uplink_is_renewed(
    tmp_path: Path, authority: Authority, broker: Mosquitto
) -> None:
    passport, listener = Passport(tmp_path, authority), Listener()
    with FaultProxy(broker.port, authority) as proxy:
        uplink = IotCore(passport.cloud(proxy.port), "gateway-1")
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            await listener.up.wait()
            proxy.stall()
            for ticket in range(1, 4):
                uplink.publish(ticket, b"{}")
            passport.write("gateway-2")
            listener.clear()
            uplink.renew()
            assert listener.answers == [RENEWED] * 3
            proxy.flow()
            await listener.up.wait()
        await uplink.stop()
    assert listener.answers == [RENEWED] * 3


async def test_unusable_pair_keeps_the_connection_and_the_loaded_certificate(
    tmp_path: Path, authority: Authority, broker: Mosquitto
) -> None:
    passport, listener = Passport(tmp_path, authority), Listener()
    uplink = IotCore(passport.cloud(broker.port), "gateway-1")
    uplink.start(listener)
    async with asyncio.timeout(TIMEOUT_S):
        await listener.up.wait()
        shutil.copy(authority.issue("gateway-2").certificate_file, passport.certificate)
        uplink.renew()
        assert not listener.down.is_set()
        listener.up.clear()
        await asyncio.to_thread(broker.stop)
        await listener.down.wait()
        await asyncio.to_thread(broker.start)
        await listener.up.wait()
    assert uplink.files.problem is not None
    assert "not in use" in uplink.files.problem
    await uplink.stop()


async def test_uplink_that_is_stopped_while_it_is_renewed_is_silent_afterwards(
    tmp_path: Path, authority: Authority, broker: Mosquitto
) -> None:
    passport, listener = Passport(tmp_path, authority), Listener()
    uplink = IotCore(passport.cloud(broker.port), "gateway-1")
    uplink.start(listener)
    async with asyncio.timeout(TIMEOUT_S):
        await listener.up.wait()
        passport.write("gateway-2")
        uplink.renew()
        listener.clear()
        await uplink.stop()
    assert not listener.answers
    assert not listener.down.is_set()


async def test_notes_left_by_several_threads_are_all_read() -> None:
    """A publish may be answered on the caller's thread while awscrt's leaves a note of its own."""
    cloud = CloudConfig(endpoint="127.0.0.1", port=1, plaintext=True)
    uplink = IotCore(cloud, "gateway-1")
    read: list[int] = []
    everything = asyncio.Event()

    def handler(number: int) -> None:
        read.append(number)
        if len(read) == THREADS * NOTES:
            everything.set()

    def leave(first: int) -> None:
        for number in range(first, first + NOTES):
            uplink._note(handler, number)

    with ThreadPoolExecutor(THREADS) as pool:
        for first in range(0, THREADS * NOTES, NOTES):
            pool.submit(leave, first)
        async with asyncio.timeout(TIMEOUT_S):
            await everything.wait()
    assert sorted(read) == list(range(THREADS * NOTES))


async def test_notes_behind_a_failed_handler_are_still_read() -> None:
    uplink = IotCore(CloudConfig(endpoint="127.0.0.1", port=1, plaintext=True), "gateway-1")
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: told.append(repr(context["exception"]))
    )
    read = asyncio.Event()
    uplink._note([].pop, 0)
    uplink._note(lambda _: read.set(), None)
    async with asyncio.timeout(TIMEOUT_S):
        await read.wait()
    assert told == ["IndexError('pop from empty list')"]


class LimitedBroker:
    """A broker that announces limits in its CONNACK, and accepts each PUBLISH after a while.

    `most_open`: the highest number of publishes that waited for an answer at once.
    """

    def __init__(self, properties: bytes) -> None:
        self._connack = bytes([0x20, 3 + len(properties), 0, 0, len(properties)]) + properties
        self.packets: list[Kind] = []
        self.most_open = 0
        #: Set at the second PINGREQ.
        self.pinged = asyncio.Event()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[CloudConfig]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            yield CloudConfig(endpoint="127.0.0.1", port=port, plaintext=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop, splitter, opened = asyncio.get_running_loop(), Splitter(), set[int]()

        def acknowledge(packet_id: int) -> None:
            opened.remove(packet_id)
            writer.write(encode_puback(packet_id, 0))

        while chunk := await reader.read(4000):
            for packet in splitter.feed(chunk):
                self.packets.append(Kind(kind_of(packet)))
                match self.packets[-1]:
                    case Kind.CONNECT:
                        writer.write(self._connack)
                    case Kind.PINGREQ:
                        writer.write(bytes([0xD0, 0]))
                        if self.packets.count(Kind.PINGREQ) == 2:
                            self.pinged.set()
                    case Kind.PUBLISH:
                        packet_id = parse_publish(packet).packet_id
                        assert packet_id is not None
                        opened.add(packet_id)
                        self.most_open = max(self.most_open, len(opened))
                        loop.call_later(0.05, acknowledge, packet_id)
        writer.close()


async def answers_of(broker: LimitedBroker, count: int) -> list[Answer]:
    """Return the answers to messages of 200 bytes that are published at once."""
    listener = Listener()
    async with broker.serve() as cloud:
        uplink = IotCore(cloud, "gateway-1")
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            await listener.up.wait()
            for ticket in range(count):
                uplink.publish(ticket, b"x" * 200)
            while len(listener.answers) < count:
                listener.answered.clear()
                await listener.answered.wait()
        await uplink.stop()
    assert not listener.down.is_set()
    return listener.answers


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        (bytes([0x27, 0, 0, 0, 100]), "larger than the largest packet that the broker accepts"),
        (bytes([0x24, 0]), "the broker accepts only QoS 0"),
    ],
    ids=["maximum packet size", "maximum QoS"],
)
async def test_limit_that_a_message_exceeds_is_the_reason_of_its_refusal(
    properties: bytes, reason: str
) -> None:
    broker = LimitedBroker(properties)
    [answer] = await answers_of(broker, 1)
    assert answer.verdict is Verdict.REFUSED
    assert reason in answer.reason
    assert Kind.PUBLISH not in broker.packets, "the broker would end the connection"


async def test_receive_maximum_of_the_broker_is_obeyed() -> None:
    broker = LimitedBroker(bytes([0x21, 0, 2]))
    assert await answers_of(broker, 10) == [Answer(Verdict.ACCEPTED)] * 10
    assert broker.most_open == 2


@pytest.mark.parametrize(
    "properties", [bytes([0x25, 0]), bytes([0x22, 0, 0])], ids=["no retain", "no topic aliases"]
)
async def test_limits_of_what_the_gateway_does_not_use_change_nothing(properties: bytes) -> None:
    assert await answers_of(LimitedBroker(properties), 3) == [Answer(Verdict.ACCEPTED)] * 3


async def test_keep_alive_of_the_broker_is_obeyed() -> None:
    broker, listener = LimitedBroker(bytes([0x13, 0, 1])), Listener()
    async with broker.serve() as cloud:
        uplink = IotCore(cloud, "gateway-1")
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            await broker.pinged.wait()
        await uplink.stop()
    assert not listener.down.is_set()


async def test_end_of_a_connection_shows_who_ended_it(tmp_path: Path, authority: Authority) -> None:
    """A namesake is connected last; a network is cut; mosquitto is of before 2.0.15, or newer."""
    with (
        Mosquitto(tmp_path / "m", authority) as broker,
        FaultProxy(broker.port, authority) as proxy,
    ):
        first, second, third = (Listener() for _ in range(3))
        uplinks = []
        for port, listener in ((broker.port, first), (broker.port, second), (proxy.port, third)):
            uplinks.append(IotCore(over_tls(port, authority), "gateway-1"))
            uplinks[-1].start(listener)
            async with asyncio.timeout(TIMEOUT_S):
                await listener.up.wait()
                if listener is second:
                    await first.down.wait()
                    await uplinks[0].stop()
        proxy.cut()
        async with asyncio.timeout(TIMEOUT_S):
            await third.down.wait()
        for uplink in uplinks[1:]:
            await uplink.stop()
    assert first.endings[0] in (Ending.HUNG_UP, Ending.TAKEN_OVER)
    assert third.endings[0] is Ending.BROKEN_OFF


@pytest.fixture
def quick_time_outs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iot_client, "ACK_TIMEOUT_S", 2)
    monkeypatch.setattr(iot_client, "REPORT_S", 1)


@pytest.mark.usefixtures("quick_time_outs")
async def test_broker_that_answers_nothing_any_more_is_named_and_connected_to_again(
    broker: Mosquitto, authority: Authority
) -> None:
    listener = Listener()
    with FaultProxy(broker.port, authority) as proxy:
        uplink = IotCore(over_tls(proxy.port, authority), "gateway-1")
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            await listener.up.wait()
            uplink.publish(1, b"{}")
            await listener.answered.wait()
            listener.clear()
            proxy.half_open()
            for ticket in (2, 3):
                uplink.publish(ticket, b"{}")
            await listener.down.wait()
            assert listener.reason == SILENT.reason
            await listener.up.wait()
            uplink.publish(4, b"{}")
            while len(listener.answers) < 4:
                listener.answered.clear()
                await listener.answered.wait()
        await uplink.stop()
    assert listener.answers == [Answer(Verdict.ACCEPTED), SILENT, SILENT, Answer(Verdict.ACCEPTED)]
    assert listener.endings == [Ending.OTHER]


NORMAL = bytes([0])


class TerseBroker:
    """A broker that answers each PUBLISH with the next of its answers, if there is one left.

    An answer is what follows the packet id; a DISCONNECT is whole. None: no answer.
    """

    def __init__(self, *answers: bytes | None) -> None:
        self._answers = list(answers)
        self._talks: set[asyncio.Task[None] | None] = set()
        self.connects = 0

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[CloudConfig]:
        async with await asyncio.start_server(self._talk, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            yield CloudConfig(endpoint="127.0.0.1", port=port, plaintext=True, reconnect_max_s=1)
            await asyncio.gather(*(talk for talk in self._talks if talk is not None))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.add(asyncio.current_task())
        splitter = Splitter()
        with suppress(OSError):
            while chunk := await reader.read(1000):
                for packet in splitter.feed(chunk):
                    writer.write(self._answer(packet))
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    def _answer(self, packet: bytes) -> bytes:
        kind = kind_of(packet)
        if kind == Kind.CONNECT:
            self.connects += 1
            return bytes([0x20, 3, 0, 0, 0])
        answer = self._answers.pop(0) if self._answers and kind != Kind.DISCONNECT else None
        if answer is None or answer[0] == 0xE0:
            return answer or b""
        packet_id = parse_publish(packet).packet_id
        assert packet_id is not None
        return bytes([0x40, 2 + len(answer), *packet_id.to_bytes(2), *answer])


async def told_by(broker: TerseBroker, tickets: int) -> Listener:
    """Return the listener of an uplink that publishes at once, when all is answered."""
    listener = Listener()
    async with broker.serve() as cloud:
        uplink = IotCore(cloud, "gateway-1")
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            await listener.up.wait()
            for ticket in range(tickets):
                uplink.publish(ticket, b"{}")
            while len(listener.answers) < tickets:
                listener.answered.clear()
                await listener.answered.wait()
        await uplink.stop()
    return listener


@pytest.mark.usefixtures("quick_time_outs")
async def test_message_that_alone_has_no_answer_was_discarded() -> None:
    broker = TerseBroker(None, NORMAL)
    listener = await told_by(broker, 2)
    assert listener.answers == [Answer(Verdict.ACCEPTED), DISCARDED]
    assert (listener.endings, broker.connects) == ([], 1)


def unreadable(code: int, properties: bytes) -> bytes:
    return bytes([code, len(properties)]) + properties


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("quick_time_outs")
@pytest.mark.parametrize("code", [0, 0x87])
@pytest.mark.parametrize("properties", UNREADABLE_TEXTS[:2])
@pytest.mark.parametrize("later", [(), (NORMAL,)], ids=["alone", "before another"])
async def test_message_whose_answer_cannot_be_read_is_refused(
    code: int, properties: bytes, later: tuple[bytes, ...]
) -> None:
    """Awscrt drops the answer, and the message would be in flight forever."""
    broker = TerseBroker(unreadable(code, properties), *later)
    listener = await told_by(broker, 1 + len(later))
    assert listener.answers[-1] == Answer(Verdict.REFUSED, str(UNREADABLE))
    assert listener.answers[:-1] == [Answer(Verdict.ACCEPTED)] * len(later)
    assert (listener.endings, broker.connects) == ([], 1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_disconnect_that_cannot_be_read_makes_suspects() -> None:
    body = unreadable(0x81, UNREADABLE_TEXTS[0])
    listener = await told_by(TerseBroker(bytes([0xE0, len(body)]) + body), 1)
    assert listener.answers == [Answer(Verdict.SUSPECT, str(UNREADABLE))]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0x9C, "use another server: it asks the gateway to use b.example for now; "),
        (0x9D, "server moved: it asks the gateway to use b.example from now on; "),
    ],
)
async def test_other_server_of_a_disconnect_is_named(code: int, words: str) -> None:
    name = b"b.exam\x1bple"
    properties = bytes([0x1C, 0, len(name)]) + name
    body = bytes([code, len(properties)]) + properties
    listener = await told_by(TerseBroker(bytes([0xE0, len(body)]) + body), 1)
    [answer] = listener.answers
    assert answer.verdict is Verdict.RETRY
    assert words.replace("b.example", "b.exam ple") in answer.reason
    assert "set cloud.endpoint" in answer.reason


async def test_files_that_are_replaced_again_while_the_link_is_replaced_are_used(
    tmp_path: Path, authority: Authority
) -> None:
    passport, listener = Passport(tmp_path, authority), Listener()
    with Mosquitto(tmp_path, authority) as broker:
        uplink = IotCore(passport.cloud(broker.port), "thing")
        uplink.start(listener)
        async with asyncio.timeout(TIMEOUT_S):
            await listener.up.wait()
            listener.clear()
            for name in ("gateway-2", "gateway-3"):
                passport.write(name)
                uplink.renew()
            await listener.up.wait()
        assert uplink.files.problem is None
        await uplink.stop()
    names = re.findall(r"as thing \(.* u'(gateway-\d)'", (tmp_path / "mosquitto.log").read_text())
    assert names == ["gateway-1", "gateway-3"]


class SlowDiagnosis:
    """A diagnosis in place of the one that tries the way, which takes as long as the test wants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.may_end, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        monkeypatch.setattr(iot_core, "diagnose_failure", self._diagnose)

    async def _diagnose(self, *_: object) -> Diagnosis:
        self.begun.set()
        try:
            await self.may_end.wait()
        finally:
            self.ended.set()
        return Diagnosis("the past", "forget it")


@pytest.mark.slow
async def test_failure_that_is_judged_after_a_later_connect_is_forgotten(
    broker: Mosquitto, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    diagnosis, listener = SlowDiagnosis(monkeypatch), Listener()
    broker.stop()
    uplink = IotCore(over_tls(broker.port, authority), "gateway-1")
    uplink.start(listener)
    async with asyncio.timeout(TIMEOUT_S):
        await diagnosis.begun.wait()
        broker.start()
        uplink.hasten()
        await listener.up.wait()
        diagnosis.may_end.set()
        await diagnosis.ended.wait()
        await asyncio.sleep(0)
    assert uplink.diagnosis is None
    assert not listener.down.is_set()
    await uplink.stop()


def others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


@pytest.mark.parametrize("is_replacing", [False, True])
async def test_uplink_that_is_stopped_leaves_no_task_whatever_happens_meanwhile(
    tmp_path: Path,
    authority: Authority,
    broker: Mosquitto,
    monkeypatch: pytest.MonkeyPatch,
    is_replacing: bool,
) -> None:
    callbacks: dict[str, Any] = {}

    def build(*arguments: Any, **kept: Any) -> mqtt5.Client:
        assert not callbacks, "a link that is not needed any more"
        callbacks.update(kept)
        return iot_client.build_client(*arguments, **kept)

    def tell(event: str, data: object) -> None:
        callbacks[f"on_lifecycle_event_{event}_fn"](data)

    monkeypatch.setattr(iot_core, "build_client", build)
    SlowDiagnosis(monkeypatch)
    passport, listener, before = Passport(tmp_path, authority), Listener(), others()
    uplink = IotCore(passport.cloud(broker.port), "gateway-1")
    uplink.start(listener)
    async with asyncio.timeout(TIMEOUT_S):
        await listener.up.wait()
        passport.write("gateway-2")
        if is_replacing:
            uplink.renew()
        listener.clear()
        stopping = asyncio.create_task(uplink.stop())
        await asyncio.sleep(0)
        uplink.renew()
        uplink.hasten()
        assert (uplink._replacing is not None) == is_replacing
        tell("attempting_connect", mqtt5.LifecycleAttemptingConnectData())
        tell("connection_failure", mqtt5.LifecycleConnectFailureData(None, OSError()))
        accepted = mqtt5.ConnackPacket(reason_code=mqtt5.ConnectReasonCode.SUCCESS)
        settings = mqtt5.NegotiatedSettings()
        tell("connection_success", mqtt5.LifecycleConnectSuccessData(accepted, settings))
        await stopping
    assert others() == before
    assert not listener.up.is_set()
    assert not listener.down.is_set()


@contextmanager
def no_new_descriptors() -> Iterator[None]:
    """Let this process open no file and no socket for a while."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (STANDARD_STREAMS, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


async def test_connection_that_finds_no_descriptors_is_opened_once_there_are_some(
    broker: Mosquitto, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tunnel of a fixed address family needs some before awscrt does."""
    # asyncio complains about the event loop that it could not make.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    broker.stop()
    cloud = over_tls(broker.port, authority).model_copy(update={"address_family": "ipv4"})
    listener = Listener()
    uplink = IotCore(cloud, "gateway-1")
    uplink.start(listener)
    async with asyncio.timeout(TIMEOUT_S):
        await listener.down.wait()
        listener.clear()
        with no_new_descriptors():
            uplink.hasten()
            await listener.down.wait()
            assert "this computer cannot open a new connection" in listener.reason
            assert "Too many open files" in listener.reason
        broker.start()
        await listener.up.wait()
    await uplink.stop()
