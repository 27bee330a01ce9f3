"""Provisioning over MQTT: a real broker with mutual TLS, and a peer that plays AWS."""

import datetime as dt
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.cloud.iot_requests import ANSWER_TIMEOUT_S
from gateway.cloud.uplink import CredentialsError
from gateway.config.cloud import CloudConfig
from gateway.provisioning.aws import CONNECT_WITHIN_S, Claim
from gateway.provisioning.identity import IdentityFiles
from gateway.provisioning.steps import Order, Provisioned, Provisioning, ProvisioningError
from tests.support.connect_proxy import ConnectProxy
from tests.support.mosquitto import Authority, Credentials, Mosquitto
from tests.support.provisioning_peer import ISSUE, REGISTER, Answer, ProvisioningPeer, rejection
from tests.support.tls_server import Certify, tls_server

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
ORDER = Order("127.0.0.1", "alleycat-gateway", "gateway-1")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def peer(tmp_path: Path, authority: Authority) -> Iterator[ProvisioningPeer]:
    with Mosquitto(tmp_path / "broker", authority) as broker:
        peer = ProvisioningPeer(broker, authority)
        yield peer
        peer.stop()


@pytest.fixture
def files(tmp_path: Path) -> IdentityFiles:
    (tmp_path / "etc").mkdir()
    return IdentityFiles(tmp_path / "etc")


def provision(
    peer: ProvisioningPeer,
    files: IdentityFiles,
    order: Order = ORDER,
    credentials: Credentials | None = None,
    connect_within_s: float = CONNECT_WITHIN_S,
    answer_within_s: float = ANSWER_TIMEOUT_S,
) -> Provisioned:
    cloud = claim_cloud(peer.port, credentials or peer.claim)
    with Claim(cloud, order, connect_within_s, answer_within_s) as claimed:
        return Provisioning(order, files, claimed, lambda: 0.0, lambda _: None).run()


@pytest.mark.slow
def test_a_claim_becomes_a_certificate_that_the_broker_accepts(
    peer: ProvisioningPeer, files: IdentityFiles
) -> None:
    done = provision(peer, files)
    assert [topic for topic, _ in peer.requests] == [ISSUE, REGISTER]
    assert peer.requests[1][1]["parameters"] == {"ThingName": "gateway-1"}
    assert peer.issued == [done.certificate_id]
    assert peer.connected[-1] == done.certificate_id
    assert files.is_pair


def test_the_private_key_is_in_nothing_that_is_sent(
    peer: ProvisioningPeer, files: IdentityFiles
) -> None:
    provision(peer, files)
    secret = files.private_key.read_text().splitlines()[1]
    assert secret not in json.dumps(peer.requests)
    assert "PRIVATE" not in json.dumps(peer.requests)


@pytest.mark.slow
def test_the_claim_connects_once(peer: ProvisioningPeer, files: IdentityFiles) -> None:
    provision(peer, files)
    assert len(peer.connected) == 2  # the claim, and the new certificate


@pytest.mark.parametrize(
    ("topic", "answer", "said"),
    [
        (
            ISSUE,
            rejection(400, "InvalidCsr", "bad"),
            r"rejected: InvalidCsr \(400\): bad; check that the",
        ),
        (REGISTER, rejection(403, "AccessDenied", "no"), r"AccessDenied \(403\): no; .* enabled"),
        (REGISTER, rejection(404, "NotFound", "?"), r"NotFound .*; check that the template exists"),
        (REGISTER, rejection(429, "Throttled", "!"), r"Throttled .*; too many requests"),
        (REGISTER, rejection(418, "Teapot", "!"), r"Teapot \(418\): !; look this error up"),
        (
            REGISTER,
            rejection(400, "InvalidCertificateOwnershipToken", "expired"),
            r"OwnershipToken \(400\): expired; run this command again to get another certificate",
        ),
        (ISSUE, lambda _: ("accepted", b"{}"), "the answer has no 'certificateId'"),
        (ISSUE, lambda _: ("accepted", b"\xff"), "accepted is not JSON"),
        (ISSUE, lambda _: ("accepted", b"[]"), "accepted is not a JSON object"),
        (
            REGISTER,
            lambda _: ("accepted", b'{"thingName":"other"}'),
            "created the thing 'other', not",
        ),
        (REGISTER, lambda _: ("rejected", b"{}"), r"rejected: \? \(0\)"),
    ],
)
def test_a_rejection_says_what_was_rejected_why_and_what_to_do(
    peer: ProvisioningPeer, files: IdentityFiles, topic: str, answer: Answer, said: str
) -> None:
    peer.answers[topic] = answer
    with pytest.raises(ProvisioningError, match=said) as raised:
        provision(peer, files)
    assert topic in str(raised.value) or "thing" in said
    assert "token-of" not in str(raised.value)
    assert not files.is_there


@pytest.mark.slow
@pytest.mark.parametrize("topic", [ISSUE, REGISTER])
def test_missing_answer_ends_provisioning_with_advice(
    peer: ProvisioningPeer, files: IdentityFiles, topic: str
) -> None:
    answer = peer.answers[topic]
    peer.answers[topic] = lambda _: None
    with pytest.raises(
        ProvisioningError, match="no answer within 1 s; check that the claim policy"
    ):
        provision(peer, files, answer_within_s=1)
    peer.answers[topic] = answer
    provision(peer, files)
    assert len(peer.issued) == 1


@pytest.mark.slow
def test_an_answer_that_was_lost_needs_no_second_certificate(
    peer: ProvisioningPeer, files: IdentityFiles
) -> None:
    def registered_in_silence(asked: dict[str, Any]) -> None:
        peer.register(asked)

    peer.answers[REGISTER] = registered_in_silence
    with pytest.raises(ProvisioningError, match="no answer"):
        provision(peer, files, answer_within_s=1)
    done = provision(peer, files)
    assert (done.is_resumed, peer.issued) == (True, [done.certificate_id])
    assert len(peer.requests) == 2


