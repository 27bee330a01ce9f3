"""The certificate files that a connection uses, and their replacements on disk."""

from dataclasses import dataclass, field
from pathlib import Path

from gateway.cloud.uplink import CredentialsError
from gateway.config.cloud import CloudConfig
from gateway.host.atomic_file import read_file

#: Limit of a file's size, in bytes: Debian's file with all public CAs has 220 KB.
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """The contents of the certificate files. `ca`: None = the system's trust store."""

    certificate: bytes
    key: bytes = field(repr=False)
    ca: bytes | None


def read_credentials(cloud: CloudConfig) -> Credentials | None:
    """Return the files as they are now; None if the connection needs none.

    Raises CredentialsError if a file cannot be read; `build_client` finds out whether they match.
    """
    if cloud.plaintext:
        return None
    assert cloud.certificate_file is not None
    assert cloud.private_key_file is not None
    try:
        return Credentials(
            _content(cloud.certificate_file),
            _content(cloud.private_key_file),
            None if cloud.ca_file is None else _content(cloud.ca_file),
        )
    except (OSError, ValueError) as error:
        raise credentials_error(cloud, str(error)) from error


def _content(file: Path) -> bytes:
    """Return the content of a PEM file. Raises OSError, or ValueError if it is no file."""
    try:
        return read_file(file, MAX_BYTES)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def credentials_error(cloud: CloudConfig, reason: str) -> CredentialsError:
    files = ("certificate_file", "private_key_file", "ca_file")
    named = [f"cloud.{key} {file}" for key in files if (file := getattr(cloud, key))]
    return CredentialsError(
        f"{', '.join(named)}: {reason}; expected PEM files, with the RSA or ECDSA private key that "
        "belongs to the certificate"
    )
