"""Key and signing request, as openssl-made tools read them."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.provisioning.keys import is_pair, new_private_key, signing_request
from tests.support.mosquitto import Authority


def test_private_keys_are_unique_on_p256_and_not_encrypted() -> None:
    pems = {new_private_key() for _ in range(3)}
    assert len(pems) == 3
    for pem in pems:
        key = load_pem_private_key(pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert key.curve.name == "secp256r1"


def test_the_request_is_signed_by_the_key_and_carries_its_public_half() -> None:
    pem = new_private_key()
    key = load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    request = x509.load_pem_x509_csr(signing_request(pem, "gateway-1").encode())
    assert request.is_signature_valid
    assert request.public_key() == key.public_key()
    assert request.subject.rfc4514_string() == "CN=gateway-1"


def test_a_certificate_and_its_key_are_a_pair(tmp_path: Path) -> None:
    one, other = (Authority(tmp_path).issue(name) for name in ("one", "other"))
    assert is_pair(one.certificate_file, one.private_key_file)
    assert not is_pair(one.certificate_file, other.private_key_file)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN PRIVATE KEY-----\nxx\n"])
def test_missing_or_damaged_key_is_no_pair(tmp_path: Path, content: bytes | None) -> None:
    one = Authority(tmp_path).issue("one")
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    assert not is_pair(one.certificate_file, key)
