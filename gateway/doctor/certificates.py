"""Certificates: until when are they valid? What else they must be, the config's check says."""

from datetime import datetime
from pathlib import Path

from cryptography import x509

from gateway.config.schema import CloudConfig
from gateway.terminal.finding import Finding, failed, ok, warning

NAME = "certificate"
#: Enough to get a new one without haste.
SOON_DAYS = 30

_NEW = {
    "certificate_file": "get this thing a new certificate, and put it where {key} says",
    "ca_file": "get the CA's current certificate (for AWS: AmazonRootCA1.pem), and put it where "
    "{key} says",
}


def check_certificates(cloud: CloudConfig, now: datetime | None) -> list[Finding]:
    """`now` is None while the clock is not set: then nobody can say."""
    if cloud.plaintext:
        what = f"none is used: the broker is this machine, {cloud.endpoint}:{cloud.port}"
        return [warning(NAME, what, "for a cloud: sudo alleycat-gateway setup")]
    files = {"certificate_file": cloud.certificate_file, "ca_file": cloud.ca_file}
    return [
        _finding(f"cloud.{key}", file, now, _NEW[key].format(key=f"cloud.{key}"))
        for key, file in files.items()
        if file is not None and file.is_file()
    ]


def _finding(key: str, file: Path, now: datetime | None, remedy: str) -> Finding:
    try:
        own = x509.load_pem_x509_certificates(file.read_bytes())[0]
    except (OSError, ValueError) as error:
        return failed(NAME, f"{key} {file} cannot be read: {error}", remedy)
    begin, end = own.not_valid_before_utc, own.not_valid_after_utc
    if now is None:
        return ok(NAME, f"{key}: until {end:%Y-%m-%d}; the clock is not set")
    if now < begin:
        what = f"{key} {file} is not valid before {begin:%Y-%m-%d %H:%M} UTC"
        return failed(NAME, what, "is the clock right? `timedatectl`")
    if now >= end:
        return failed(NAME, f"{key} {file} expired on {end:%Y-%m-%d}", remedy)
    days = (end - now).days
    if days < SOON_DAYS:
        return warning(NAME, f"{key} {file} expires in {days} days, on {end:%Y-%m-%d}", remedy)
    return ok(NAME, f"{key}: until {end:%Y-%m-%d}")
