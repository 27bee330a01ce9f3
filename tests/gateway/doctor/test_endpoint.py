"""Against a real mosquitto with mutual TLS, and against all that can be in its place."""

import asyncio
import datetime as dt
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import trustme
from awscrt import mqtt5

from gateway.cloud import iot_core
from gateway.cloud.connack import UNREADABLE, refusal
from gateway.config.schema import Config
from gateway.doctor.endpoint import CONNECT_S, _followed, _subscribed, check_endpoint
from gateway.terminal.finding import Finding, State
from tests.support.gateways import config
from tests.support.mosquitto import Authority, Credentials, Mosquitto
from tests.support.subscriber import Subscriber

ACL = "user gateway-1\ntopic write alleycat-publish\ntopic read alleycat/gateways/gateway-1/race\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def broker(tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker", authority) as broker:
        yield broker


@pytest.fixture
def strict(tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    """Whoever may do what stands in a file."""
    acl = tmp_path / "acl"
    acl.write_text(ACL)
    with Mosquitto(tmp_path / "strict", authority, settings=f"acl_file {acl}") as broker:
        yield broker


def settings(port: int, credentials: Credentials, **more: object) -> Config:
    made = config(Path("/nowhere"), [{}])
    cloud = made.cloud.model_copy(
        update={
            "endpoint": "127.0.0.1",
            "port": port,
            "plaintext": False,
            "ca_file": credentials.ca_file,
            "certificate_file": credentials.certificate_file,
            "private_key_file": credentials.private_key_file,
            **more,
        }
    )
    return made.model_copy(update={"cloud": cloud})


def remote(settings: Config) -> Config:
    race = settings.race.model_copy(update={"mode": "remote"})
    return settings.model_copy(update={"race": race})


async def test_endpoint_check_passes_and_tells_what_was_not_tried(
    broker: Mosquitto, authority: Authority
) -> None:
    findings = await check_endpoint(settings(broker.port, authority.issue("gateway-1")))
    assert findings == [
        Finding("endpoint", State.OK, f"127.0.0.1:{broker.port} answers with TLS"),
        Finding(
            "cloud",
            State.OK,
            "the broker accepts gateway-1. Publishing to alleycat-publish was not tested, because "
            "each message there becomes part of a race; to test another topic, add --publish",
        ),
    ]


async def test_endpoint_check_publishes_only_when_asked_to_and_never_telemetry(
    broker: Mosquitto, authority: Authority
) -> None:
    """A rule forwards all telemetry: what arrives there is a race, or stops the consumers."""
    gateway = settings(broker.port, authority.issue("gateway-1"))
    everything, telemetry = [
        await asyncio.to_thread(Subscriber, broker.port, authority.issue(name), topic, name)
        for name, topic in (("everything", "#"), ("telemetry", "alleycat-publish"))
    ]
    await check_endpoint(gateway)
    *_, finding = await check_endpoint(gateway, publish=True)
    assert finding == Finding(
        "topic",
        State.OK,
        "a message to alleycat/gateways/gateway-1/race/check was accepted. Publishing to "
        "alleycat-publish was not tested, because each message there becomes part of a race; "
        "during the first race, `alleycat-gateway status` shows whether the broker accepts "
        "messages to alleycat-publish",
    )
    await asyncio.to_thread(everything.wait_for_payloads, 1)
    assert everything.payloads == [b'{"check":true}']
    assert telemetry.payloads == []
    everything.stop()
    telemetry.stop()


async def test_endpoint_check_finds_a_policy_that_does_not_allow_its_topic(
    strict: Mosquitto, authority: Authority
) -> None:
    gateway = settings(strict.port, authority.issue("gateway-1"))
    *_, finding = await check_endpoint(gateway, publish=True)
    assert finding.state is State.FAILED
    assert "not authorised to publish to alleycat/gateways/gateway-1/race/check" in finding.what
    assert finding.remedy.startswith(
        "the thing's policy must allow iot:Publish for topic/alleycat/gateways/gateway-1/race/check"
    )


async def test_broker_without_tls_that_hangs_up_is_not_blamed_on_a_certificate(
    authority: Authority,
) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    *_, cloud = await check_endpoint(
        settings(port, authority.issue("gateway-1"), plaintext=True), step_s=5
    )
    server.close()
    assert cloud.state is State.FAILED
    assert "closed the connection" in cloud.what
    assert cloud.remedy == "check that the broker on this computer allows gateway-1 to connect"
    assert "certificate" not in cloud.what + cloud.remedy


async def test_race_commands_are_subscribed_to_in_remote_mode(
    strict: Mosquitto, authority: Authority
) -> None:
    gateway = remote(settings(strict.port, authority.issue("gateway-1")))
    *_, finding = await check_endpoint(gateway)
    topic = "alleycat/gateways/gateway-1/race"
    assert finding == Finding("topic", State.OK, f"subscribed to race commands on {topic}")


def test_refused_subscription_is_corrected_in_the_policy_of_the_thing(authority: Authority) -> None:
    gateway = settings(8883, authority.issue("gateway-1"))
    remedy = "the thing's policy must allow iot:Subscribe and iot:Receive for a/b"
    for finding in (_subscribed(gateway, "a/b", "refused"), _followed(gateway, "a/b", "refused")):
        assert finding.remedy == remedy


async def test_broker_without_tls_that_refuses_a_request_has_no_policy_to_correct(
    authority: Authority,
) -> None:
    server, port = await refusing_broker()
    cloud = {"plaintext": True, "results_topic": "alleycat-subscribe"}
    gateway = remote(settings(port, authority.issue("gateway-1"), **cloud))
    *_, commands, results, probe = await check_endpoint(gateway, publish=True)
    assert [one.state for one in (commands, results, probe)] == [
        State.FAILED,
        State.WARNING,
        State.FAILED,
    ]
    allow = "check that the broker on this computer allows gateway-1 to"
    topic = "alleycat/gateways/gateway-1/race"
    assert commands.what == f"cannot subscribe to race commands on {topic}: not authorized"
    assert results.what == (
        "cannot subscribe to results on alleycat-subscribe: not authorized. There will be no ranks"
    )
    assert commands.remedy == f"{allow} subscribe to {topic}"
    assert results.remedy == f"{allow} subscribe to alleycat-subscribe"
    assert probe.remedy == f"{allow} publish to {topic}/check"
    server.close()


async def test_results_are_subscribed_to_if_they_have_a_topic(
    broker: Mosquitto, authority: Authority
) -> None:
    results = {"results_topic": "alleycat-subscribe"}
    gateway = remote(settings(broker.port, authority.issue("gateway-1"), **results))
    *_, commands, finding = await check_endpoint(gateway)
    assert commands.what.startswith("subscribed to race commands")
    assert finding == Finding("topic", State.OK, "subscribed to results on alleycat-subscribe")


async def refusing_broker() -> tuple[asyncio.Server, int]:
    """Start a broker that refuses each subscription and message.

    mosquitto itself grants every subscription, and sends nothing.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                writer.write(_refusal_of(*await _packet(reader)))
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read an MQTT packet: its first byte, and what follows its length."""
    kind, length, shift, byte = (await reader.readexactly(1))[0], 0, 0, 0x80
    while byte & 0x80:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
    return kind, await reader.readexactly(length)


def _refusal_of(kind: int, body: bytes) -> bytes:
    """Return the answer to a packet: a CONNECT is accepted; b"" to those that need no answer."""
    match kind:
        case 0x10:
            return bytes([0x20, 3, 0, 0, 0])
        case 0x82:
            return bytes([0x90, 4, *body[:2], 0, 0x87])
        case 0x32:
            topic_bytes = int.from_bytes(body[:2])
            ticket = body[2 + topic_bytes : 4 + topic_bytes]
            return bytes([0x40, 3, *ticket, 0x87])
        case 0xC0:
            return bytes([0xD0, 0])
        case _:
            return b""


async def test_a_client_of_another_ca_is_refused_by_the_broker(
    broker: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger").issue("gateway-1")
    mixed = Credentials(authority.ca_file, stranger.certificate_file, stranger.private_key_file)
    endpoint_, cloud = await check_endpoint(settings(broker.port, mixed))
    assert endpoint_.state is State.OK, "TLS 1.3 tells the client of it only afterwards"
    assert cloud.state is State.FAILED
    assert f"the broker refuses the certificate {stranger.certificate_file}" in cloud.what
    assert "the broker does not know its CA" in cloud.what
    assert "check that the certificate is active" in cloud.remedy


async def test_an_expired_certificate_is_refused_by_the_broker(
    tmp_path: Path,
) -> None:
    ca = trustme.CA()
    directory = tmp_path / "own"
    authority = Authority(directory)
    ca.cert_pem.write_to_path(authority.ca_file)
    authority._ca = ca
    now = dt.datetime.now(dt.UTC)
    old = ca.issue_cert(
        "gateway-1",
        not_before=now - dt.timedelta(days=9),
        not_after=now - dt.timedelta(days=1),
    )
    old.cert_chain_pems[0].write_to_path(directory / "old.pem")
    old.private_key_pem.write_to_path(directory / "old.key")
    credentials = Credentials(authority.ca_file, directory / "old.pem", directory / "old.key")
    with Mosquitto(tmp_path / "broker", authority) as broker:
        *_, cloud = await check_endpoint(settings(broker.port, credentials))
    assert cloud.state is State.FAILED
    assert "it has expired" in cloud.what


async def test_a_broker_of_another_ca_is_not_believed(
    broker: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    mine = authority.issue("gateway-1")
    other = Authority(tmp_path / "other").ca_file
    (finding,) = await check_endpoint(settings(broker.port, mine, ca_file=other))
    assert finding.state is State.FAILED
    assert "cloud.ca_file must contain the CA" in finding.remedy


async def test_without_a_ca_file_the_public_cas_count(
    broker: Mosquitto, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(broker.port, authority.issue("gateway-1"), ca_file=None)
    (finding,) = await check_endpoint(config)
    assert finding.state is State.FAILED, "the test's CA is not a public one"
    assert "install the public CAs" not in finding.remedy, "they are installed"
    assert "set cloud.ca_file to the certificate of its CA" in finding.remedy
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    findings = await check_endpoint(config)
    assert [one.state for one in findings] == [State.OK, State.OK], findings


async def test_a_broker_of_another_name_is_not_believed(
    broker: Mosquitto, authority: Authority
) -> None:
    mine = authority.issue("gateway-1")
    (finding,) = await check_endpoint(settings(broker.port, mine, endpoint="localhost"))
    assert "Hostname mismatch" in finding.what
    assert finding.remedy == "cloud.endpoint must be the name in the broker's certificate"


async def test_endpoint_name_that_does_not_resolve_is_reported(authority: Authority) -> None:
    mine = authority.issue("gateway-1")
    (finding,) = await check_endpoint(settings(8883, mine, endpoint="nowhere.invalid"))
    assert finding.what.startswith("nowhere.invalid: name not resolved")
    assert "this computer is online" in finding.remedy


async def test_endpoint_port_where_nobody_listens_is_reported(authority: Authority) -> None:
    (finding,) = await check_endpoint(settings(1, authority.issue("gateway-1")))
    assert finding.what == "127.0.0.1:1: Connection refused"
    assert "to use a cloud, run: sudo alleycat-gateway setup" in finding.remedy


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """It takes the connection, and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


async def test_endpoint_that_never_answers_is_given_up_soon(
    silent: int, authority: Authority
) -> None:
    config = settings(silent, authority.issue("gateway-1"))
    (finding,) = await check_endpoint(config, connect_s=0.2, step_s=0.2)
    where = f"127.0.0.1:{silent}"
    assert finding.what == f"{where}: connected, but the TLS handshake gets no answer"
    assert "MTU" in finding.remedy


async def test_broker_that_never_answers_is_given_up_soon(
    silent: int, authority: Authority
) -> None:
    mine = authority.issue("gateway-1")
    *_, cloud = await check_endpoint(settings(silent, mine, plaintext=True), connect_s=0.3)
    assert cloud.what == "no answer in time"


@pytest.mark.parametrize("answer", [b"\x20\x02\x00\x01", b"\x20\x02\x00\x00", b"\xff" * 50])
async def test_broker_that_does_not_speak_mqtt_5_is_named(
    authority: Authority, answer: bytes
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)  # as a broker for MQTT 3.1.1 does, and one that is none
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        mine = authority.issue("gateway-1")
        (finding,) = await check_endpoint(settings(port, mine, plaintext=True))
    assert finding.what == f"127.0.0.1:{port}: the answer is not MQTT 5"
    assert "supports MQTT 5" in finding.remedy


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes) -> None:
    with suppress(OSError):
        await reader.read(1000)
        writer.write(answer)
        writer.write_eof()
        await reader.read()
    writer.close()


@pytest.mark.parametrize("code", [*mqtt5.ConnectReasonCode][1:])
async def test_refusal_has_the_words_and_the_advice_of_the_status(
    authority: Authority, code: mqtt5.ConnectReasonCode
) -> None:
    talk = partial(refuse, answer=bytes([0x20, 3, 0, code, 0]))
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        gateway = settings(port, authority.issue("gateway-1"), plaintext=True)
        reached, finding = await check_endpoint(gateway)
    assert reached.state is State.OK
    expected = refusal(gateway.cloud, "gateway-1", mqtt5.ConnackPacket(reason_code=code))
    assert finding == Finding("cloud", State.FAILED, expected.what, expected.remedy)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_answer_that_is_not_utf_8_is_not_called_late(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert iot_core.ATTEMPT_S < CONNECT_S
    monkeypatch.setattr(iot_core, "ATTEMPT_S", 1.5)
    talk = partial(refuse, answer=bytes([0x20, 8, 0, 0x87, 5, 0x1F, 0, 2, 0xFF, 0xFE]))
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        gateway = settings(port, authority.issue("gateway-1"), plaintext=True)
        reached, finding = await check_endpoint(gateway)
    assert reached.state is State.OK
    assert finding == Finding("cloud", State.FAILED, UNREADABLE.what, UNREADABLE.remedy)


async def test_private_key_of_another_certificate_is_a_failure(
    broker: Mosquitto, authority: Authority
) -> None:
    mine, other = authority.issue("gateway-1"), authority.issue("gateway-2")
    (finding,) = await check_endpoint(
        settings(broker.port, mine, private_key_file=other.private_key_file)
    )
    assert finding.state is State.FAILED
    assert "does not match cloud.certificate_file" in finding.what
