"""The gateway's private key, and the request to sign a certificate for it."""

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


def new_private_key() -> bytes:
    """Return a new P-256 key as PEM (PKCS#8).

    AWS IoT accepts P-256, and a Pi generates and uses it without delay, unlike RSA.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def signing_request(private_key_pem: bytes, common_name: str) -> str:
    """Return a signing request as PEM (PKCS#10). X.509 limits `common_name` to 64 characters."""
    key = load_pem_private_key(private_key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name[:64])])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def is_pair(certificate: Path, private_key: Path) -> bool:
    """Return whether both files exist, and the key belongs to the certificate."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(
            certificate, private_key, password=""
        )
    except (OSError, ssl.SSLError):
        return False
    return True
