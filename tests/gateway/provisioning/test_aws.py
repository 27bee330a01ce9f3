"""Provisioning over MQTT: a real broker with mutual TLS, and a peer that plays AWS."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cloud.iot_requests import ANSWER_TIMEOUT_S
from gateway.cloud.uplink import CredentialsError
from gateway.config.cloud import CloudConfig
from gateway.provisioning.aws import CONNECT_WITHIN_S, Claim
from gateway.provisioning.identity import IdentityFiles
from gateway.provisioning.steps import Order, Provisioned, Provisioning, ProvisioningError
from tests.support.mosquitto import Authority, Credentials, Mosquitto
from tests.support.provisioning_peer import ISSUE, REGISTER, Answer, ProvisioningPeer, rejection

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
    credentials = credentials or peer.claim
    cloud = CloudConfig(
        endpoint="127.0.0.1",
        port=peer.port,
        ca_file=credentials.ca_file,
        certificate_file=credentials.certificate_file,
        private_key_file=credentials.private_key_file,
    )
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
