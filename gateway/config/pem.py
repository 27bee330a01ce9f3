"""PEM files: whether a certificate and its key can be used."""

import ssl
import stat
from pathlib import Path

from gateway.host.atomic_file import read_file

#: Limit of a file's size, in bytes: Debian's file with all public CAs has 220 KB.
MAX_BYTES = 4 * 1024 * 1024
#: The keys that TLS accepts, here and in AWS IoT Core.
KEYS = "RSA with 2048 bits or more, or ECDSA with the curve P-256, P-384 or P-521"
#: OpenSSL's reasons why a certificate, or one of its CAs in the same file, is too weak.
_TOO_WEAK = {
    "EE_KEY_TOO_SMALL": "its key is",
    "CA_KEY_TOO_SMALL": "the key of a CA in it is",
    "CA_MD_TOO_WEAK": "a signature in it is",
}
#: OpenSSL's reasons for a key that belongs to another certificate.
_MISMATCHES = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
#: The marks of an encrypted key (RFC 7468, 11; RFC 1421, 4.6.1.1).
_ENCRYPTED = (b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")


def open_key_problem(key: Path | None) -> str | None:
    """Describe a private key that every user can access; None if it is protected."""
    assert key is not None
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & stat.S_IRWXO:
        return (
            f"every user can access {key} (mode {mode:04o}); expected mode 0600 or 0640: "
            f"chmod 600 {key}"
        )
    return None


def pair_problem(certificate: Path | None, key: Path | None) -> str | None:
    """Describe why TLS cannot use this key with this certificate; None if it can. Raises OSError.

    Both files must exist.
    """
    assert certificate is not None
    assert key is not None
    if any(mark in key.read_bytes() for mark in _ENCRYPTED):
        remedy = (
            f"to decrypt it, run: openssl pkey -in {key} -out NEW_FILE; then set "
            "cloud.private_key_file to NEW_FILE"
        )
        return f"{key} is encrypted, and the gateway knows no passphrase; {remedy}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        return _unusable(certificate, key, error)
    return None


def _unusable(certificate: Path, key: Path, error: ssl.SSLError) -> str:
    reason = error.reason or ""
    where = f"cloud.certificate_file {certificate}"
    if reason in _TOO_WEAK:
        expected = f"{KEYS}, signed with SHA-256 or better"
        return f"{where}: {_TOO_WEAK[reason]} too weak for TLS ({reason}); expected {expected}"
    if reason in _MISMATCHES:
        return f"{key} does not match {where} ({reason}); expected the certificate's own key"
    if is_damaged(certificate):
        return f"{where} is damaged ({reason or error}); copy it again"
    what = f"{key} cannot be read ({reason or error})"
    return f"{what}; expected the key of {where}; copy the key again"


def is_damaged(certificates: Path) -> bool:
    """Return whether a file of certificates cannot be read as such. Raises OSError."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificates)
    except ssl.SSLError:
        return True
    return False


def pem_problem(file: Path | None, kind: str) -> str | None:
    """Describe a file that does not contain a `kind`, such as "CERTIFICATE"; None if it does."""
    noun = kind.lower()
    if file is None:
        return f"missing; set it to the path of a PEM file that contains a {noun}"
    try:
        content = read_file(file, MAX_BYTES)
    except ValueError as error:
        return f"{file} cannot be a PEM file that contains a {noun}: {error}"
    except OSError as error:
        return f"{file}: {error.strerror}; expected a readable PEM file that contains a {noun}"
    if b"-----BEGIN " not in content or f"{kind}-----".encode() not in content:
        return f"{file} contains no {noun}; expected PEM (-----BEGIN … {kind}-----)"
    return None
