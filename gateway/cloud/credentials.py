"""The certificate files that a connection uses, and their replacements on disk."""

from dataclasses import dataclass, field

from gateway.cloud.uplink import CredentialsError
from gateway.config.cloud import CloudConfig
from gateway.config.pem import BadPem, read_certificates, read_pair


@dataclass(frozen=True, slots=True)
class Credentials:
    """The contents of the certificate files, as PEM. `ca`: None = the system's trust store."""

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
        pair = read_pair(cloud.certificate_file, cloud.private_key_file)
        ca = None if cloud.ca_file is None else read_certificates(cloud.ca_file)
    except BadPem as error:
        raise CredentialsError(str(error)) from error
    return Credentials(*pair, ca)
