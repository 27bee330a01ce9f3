"""The PEM files behind the answers on the cloud: from a claim, and where the service reads them."""

import grp
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway.config.cloud import CloudConfig
from gateway.config.command_line import is_service_config
from gateway.config.editor import TLS_PORT
from gateway.config.file import GROUP
from gateway.provisioning.identity import IdentityFiles
from gateway.provisioning.steps import Order
from gateway.setup.answers import Answers, Current
from gateway.setup.claim import ClaimError, claim_in, get_certificate
from gateway.setup.service_files import ServiceFiles, readable_by_service

#: Is called with a sentence on each step.
Report = Callable[[str], None]


def claimed(
    file: Path,
    current: Current,
    answers: Answers,
    template: str,
    report: Report,
    may_replace: Callable[[str], bool],
) -> None:
    """Get the gateway's own certificate with the claim, and put its files into the answers.

    `file`: the config, next to which the certificate is kept. `may_replace` is asked before another
    certificate there is replaced. Raises ClaimError, ProvisioningError and OSError.
    """
    if answers.claim is None:
        return
    cloud = dict(answers.cloud or {})
    order = _order(cloud, current, answers, template)
    files = IdentityFiles(file.parent)
    claim = _claim_cloud(order.endpoint, cloud, current, answers.claim, file.parent)
    get_certificate(claim, order, files, report, may_replace)
    cloud["certificate_file"] = str(files.certificate)
    cloud["private_key_file"] = str(files.private_key)
    answers.cloud, answers.claim = cloud, None


def _order(cloud: dict[str, object], current: Current, answers: Answers, template: str) -> Order:
    thing = answers.thing_name or str(current.data.get("thing_name"))
    if ":" in thing:
        raise ClaimError(
            f"thing name {thing!r}: expected no colon, which is reserved for the numbers of "
            "further connections, as in my-thing:2"
        )
    return Order(str(cloud.get("endpoint", current.cloud.get("endpoint"))), template, thing)


def _claim_cloud(
    endpoint: str, cloud: dict[str, object], current: Current, folder: Path, base: Path
) -> CloudConfig:
    certificate, key = claim_in(folder)
    now = current.cloud if current.has_cloud else {}
    return CloudConfig.model_validate(
        {
            "endpoint": endpoint,
            "port": cloud.get("port", now.get("port", TLS_PORT)),
            "ca_file": cloud.get("ca_file"),
            "certificate_file": certificate,
            "private_key_file": key,
            **_way(now, base),
        }
    )


def _way(cloud: Mapping[str, Any], base: Path) -> dict[str, object]:
    """Return the keys of a config for the way to the endpoint; `base` is the config's folder."""
    found = {key: cloud[key] for key in ("address_family", "proxy") if key in cloud}
    if "proxy_credentials_file" in cloud:
        found["proxy_credentials_file"] = base / str(cloud["proxy_credentials_file"])
    return found


def without_missing_ca(file: Path, current: Current, answers: Answers) -> None:
    """Remove a `ca_file` that does not exist and was not asked for, such as an old example's."""
    cloud, now = answers.cloud, current.cloud.get("ca_file")
    is_missing = isinstance(now, str) and not (file.parent / now).is_file()
    if cloud and "ca_file" not in cloud and is_missing:
        cloud["ca_file"] = None


def for_the_service(file: Path, answers: Answers, report: Report) -> None:
    """Let the service read the files that the answers name, if this is root with its config.

    Raises OSError and NameTaken.
    """
    if not answers.cloud or os.geteuid() != 0 or not is_service_config(file):
        return
    with suppress(KeyError):  # the service is not installed
        files = ServiceFiles(file.parent, grp.getgrnam(GROUP).gr_gid)
        for step in readable_by_service(answers.cloud, files):
            report(step)
