"""An awscrt client is built only from credentials that fit, and its failures are put in words."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from awscrt import exceptions, mqtt5
from cryptography.hazmat.primitives.asymmetric import ed25519

from gateway.cloud import iot_client
from gateway.cloud.credentials import read_credentials
from gateway.cloud.iot_client import (
    build_client,
    explain_failure,
    explain_plaintext_failure,
    name_and_message,
)
from gateway.cloud.uplink import CredentialsError
from gateway.config.cloud import CloudConfig
from tests.gateway.config.test_pem import saved_pair
from tests.support.mosquitto import Authority


def over_tls(certificate: Path, private_key: Path, ca: Path | None) -> CloudConfig:
    return CloudConfig(
        endpoint="127.0.0.1", ca_file=ca, certificate_file=certificate, private_key_file=private_key
    )


def build(cloud: CloudConfig) -> mqtt5.Client:
    return build_client(cloud, "gateway-1", read_credentials(cloud))


def test_client_is_built_from_a_certificate_and_its_key(tmp_path: Path) -> None:
    one = Authority(tmp_path).issue("gateway-1")
    cloud = over_tls(one.certificate_file, one.private_key_file, one.ca_file)
    assert isinstance(build(cloud), mqtt5.Client)


def test_client_without_a_ca_file_trusts_the_cas_of_the_system(tmp_path: Path) -> None:
    one = Authority(tmp_path).issue("gateway-1")
    cloud = over_tls(one.certificate_file, one.private_key_file, None)
    assert isinstance(build(cloud), mqtt5.Client)
    missing = tmp_path / "missing.pem"
    with pytest.raises(CredentialsError) as refused:
        build(over_tls(missing, one.private_key_file, None))
    assert "cloud.ca_file" not in str(refused.value)


def test_kind_of_key_that_tls_does_not_support_is_named(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    certificate_file, key_file = saved_pair(tmp_path, key)
    with pytest.raises(CredentialsError, match="TLS does not support this kind of key") as refused:
        build(over_tls(certificate_file, key_file, None))
    assert "RSA with 2048 bits or more, or ECDSA with the curve P-256" in str(refused.value)


@pytest.mark.parametrize(
    ("explain", "blames_a_certificate"),
    [(explain_failure, True), (explain_plaintext_failure, False)],
)
def test_connection_that_is_cut_is_blamed_on_a_certificate_only_if_there_is_one(
    explain: Callable[[mqtt5.LifecycleConnectFailureData], str], blames_a_certificate: bool
) -> None:
    known = (exceptions.from_code(code) for code in range(1, 0x2000))
    name = "AWS_ERROR_MQTT_UNEXPECTED_HANGUP"
    hang_up = next(error for error in known if getattr(error, "name", "") == name)
    failure = mqtt5.LifecycleConnectFailureData(connack_packet=None, exception=hang_up)
    assert name in explain(failure)
    assert ("certificate" in explain(failure)) == blames_a_certificate


def test_name_and_message_of_an_error_that_is_not_awscrts_have_no_name() -> None:
    assert name_and_message(ValueError("no such host")) == ("", "no such host")
    assert name_and_message(ValueError()) == ("", "ValueError")
    assert name_and_message(exceptions.from_code(1051))[0].startswith("AWS_")


async def test_result_is_not_overdue_before_the_sdk_has_had_time_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(iot_client, "ACK_TIMEOUT_S", 0.05)
    monkeypatch.setattr(iot_client, "REPORT_S", 0.2)
    overdue = asyncio.Event()
    iot_client.call_when_overdue(overdue.set)
    time.sleep(0.3)  # noqa: ASYNC251 the pause of the process
    for _ in range(3):
        await asyncio.sleep(0)
    assert not overdue.is_set()
    await asyncio.wait_for(overdue.wait(), 10)