def refused_claim(cloud: CloudConfig) -> str:
    """Return why the first request with the claim fails."""
    with Claim(cloud, ORDER, connect_within_s=0) as claim, pytest.raises(ProvisioningError) as why:
        claim.issue("csr")
    return str(why.value)


def claim_cloud(port: int, claim: Credentials, **changes: object) -> CloudConfig:
    cloud = CloudConfig(
        endpoint="127.0.0.1",
        port=port,
        ca_file=claim.ca_file,
        certificate_file=claim.certificate_file,
        private_key_file=claim.private_key_file,
    )
    return cloud.model_copy(update=changes)


@pytest.mark.parametrize(
    ("certify", "what", "remedy"),
    [
        (
            lambda ca: ca.issue_cert("127.0.0.1", not_before=NOW - 9 * DAY, not_after=NOW - DAY),
            "certificate has expired",
            "the broker needs a new certificate",
        ),
        (
            lambda ca: ca.issue_cert("127.0.0.1", not_before=NOW + DAY, not_after=NOW + 9 * DAY),
            "certificate is not yet valid",
            "check the clock with `timedatectl`",
        ),
        (
            lambda ca: ca.issue_cert("broker.example"),
            "IP address mismatch",
            "cloud.endpoint must be the name in the broker's certificate",
        ),
        (
            lambda _: trustme.CA().issue_cert("127.0.0.1"),
            "unable to get local issuer certificate",
            "cloud.ca_file must contain the CA of the broker's certificate",
        ),
    ],
    ids=["expired", "early", "wrong name", "unknown CA"],
)
def test_faults_of_the_brokers_certificate_are_named_to_the_claim(
    authority: Authority, certify: Certify, what: str, remedy: str
) -> None:
    claim = authority.issue("claim")
    with tls_server(authority, certify) as port:
        reason = refused_claim(claim_cloud(port, claim))
    assert f"with the claim certificate {claim.certificate_file}: 127.0.0.1:{port}: " in reason
    assert what in reason
    assert remedy in reason


@pytest.mark.parametrize(
    ("not_after", "meaning"),
    [(NOW - DAY, "it has expired"), (NOW + DAY, "the broker does not know its CA")],
    ids=["expired", "unknown CA"],
)
def test_claim_that_the_broker_refuses_is_named(
    authority: Authority, tmp_path: Path, not_after: dt.datetime, meaning: str
) -> None:
    ca = authority._ca if not_after < NOW else trustme.CA()
    issued = ca.issue_cert("claim", not_before=NOW - 9 * DAY, not_after=not_after)
    claim = Credentials(authority.ca_file, tmp_path / "claim.pem", tmp_path / "claim.key")
    issued.cert_chain_pems[0].write_to_path(claim.certificate_file)
    issued.private_key_pem.write_to_path(claim.private_key_file)
    with Mosquitto(tmp_path / "broker", authority) as broker:
        reason = refused_claim(claim_cloud(broker.port, claim))
    assert f"the broker refuses the certificate {claim.certificate_file}: {meaning}" in reason


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("302 Found", "open a web page on this network to sign in"),
        ("407 Proxy Authentication Required", "set cloud.proxy_credentials_file to its path"),
        ("403 Forbidden", "that the proxy allows CONNECT to port 8883"),
    ],
)
def test_proxy_that_opens_nothing_for_the_claim_is_named(
    authority: Authority, answer: str, words: str
) -> None:
    with ConnectProxy(answer=f"HTTP/1.1 {answer}\r\n\r\n".encode()) as proxy:
        cloud = claim_cloud(8883, authority.issue("claim"), proxy=proxy.url)
        reason = refused_claim(cloud)
    assert answer in reason
    assert words in reason


def test_web_page_in_place_of_the_broker_is_named_to_the_claim(authority: Authority) -> None:
    def greet(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, suppress(OSError):
                client.recv(10)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        greeting = threading.Thread(target=greet, args=(listener,))
        greeting.start()
        reason = refused_claim(claim_cloud(listener.getsockname()[1], authority.issue("claim")))
        listener.shutdown(socket.SHUT_RDWR)
        greeting.join()
    assert "the answer is not TLS" in reason
    assert "check that this port serves MQTT over TLS" in reason


def test_certificate_that_the_broker_refuses_is_not_taken_for_the_claim(
    authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger").issue("gateway-1")
    with Mosquitto(tmp_path / "broker", authority) as broker:
        cloud = claim_cloud(broker.port, authority.issue("claim"))
        with Claim(cloud, ORDER) as claim:
            reason = claim.why_not(stranger.certificate_file, stranger.private_key_file, 0)
    assert reason is not None
    assert f"the broker refuses the certificate {stranger.certificate_file}" in reason


def test_inactive_claim_is_reported_with_its_file(
    peer: ProvisioningPeer, files: IdentityFiles, authority: Authority
) -> None:
    unknown = authority.issue("another")
    with pytest.raises(ProvisioningError, match="the broker ended the connection") as raised:
        provision(peer, files, credentials=unknown, connect_within_s=0)
    assert str(unknown.certificate_file) in str(raised.value)
    assert f"127.0.0.1:{peer.port}" in str(raised.value)


def test_claim_with_the_key_of_another_is_refused(
    peer: ProvisioningPeer, files: IdentityFiles, authority: Authority
) -> None:
    other = authority.issue("another").private_key_file
    wrong = Credentials(peer.claim.ca_file, peer.claim.certificate_file, other)
    with pytest.raises((CredentialsError, ProvisioningError)):
        provision(peer, files, credentials=wrong)
