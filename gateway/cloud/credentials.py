"""The certificate files that a connection uses, and their replacements on disk."""

from dataclasses import dataclass, field
from pathlib import Path

from gateway.cloud.uplink import CredentialsError
from gateway.config.cloud import CloudConfig
from gateway.config.pem import KEYS, MAX_BYTES, pair_problem
from gateway.host.atomic_file import read_file


@dataclass(frozen=True, slots=True)
class Credentials:
    """The contents of the certificate files. `ca`: None = the system's trust store."""

    certificate: bytes
    key: bytes = field(repr=False)
    ca: bytes | None


def read_credentials(cloud: CloudConfig) -> Credentials | None:
    """Return the files as they are now; None if the connection needs none.

    Raises CredentialsError if a file cannot be read, or if key and certificate do not match;
    `build_client` finds out whether TLS supports the kind of key.
    """
    if cloud.plaintext:
        return None
    assert cloud.certificate_file is not None
    assert cloud.private_key_file is not None
    try:
        found = Credentials(
            _content(cloud.certificate_file),
            _content(cloud.private_key_file),
            None if cloud.ca_file is None else _content(cloud.ca_file),
        )
        problem = pair_problem(cloud.certificate_file, cloud.private_key_file)
    except (OSError, ValueError) as error:
        raise credentials_error(cloud, str(error)) from error
    if problem is not None:
        raise CredentialsError(problem)
    return found


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
        f"{', '.join(named)}: {reason}; expected PEM files, with the private key that belongs to "
        f"the certificate: {KEYS}"
    )
