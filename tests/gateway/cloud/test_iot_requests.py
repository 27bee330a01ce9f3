"""Requests to AWS IoT Core's own services: a real broker, and a peer that plays the service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cloud.iot_requests import NoAnswer, NotConnected, Rejected, open_connection
from gateway.config.cloud import CloudConfig
from tests.support.connect_proxy import ConnectProxy
from tests.support.mosquitto import Authority, Credentials, Mosquitto, free_port
from tests.support.provisioning_peer import ISSUE, ProvisioningPeer, rejection


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def peer(tmp_path: Path, authority: Authority) -> Iterator[ProvisioningPeer]:
    with Mosquitto(tmp_path / "broker", authority) as broker:
        peer = ProvisioningPeer(broker, authority)
        yield peer
        peer.stop()


def over_tls(port: int, credentials: Credentials) -> CloudConfig:
    return CloudConfig(
        endpoint="127.0.0.1",
        port=port,
        ca_file=credentials.ca_file,
        certificate_file=credentials.certificate_file,
        private_key_file=credentials.private_key_file,
    )


def test_request_returns_what_was_accepted(peer: ProvisioningPeer) -> None:
    peer.answers[ISSUE] = lambda asked: ("accepted", b'{"said": %d}' % asked["number"])
    with open_connection(over_tls(peer.port, peer.claim), "claim", patience_s=10) as requests:
        assert requests.ask(ISSUE, {"number": 1}) == {"said": 1}
        assert requests.ask(ISSUE, {"number": 2}) == {"said": 2}


def test_request_passes_through_a_proxy(peer: ProvisioningPeer) -> None:
    peer.answers[ISSUE] = lambda _: ("accepted", b"{}")
    with ConnectProxy() as proxy:
        cloud = over_tls(peer.port, peer.claim).model_copy(update={"proxy": proxy.url})
        with open_connection(cloud, "claim", patience_s=10) as requests:
            assert requests.ask(ISSUE, {}) == {}
        assert len(proxy.asked) == 1


def test_rejected_request_has_status_code_and_message(peer: ProvisioningPeer) -> None:
    peer.answers[ISSUE] = rejection(429, "Throttled", "slow down")
    with (
        open_connection(over_tls(peer.port, peer.claim), "claim", patience_s=10) as requests,
        pytest.raises(Rejected, match=r"Throttled \(429\): slow down") as rejected,
    ):
        requests.ask(ISSUE, {})
    assert (rejected.value.status, rejected.value.code) == (429, "Throttled")


@pytest.mark.slow
def test_request_that_nobody_answers_is_given_up(peer: ProvisioningPeer) -> None:
    peer.answers[ISSUE] = lambda _: None
    cloud = over_tls(peer.port, peer.claim)
    with (
        open_connection(cloud, "claim", patience_s=10, answer_within_s=0.5) as requests,
        pytest.raises(NoAnswer, match=r"no answer within 0\.5 s"),
    ):
        requests.ask(ISSUE, {})


def test_connection_that_is_not_made_has_a_reason(authority: Authority) -> None:
    cloud = over_tls(free_port(), authority.issue("claim"))
    with (
        pytest.raises(NotConnected, match="refused"),
        open_connection(cloud, "claim", patience_s=0),
    ):
        raise AssertionError("it is open")


@pytest.mark.parametrize("answer", [b"hello", b"[" * 9999, b"[]"], ids=["text", "nested", "list"])
def test_answer_that_is_no_json_object_is_no_answer(peer: ProvisioningPeer, answer: bytes) -> None:
    peer.answers[ISSUE] = lambda _: ("accepted", answer)
    with (
        open_connection(over_tls(peer.port, peer.claim), "claim", patience_s=10) as requests,
        pytest.raises(NoAnswer, match=r"is not (a )?JSON"),
    ):
        requests.ask(ISSUE, {})
