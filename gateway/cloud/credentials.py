"""The certificate files that a connection uses, and their replacements on disk."""

from dataclasses import dataclass, field

from gateway.cloud.uplink import CredentialsError
from gateway.config.cloud import CloudConfig


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
            cloud.certificate_file.read_bytes(),
            cloud.private_key_file.read_bytes(),
            None if cloud.ca_file is None else cloud.ca_file.read_bytes(),
        )
    except OSError as error:
        raise credentials_error(cloud, str(error)) from error


def credentials_error(cloud: CloudConfig, reason: str) -> CredentialsError:
    files = ("certificate_file", "private_key_file", "ca_file")
    named = [f"cloud.{key} {file}" for key in files if (file := getattr(cloud, key))]
    return CredentialsError(
        f"{', '.join(named)}: {reason}; expected PEM files, with the private key that belongs "
        "to the certificate"
    )
