"""The files of a claim in a folder, such as a USB stick, and the gateway's certificate from it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.config.cloud import CloudConfig
from gateway.config.pem import pem_problem
from gateway.host.errors import USAGE, GatewayError
from gateway.provisioning.aws import Claim
from gateway.provisioning.identity import IdentityFiles
from gateway.provisioning.keys import is_pair
from gateway.provisioning.steps import Order, Provisioning

#: Bytes. A larger file contains neither a certificate nor a key, and need not be read.
_PEM_MAX = 65_536
#: Where desktops and administrators mount USB sticks.
_STICKS = ("/media/*", "/media/*/*", "/run/media/*/*", "/mnt", "/mnt/*")

Pair = tuple[Path, Path]


class ClaimError(GatewayError):
    """The folder does not contain exactly one claim. The text describes what was expected."""

    exit_code = USAGE


def claim_in(folder: Path) -> Pair:
    """Return the claim's certificate and key: the only pair, or that with `claim` in its name."""
    try:
        pairs = list(_pairs(folder))
    except OSError as error:
        raise ClaimError(f"cannot read {folder}: {error.strerror}; expected a folder") from error
    named = [pair for pair in pairs if "claim" in pair[0].name]
    found = named if len(pairs) > 1 else pairs
    if len(found) != 1:
        what = "several certificates with their keys" if pairs else "no certificate with its key"
        raise ClaimError(
            f"{folder} contains {what}; expected the two files of one claim, such as "
            "claim.pem.crt and claim.pem.key"
        )
    return found[0]


def key_of(certificate: Path) -> Path | None:
    """Return the certificate's key in the same folder; None if there is none."""
    try:
        return next((key for one, key in _pairs(certificate.parent) if one == certificate), None)
    except OSError:
        return None


def claim_on_a_stick(places: tuple[str, ...] = _STICKS) -> Path | None:
    """Return a mounted folder that contains a claim."""
    for place in places:
        for folder in sorted(Path("/").glob(place.lstrip("/"))):
            try:
                claim_in(folder)
            except ClaimError:
                continue
            return folder
    return None


def _pairs(folder: Path) -> Iterator[Pair]:
    files = sorted(
        file for file in folder.iterdir() if file.is_file() and file.stat().st_size <= _PEM_MAX
    )
    keys = [file for file in files if pem_problem(file, "PRIVATE KEY") is None]
    for file in files:
        if pem_problem(file, "CERTIFICATE") is None:
            yield from ((file, key) for key in keys if is_pair(file, key))


def get_certificate(
    cloud: CloudConfig,
    order: Order,
    files: IdentityFiles,
    report: Callable[[str], None],
    may_replace: Callable[[str], bool],
) -> None:
    """Get the certificate of `order`, or continue to, unless the thing can connect with its own.

    `cloud` has the claim's certificate and key. `may_replace` is asked before another certificate
    is replaced. Raises ClaimError, ProvisioningError and OSError.
    """
    there = f"{files.certificate} and {files.private_key.name}"
    with Claim(cloud, order) as claim:
        if files.is_pair and claim.why_not(files.certificate, files.private_key, 0) is None:
            report(f"{order.thing_name} has its certificate already: {there}")
            return
        if files.is_there and not may_replace(there):
            raise ClaimError(
                f"{order.thing_name} cannot connect with {there}; move these files away, and run "
                "this command again"
            )
        Provisioning(order, files, claim, time.time, report).run()
