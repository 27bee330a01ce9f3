"""The check of the certificates' dates. The check of the config covers everything else."""

from datetime import datetime
from pathlib import Path

from gateway.cloud.certificates import REMEDIES, certificate_status
from gateway.config.cloud import CloudConfig
from gateway.config.pem import MAX_BYTES
from gateway.host.atomic_file import read_file
from gateway.terminal.finding import Finding, failed, ok, warning

NAME = "certificate"


def check_certificates(cloud: CloudConfig, now: datetime, *, clock_is_set: bool) -> list[Finding]:
    """Check the dates. While the clock is not set, no certificate counts as expired."""
    if cloud.plaintext:
        what = (
            "no cloud is set up: messages go to a broker on this computer, "
            f"{cloud.endpoint}:{cloud.port}, without a certificate"
        )
        return [warning(NAME, what, "to set up the cloud, run: sudo alleycat-gateway setup")]
    files = {"certificate_file": cloud.certificate_file, "ca_file": cloud.ca_file}
    return [
        _finding(key, file, now, clock_is_set=clock_is_set)
        for key, file in files.items()
        if file is not None and file.is_file()
    ]


def _finding(name: str, file: Path, now: datetime, *, clock_is_set: bool) -> Finding:
    key, remedy = f"cloud.{name}", REMEDIES[name]
    try:
        pem = read_file(file, MAX_BYTES)
        status = certificate_status(name, pem, now, clock_is_set=clock_is_set)
    except (OSError, ValueError) as error:
        return failed(NAME, f"{key} {file} cannot be read: {error}", remedy)
    if status.is_early:
        what = f"{key} {file} is not valid before {status.valid_from:%Y-%m-%d %H:%M} UTC"
        return failed(NAME, what, "check the clock with `timedatectl`")
    if status.days_left is None:
        return ok(
            NAME,
            f"{key}: valid until {status.valid_until:%Y-%m-%d} (cannot check whether it has "
            "expired, because the clock is not set)",
        )
    if status.is_expired:
        return failed(NAME, f"{key} {file} {status.expiry}", remedy)
    if status.expires_soon:
        return warning(NAME, f"{key} {file} {status.expiry}", remedy)
    return ok(NAME, f"{key}: valid until {status.valid_until:%Y-%m-%d}")
