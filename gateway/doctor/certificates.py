"""The check of the certificates' dates. The check of the config covers everything else."""

from datetime import datetime
from pathlib import Path

from cryptography import x509

from gateway.config.schema import CloudConfig
from gateway.terminal.finding import Finding, failed, ok, warning
from gateway.terminal.units import counted

NAME = "certificate"
#: Days before the expiry at which warnings begin, enough to get a new certificate.
SOON_DAYS = 30

_NEW = {
    "certificate_file": "get a new certificate for this thing, and save it at the path in {key}",
    "ca_file": "for AWS, remove {key}: this computer knows Amazon's CAs; for another broker, get "
    "its CA's current certificate, and save it at the path in {key}",
}


def check_certificates(cloud: CloudConfig, now: datetime | None) -> list[Finding]:
    """Check the dates. `now` is None while the clock is not set: they are then only reported."""
    if cloud.plaintext:
        what = (
            "no cloud is set up: messages go to a broker on this machine, "
            f"{cloud.endpoint}:{cloud.port}, without a certificate"
        )
        return [warning(NAME, what, "to set up the cloud, run: sudo alleycat-gateway setup")]
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
        return ok(
            NAME,
            f"{key}: valid until {end:%Y-%m-%d} (cannot check whether it has expired, because the "
            "clock is not set)",
        )
    if now < begin:
        what = f"{key} {file} is not valid before {begin:%Y-%m-%d %H:%M} UTC"
        return failed(NAME, what, "check the clock with `timedatectl`")
    if now >= end:
        return failed(NAME, f"{key} {file} expired on {end:%Y-%m-%d}", remedy)
    days = (end - now).days
    if days < SOON_DAYS:
        left = counted(days, "day") if days else "less than a day"
        return warning(NAME, f"{key} {file} expires in {left}, on {end:%Y-%m-%d}", remedy)
    return ok(NAME, f"{key}: valid until {end:%Y-%m-%d}")
