"""Each way in which a connection can fail before MQTT begins, with real sockets and real TLS."""

import asyncio
import datetime as dt
import ipaddress
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.cloud.diagnosis import Diagnosis, diagnose, swallowed
from gateway.config.cloud import CloudConfig
from tests.support.connect_proxy import ConnectProxy
from tests.support.mosquitto import Authority
from tests.support.tls_server import Certify, tls_server

AWS = "a1-ats.iot.eu-west-1.amazonaws.com"
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def to(port: int, authority: Authority, **changes: object) -> CloudConfig:
    mine = authority.issue("gateway-1")
    cloud = CloudConfig(
        endpoint="127.0.0.1",
        port=port,
        ca_file=mine.ca_file,
        certificate_file=mine.certificate_file,
        private_key_file=mine.private_key_file,
    )
    return cloud.model_copy(update=changes)


async def found(cloud: CloudConfig, step_s: float = 5.0) -> Diagnosis:
    diagnosis = await diagnose(cloud, cloud.address_family, step_s)
    assert diagnosis is not None
    return diagnosis


def good(ca: trustme.CA) -> trustme.LeafCert:
    return ca.issue_cert("127.0.0.1")


async def test_way_on_which_nothing_fails_has_no_diagnosis(authority: Authority) -> None:
    with tls_server(authority, good) as port:
        assert await diagnose(to(port, authority), "auto") is None


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
            "check the clock",
        ),
        (
            lambda ca: ca.issue_cert("broker.example"),
            "IP address mismatch",
            "cloud.endpoint must be the name in the broker's certificate",
        ),
        (
            lambda _: trustme.CA().issue_cert("127.0.0.1"),
            "certificate",
            "cloud.ca_file must contain the CA of the broker's certificate",
        ),
    ],
    ids=["expired", "early", "wrong name", "unknown CA"],
)
async def test_faults_of_the_brokers_certificate_are_told_apart(
    authority: Authority, certify: Certify, what: str, remedy: str
) -> None:
    with tls_server(authority, certify) as port:
        diagnosis = await found(to(port, authority))
    assert diagnosis.what.startswith(f"127.0.0.1:{port}: ")
    assert what in diagnosis.what
    assert remedy in diagnosis.remedy
    assert not diagnosis.is_refusal


@pytest.mark.parametrize(
    ("begin", "end"), [(NOW - 9 * DAY, NOW - DAY), (NOW + DAY, NOW + 9 * DAY)], ids=["old", "early"]
)
@pytest.mark.parametrize("endpoint", ["127.0.0.1", AWS])
async def test_dates_of_the_own_ca_file_are_not_blamed_on_the_broker(
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    begin: dt.datetime,
    end: dt.datetime,
    endpoint: str,
) -> None:
    leads_here(monkeypatch)
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(dated(authority._ca, begin, end))
    with tls_server(authority, lambda ca: ca.issue_cert(endpoint)) as port:
        remedy = (await found(to(port, authority, endpoint=endpoint, ca_file=ca_file))).remedy
    assert remedy.startswith("check the clock")
    assert "cloud.ca_file" in remedy
    assert "the broker needs" not in remedy
    assert ("for AWS, remove" in remedy) == (endpoint == AWS)


