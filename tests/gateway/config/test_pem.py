"""Files that are, or are not, a certificate and its key."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from gateway.config.pem import open_key_problem, pair_problem, pem_problem
from tests.support.files import UNREADABLE
from tests.support.mosquitto import Authority, Credentials

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def self_signed(key: PrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway-1")])
    now = dt.datetime.now(dt.UTC)
    until = now + dt.timedelta(days=9)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, until)
    hashed = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, hashed).public_bytes(Encoding.PEM)


def saved_key(directory: Path, key: PrivateKey) -> Path:
    file = directory / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


def saved_pair(directory: Path, key: PrivateKey) -> tuple[Path, Path]:
    certificate = directory / "cert.pem"
    certificate.write_bytes(self_signed(key))
    return certificate, saved_key(directory, key)


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    issued = Authority(tmp_path).issue("gateway-1")
    issued.private_key_file.chmod(0o600)
    return issued


def test_certificate_and_its_protected_key_have_no_problem(credentials: Credentials) -> None:
    certificate, key = credentials.certificate_file, credentials.private_key_file
    assert pem_problem(certificate, "CERTIFICATE") is None
    assert pem_problem(key, "PRIVATE KEY") is None
    assert open_key_problem(key) is None
    assert pair_problem(certificate, key) is None


def test_key_in_place_of_a_certificate_is_described(credentials: Credentials) -> None:
    found = pem_problem(credentials.private_key_file, "CERTIFICATE")
    assert found is not None
    assert "contains no certificate; expected PEM" in found


@pytest.mark.parametrize(("name", "words"), [(None, "missing; set it"), ("gone", "No such file")])
def test_pem_file_that_is_not_there_is_described(
    tmp_path: Path, name: str | None, words: str
) -> None:
    found = pem_problem(tmp_path / name if name else None, "CERTIFICATE")
    assert found is not None
    assert words in found


def test_key_that_every_user_can_read_is_described(credentials: Credentials) -> None:
    credentials.private_key_file.chmod(0o644)
    found = open_key_problem(credentials.private_key_file)
    assert found is not None
    assert "every user can access" in found
    assert "mode 0644" in found


@pytest.mark.parametrize("other", [EC_KEY, RSA_KEY], ids=["ECDSA", "RSA"])
def test_key_of_another_certificate_is_described(
    tmp_path: Path, credentials: Credentials, other: PrivateKey
) -> None:
    found = pair_problem(credentials.certificate_file, saved_key(tmp_path, other))
    assert found is not None
    assert "does not match cloud.certificate_file" in found
    assert "expected the certificate's own key" in found


@pytest.mark.parametrize(
    "weak",
    [rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP192R1())],
    ids=["RSA 1024", "P-192"],
)
def test_weak_key_is_not_said_to_be_anothers(tmp_path: Path, weak: PrivateKey) -> None:
    found = pair_problem(*saved_pair(tmp_path, weak))
    assert found is not None
    assert "cert.pem: its key is too weak for TLS" in found
    assert "expected RSA with 2048 bits or more, or ECDSA with the curve P-256" in found
    assert "match" not in found


def test_certificate_with_a_weak_ca_in_its_file_is_described(tmp_path: Path) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    certificate, key = saved_pair(tmp_path, RSA_KEY)
    with certificate.open("ab") as file:
        file.write(self_signed(weak))
    found = pair_problem(certificate, key)
    assert found is not None
    assert "the key of a CA in it is too weak for TLS" in found


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_encrypted_key_is_described_with_how_to_decrypt_it(
    tmp_path: Path, form: PrivateFormat
) -> None:
    certificate, key = saved_pair(tmp_path, RSA_KEY)
    secret = RSA_KEY.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"x"))
    key.write_bytes(secret)
    found = pair_problem(certificate, key)
    assert found is not None
    assert f"{key} is encrypted" in found
    assert f"openssl pkey -in {key} -out NEW_FILE; then set cloud.private_key_file" in found


@pytest.mark.parametrize("damaged", ["cert.pem", "key.pem"])
def test_damaged_file_of_a_pair_is_named(tmp_path: Path, damaged: str) -> None:
    certificate, key = saved_pair(tmp_path, RSA_KEY)
    file = tmp_path / damaged
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:5], lines[-1], ""]))
    found = pair_problem(certificate, key)
    assert found is not None
    is_key = file == key
    assert (f"{key} cannot be read" if is_key else f"{certificate} is damaged") in found
    assert ("copy the key again" if is_key else "copy it again") in found


@pytest.mark.parametrize("make", UNREADABLE.values(), ids=UNREADABLE)
def test_pem_file_that_is_none_is_neither_waited_for_nor_read(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    file = tmp_path / "file"
    make(file)
    found = pem_problem(file, "CERTIFICATE")
    assert found is not None
    assert f"{file} cannot be a PEM file that contains a certificate: it is " in found
