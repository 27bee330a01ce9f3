"""PEM files: whether a certificate and its key can be used."""

import ssl
import stat
from pathlib import Path


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
    """Describe a key that is not that of the certificate; None if it is."""
    assert certificate is not None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        return (
            f"{key} does not match cloud.certificate_file {certificate}, or one of them is damaged "
            f"({error.reason or error}); expected the unencrypted key of the certificate"
        )
    return None


def pem_problem(file: Path | None, kind: str) -> str | None:
    """Describe a file that does not contain a `kind`, such as "CERTIFICATE"; None if it does."""
    noun = kind.lower()
    if file is None:
        return f"missing; set it to the path of a PEM file that contains a {noun}"
    try:
        if file.exists() and not file.is_file():
            return f"{file} is not a file; expected a PEM file that contains a {noun}"
        content = file.read_bytes()
    except OSError as error:
        return f"{file}: {error.strerror}; expected a readable PEM file that contains a {noun}"
    if b"-----BEGIN " not in content or f"{kind}-----".encode() not in content:
        return f"{file} contains no {noun}; expected PEM (-----BEGIN … {kind}-----)"
    return None