async def test_certificate_for_clients_in_the_broker_is_not_blamed_on_the_ca(
    authority: Authority,
) -> None:
    certify = partial(purposed, purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
    with tls_server(authority, certify) as port:
        diagnosis = await found(to(port, authority))
    assert "unsuitable certificate purpose" in diagnosis.what
    assert diagnosis.remedy.startswith("the broker needs another certificate: for a server")


async def test_own_certificate_for_servers_is_not_blamed_on_its_key_alone(
    authority: Authority, tmp_path: Path
) -> None:
    issued = purposed(authority._ca, ExtendedKeyUsageOID.SERVER_AUTH)
    both = tmp_path / "both.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(both)
    with tls_server(authority, good) as port:
        diagnosis = await found(to(port, authority, certificate_file=both, private_key_file=both))
    assert "it is not for a client" in diagnosis.what
    assert "clientAuth" in diagnosis.remedy


async def test_own_curve_that_tls_leaves_out_is_named(authority: Authority, tmp_path: Path) -> None:
    issued = purposed(authority._ca, ExtendedKeyUsageOID.CLIENT_AUTH, ec.SECP224R1())
    both = tmp_path / "both.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(both)
    with tls_server(authority, good) as port:
        diagnosis = await found(to(port, authority, certificate_file=both, private_key_file=both))
    assert "the broker does not support its kind of key" in diagnosis.what
    assert "ECDSA with the curve P-256, P-384 or P-521" in diagnosis.remedy


def dated(ca: trustme.CA, begin: dt.datetime, end: dt.datetime) -> bytes:
    """Return the CA's certificate with other dates, as PEM."""
    old, key = parts(ca)
    builder = x509.CertificateBuilder(old.issuer, old.subject, old.public_key(), 1, begin, end)
    for one in old.extensions:
        builder = builder.add_extension(one.value, one.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def purposed(
    ca: trustme.CA, purpose: x509.ObjectIdentifier, curve: ec.EllipticCurve | None = None
) -> trustme.LeafCert:
    """Return a certificate of this computer's address for one purpose only."""
    issuer, ca_key = parts(ca)
    key = ec.generate_private_key(curve or ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway-1")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(issuer.subject, name, key.public_key(), 1, NOW, NOW + DAY)
    builder = builder.add_extension(here, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    issued = builder.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return trustme.LeafCert(secret, issued, [])


def parts(ca: trustme.CA) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = load_pem_private_key(ca.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return x509.load_pem_x509_certificate(ca.cert_pem.bytes()), key


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("own", "meaning"),
    [
        (lambda: trustme.CA().issue_cert("gateway-1"), "the broker does not know its CA"),
        (None, "it has expired"),
    ],
    ids=["unknown CA", "expired"],
)
async def test_refusal_of_the_gateways_certificate_is_recognised(
    authority: Authority,
    tmp_path: Path,
    version: ssl.TLSVersion,
    own: Callable[[], trustme.LeafCert] | None,
    meaning: str,
) -> None:
    old = authority._ca.issue_cert("g", not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    issued = old if own is None else own()
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    with tls_server(authority, good, version=version) as port:
        cloud = to(port, authority, certificate_file=certificate, private_key_file=key)
        diagnosis = await found(cloud)
    assert diagnosis.is_refusal
    assert f"the broker refuses the certificate {certificate}" in diagnosis.what
    assert meaning in diagnosis.what


@pytest.mark.parametrize(
    ("certify", "with_ca_file", "remedy"),
    [
        (lambda ca: ca.issue_cert("portal.example"), True, "a captive portal"),
        (lambda _: trustme.CA().issue_cert(AWS), False, "a captive portal"),
        (lambda _: trustme.CA().issue_cert(AWS), True, "for AWS, remove cloud.ca_file"),
    ],
    ids=["another name", "another CA", "another CA than in ca_file"],
)
async def test_other_server_in_place_of_aws_is_named(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    certify: Certify,
    with_ca_file: bool,
    remedy: str,
) -> None:
    leads_here(monkeypatch)
    with tls_server(authority, certify) as port:
        cloud = to(port, authority, endpoint=AWS)
        if not with_ca_file:
            cloud = cloud.model_copy(update={"ca_file": None})
        assert remedy in (await found(cloud)).remedy


@pytest.mark.parametrize(
    ("endpoint", "with_ca_file", "own_cause"),
    [
        (AWS, False, ""),
        (AWS, True, "for AWS, remove cloud.ca_file"),
        (AWS.replace("-ats", ""), True, "--endpoint-type iot:Data-ATS"),
        ("iot.example.com", False, "set cloud.ca_file to the certificate of its CA"),
        ("mqtt.example.com", True, "cloud.ca_file must contain the CA"),
    ],
)
async def test_portal_is_named_after_what_the_config_may_have_wrong(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str,
    with_ca_file: bool,
    own_cause: str,
) -> None:
    leads_here(monkeypatch)
    with tls_server(authority, lambda _: trustme.CA().issue_cert("portal.example")) as port:
        cloud = to(port, authority, endpoint=endpoint)
        if not with_ca_file:
            cloud = cloud.model_copy(update={"ca_file": None})
        remedy = (await found(cloud)).remedy
    assert own_cause in remedy
    assert remedy.endswith(f"ask for an exception for {endpoint})")
    assert remedy.startswith("another server answers") == (not own_cause)


async def test_right_ca_of_aws_is_not_advised_against(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leads_here(monkeypatch)
    ca_file = tmp_path / "AmazonRootCA1.pem"
    ca_file.write_bytes(named_ca("Amazon Root CA 1"))
    with tls_server(authority, good) as port:
        remedy = (await found(to(port, authority, endpoint=AWS, ca_file=ca_file))).remedy
    assert remedy.startswith("another server answers instead of AWS: a captive portal")
    assert "ca_file" not in remedy


def named_ca(name: str) -> bytes:
    """Return the certificate of a CA with this name, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, NOW - DAY, NOW + DAY)
    ca = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
    return ca.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("certify", "remedy"),
    [
        (lambda ca: ca.issue_cert(AWS, not_after=NOW - DAY), "a captive portal"),
        (lambda ca: ca.issue_cert(AWS, not_before=NOW + DAY), "check the clock"),
    ],
    ids=["expired", "early"],
)
async def test_aws_is_not_thought_to_need_a_new_certificate(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, certify: Certify, remedy: str
) -> None:
    leads_here(monkeypatch)
    with tls_server(authority, certify) as port:
        found_remedy = (await found(to(port, authority, endpoint=AWS))).remedy
    assert remedy in found_remedy
    assert "the broker needs" not in found_remedy


def leads_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a network that leads every name to this computer."""

    async def portal(*_: object) -> list[tuple[int, str]]:
        return [(socket.AF_INET, "127.0.0.1")]

    monkeypatch.setattr("gateway.cloud.way.addresses", portal)


async def test_missing_public_cas_are_named(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_server(authority, good) as port:
        cloud = to(port, authority, ca_file=None)
        assert "sudo apt install ca-certificates" not in (await found(cloud)).remedy
        monkeypatch.setattr("gateway.cloud.diagnosis.PUBLIC_CAS", "/nowhere")
        assert "sudo apt install ca-certificates" in (await found(cloud)).remedy


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory; expected"),
        (b"ada", "expected a single line: user:password"),
        (b"ada:\xff", "not UTF-8"),
    ],
    ids=["missing", "malformed", "binary"],
)
async def test_unreadable_credentials_are_not_blamed_on_the_proxy(
    authority: Authority, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "proxy"
    if content is not None:
        file.write_bytes(content)
    with ConnectProxy() as proxy:
        cloud = to(8883, authority, proxy=proxy.url, proxy_credentials_file=file)
        diagnosis = await found(cloud)
    assert diagnosis.what.startswith(f"no credentials for the proxy 127.0.0.1:{proxy.port}: {file}")
    assert reason in diagnosis.what
    assert str(file) in diagnosis.remedy
    assert "CONNECT" not in diagnosis.remedy


async def test_name_that_does_not_resolve_is_named(authority: Authority) -> None:
    diagnosis = await found(to(8883, authority, endpoint="nowhere.invalid"))
    assert diagnosis.what.startswith("nowhere.invalid: name not resolved: ")
    assert "spelled correctly" in diagnosis.remedy


async def test_address_family_without_an_address_is_named(authority: Authority) -> None:
    diagnosis = await found(to(8883, authority, address_family="ipv6"))
    assert diagnosis.what == (
        "127.0.0.1: no ipv6 address, and cloud.address_family allows no other"
    )


async def test_port_without_a_listener_is_named(authority: Authority) -> None:
    diagnosis = await found(to(1, authority))
    assert diagnosis.what == "127.0.0.1:1: Connection refused"
    assert "start the broker on this computer" in diagnosis.remedy


async def test_host_that_refuses_is_neither_misspelled_nor_out_of_reach(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads_here(monkeypatch)
    diagnosis = await found(to(1, authority, endpoint="mqtt.example.com"))
    assert diagnosis.remedy == "check cloud.endpoint and cloud.port"


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """Take connections, and send nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


async def test_path_that_opens_and_swallows_names_the_mtu(
    silent: int, authority: Authority
) -> None:
    cloud = to(silent, authority)
    diagnosis = await found(cloud, step_s=0.3)
    assert diagnosis == swallowed(cloud)
    assert diagnosis.what.endswith("connected, but the TLS handshake gets no answer")
    assert "MTU" in diagnosis.remedy
    assert "address_family" not in diagnosis.remedy
    one = swallowed(cloud.model_copy(update={"address_family": "ipv6"}))
    assert 'cloud.address_family = "ipv4"' in one.remedy


async def test_handshake_that_succeeds_is_not_said_to_get_no_answer(authority: Authority) -> None:
    diagnosis = swallowed(to(8883, authority), "AWS_ERROR_MQTT5_CONNACK_TIMEOUT")
    assert (
        diagnosis.what == "127.0.0.1:8883: connected, but the broker sends no complete MQTT answer"
    )
    assert "MTU" in diagnosis.remedy


@pytest.fixture
async def full() -> AsyncIterator[int]:
    """Have a full queue of connections, so that the kernel answers no other one."""
    with socket.socket() as server, socket.socket() as one, socket.socket() as two:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for client in (one, two):
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@pytest.mark.parametrize(("is_443", "words"), [(False, "try port = 443"), (True, "outgoing TLS")])
async def test_firewall_is_not_advised_the_port_that_is_in_use(
    full: int, authority: Authority, monkeypatch: pytest.MonkeyPatch, is_443: bool, words: str
) -> None:
    if is_443:
        monkeypatch.setattr("gateway.cloud.diagnosis.ALPN_PORT", full)
    diagnosis = await found(to(full, authority), step_s=0.3)
    assert diagnosis.what == f"127.0.0.1:{full}: no answer"
    assert words in diagnosis.remedy
    assert ("try port = 443" in diagnosis.remedy) != is_443


@pytest.mark.parametrize("answer", ["302 Found", "511 Network Authentication Required"])
async def test_proxy_that_asks_for_a_sign_in_is_a_portal(authority: Authority, answer: str) -> None:
    with ConnectProxy(answer=f"HTTP/1.1 {answer}\r\nLocation: http://x/\r\n\r\n".encode()) as proxy:
        diagnosis = await found(to(8883, authority, proxy=proxy.url))
    assert answer in diagnosis.what
    assert "open a web page on this network to sign in" in diagnosis.remedy


async def test_proxy_that_is_not_there_is_not_said_to_refuse(authority: Authority) -> None:
    diagnosis = await found(to(8883, authority, proxy="http://127.0.0.1:1"))
    assert diagnosis.what == "the proxy 127.0.0.1:1: Connection refused"
    assert diagnosis.remedy == "check cloud.proxy, and that the proxy is running"


@pytest.mark.parametrize("answer", ["502 Bad Gateway", "504 Gateway Timeout"])
async def test_proxy_that_cannot_reach_the_endpoint_is_not_to_blame(
    authority: Authority, answer: str
) -> None:
    with ConnectProxy(answer=f"HTTP/1.1 {answer}\r\n\r\n".encode()) as proxy:
        diagnosis = await found(to(8883, authority, proxy=proxy.url))
    assert answer in diagnosis.what
    assert "check that cloud.endpoint is right" in diagnosis.remedy
    assert "cloud.proxy" not in diagnosis.remedy


@pytest.mark.parametrize(
    ("schemes", "remedy"),
    [
        (("NTLM", "Negotiate"), "which this proxy does not accept"),
        (("Negotiate", 'Basic realm="x"'), "proxy_credentials_file"),
        ((), "proxy_credentials_file"),
    ],
)
async def test_proxy_without_our_way_to_sign_in_needs_no_other_password(
    authority: Authority, schemes: tuple[str, ...], remedy: str
) -> None:
    headers = "".join(f"Proxy-Authenticate: {scheme}\r\n" for scheme in schemes)
    answer = f"HTTP/1.1 407 Proxy Authentication Required\r\n{headers}\r\n"
    with ConnectProxy(answer=answer.encode()) as proxy:
        assert remedy in (await found(to(8883, authority, proxy=proxy.url))).remedy


async def test_login_page_of_a_proxy_is_a_portal(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Sign in</html>"
    leads_here(monkeypatch)
    with ConnectProxy(answer=page) as proxy:
        diagnosis = await found(to(8883, authority, endpoint=AWS, proxy=proxy.url))
    assert "the answer is not TLS" in diagnosis.what
    assert "another server answers instead of AWS: a captive portal" in diagnosis.remedy


@pytest.mark.parametrize("endpoint", [AWS, "mqtt.example.com", "127.0.0.1"])
async def test_web_page_in_place_of_a_broker_is_named(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    leads_here(monkeypatch)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        diagnosis = await found(to(port, authority, endpoint=endpoint))
    assert "TLS handshake failed" in diagnosis.what
    assert "check that this port serves MQTT over TLS" in diagnosis.remedy
    assert ("a captive portal" in diagnosis.remedy) == (endpoint != "127.0.0.1")


async def test_server_that_hangs_up_within_the_handshake_is_named(authority: Authority) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        await reader.read(4096)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        diagnosis = await found(to(server.sockets[0].getsockname()[1], authority))
    assert diagnosis.what.endswith("TLS handshake failed: the connection was closed")


async def test_files_that_are_being_replaced_are_no_diagnosis(authority: Authority) -> None:
    cloud = to(8883, authority, private_key_file=authority.issue("other").private_key_file)
    assert await diagnose(cloud, "auto") is None


@pytest.mark.parametrize("key", ["ca_file", "certificate_file", "private_key_file"])
async def test_fifo_in_place_of_a_file_is_not_waited_for(
    authority: Authority, tmp_path: Path, key: str
) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert await diagnose(to(8883, authority, **{key: tmp_path / "fifo"}), "auto") is None


async def test_broker_without_tls_is_reached_by_a_connection_alone(silent: int) -> None:
    cloud = CloudConfig(endpoint="127.0.0.1", port=silent, plaintext=True)
    assert await diagnose(cloud, "auto") is None


def test_diagnosis_in_one_sentence_has_the_remedy() -> None:
    assert str(Diagnosis("no answer", "wait")) == "no answer; wait"
