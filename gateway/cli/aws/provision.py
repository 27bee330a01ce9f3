"""`provision`: gets this gateway its own certificate, by claim."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import fail
from gateway.cli.options import JsonOption
from gateway.host.errors import FAILED, INTERRUPTED, USAGE

if TYPE_CHECKING:
    from gateway.config.cloud import CloudConfig
    from gateway.provisioning.identity import IdentityFiles
    from gateway.provisioning.steps import Order, Provisioned

EndpointOption = Annotated[
    str,
    typer.Option(help="Host name from `aws iot describe-endpoint --endpoint-type iot:Data-ATS`."),
]
ClaimCertificateOption = Annotated[
    Path, typer.Option(metavar="FILE", help="The claim certificate that your gateways share (PEM).")
]
ClaimKeyOption = Annotated[
    Path, typer.Option(metavar="FILE", help="The claim certificate's private key (PEM).")
]
ThingNameOption = Annotated[
    str | None,
    typer.Option(
        help="This gateway's name in AWS IoT: letters, digits, _ and -; default: the host name."
    ),
]
TemplateOption = Annotated[str, typer.Option(help="Name of the fleet provisioning template.")]
CaFileOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="CA of the broker; default: the public CAs, which include AWS's."
    ),
]
DirectoryOption = Annotated[
    Path, typer.Option(metavar="DIR", help="Directory for the certificate and the key.")
]
PortOption = Annotated[int, typer.Option(min=1, max=65535, help="MQTT port, 8883 or 443.")]
ProxyOption = Annotated[
    str | None, typer.Option(metavar="URL", help="HTTP proxy to connect through: http://HOST:PORT.")
]
ProxyCredentialsOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File with the proxy's credentials: user:password."),
]
RenewOption = Annotated[
    bool, typer.Option("--renew", help="Replace the existing certificate and key.")
]


def provision(
    endpoint: EndpointOption,
    claim_certificate: ClaimCertificateOption,
    claim_key: ClaimKeyOption,
    thing_name: ThingNameOption = None,
    template: TemplateOption = "alleycat-gateway",
    ca_file: CaFileOption = None,
    directory: DirectoryOption = Path("/etc/alleycat-gateway"),
    port: PortOption = 8883,
    proxy: ProxyOption = None,
    proxy_credentials_file: ProxyCredentialsOption = None,
    renew: RenewOption = False,
    json: JsonOption = False,
) -> None:
    """Get this gateway its own certificate.

    Creates the private key, which never leaves this computer. If the command is interrupted, run it
    again: it continues where it stopped.
    """
    import platform

    from gateway.provisioning.identity import IdentityFiles
    from gateway.provisioning.steps import Order

    thing = _thing_name(platform.node() if thing_name is None else thing_name)
    files = IdentityFiles(directory)
    _refuse_to_overwrite(files, directory, renew)
    _refuse_other_pairs(ca_file, claim_certificate, claim_key)
    cloud = _claim_cloud(
        endpoint=endpoint,
        port=port,
        ca_file=ca_file,
        certificate_file=claim_certificate,
        private_key_file=claim_key,
        proxy=proxy,
        proxy_credentials_file=proxy_credentials_file,
    )
    done = _provision(Order(endpoint, template, thing), cloud, files, steps_to_stderr=json)
    _report_end(files, thing, done, is_renewal=renew, is_json=json)


def _report_end(
    files: "IdentityFiles", thing: str, done: "Provisioned", *, is_renewal: bool, is_json: bool
) -> None:
    if is_json:
        typer.echo(_result(files, thing, done))
    elif is_renewal:
        typer.echo("to use the new certificate, run: sudo systemctl reload alleycat-gateway")
    else:
        typer.echo(
            f'in the config, set thing_name = "{thing}", and certificate_file and '
            "private_key_file under [cloud]"
        )


def _provision(
    order: "Order", cloud: "CloudConfig", files: "IdentityFiles", *, steps_to_stderr: bool
) -> "Provisioned":
    import time

    from gateway.provisioning.aws import Claim
    from gateway.provisioning.steps import Provisioning, ProvisioningError

    def report(step: str) -> None:
        typer.echo(step, err=steps_to_stderr)

    try:
        with Claim(cloud, order) as claim:
            return Provisioning(order, files, claim, time.time, report).run()
    except ProvisioningError as error:
        fail(_with_options(str(error)), FAILED)
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}", FAILED)
    except KeyboardInterrupt:
        fail("interrupted; run this command again to continue", INTERRUPTED)


def _with_options(text: str) -> str:
    """Return a message about keys of [cloud] with the options of this command in their place."""
    for key in ("endpoint", "port", "ca_file", "proxy_credentials_file", "proxy"):
        text = text.replace(f"cloud.{key}", f"--{key.replace('_', '-')}")
    return text


def _thing_name(name: str) -> str:
    import re

    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
        fail(
            f"--thing-name {name!r}: expected 1 to 64 characters of a-z A-Z 0-9 _ and -; a colon "
            "is reserved for the numbers of further connections, as in my-thing:2",
            USAGE,
        )
    return name


def _refuse_to_overwrite(files: "IdentityFiles", directory: Path, renew: bool) -> None:
    if not directory.is_dir():
        fail(f"--directory {directory} is not a directory; expected an existing one", USAGE)
    if files.is_there and not renew:
        certificate, key = files.certificate, files.private_key
        found = (
            f"{certificate} and {key} already exist"
            if files.is_pair
            else f"{certificate} and {key} are not a pair: one is missing, or they do not match"
        )
        fail(f"{found}; --renew replaces both", USAGE)


def _refuse_other_pairs(ca_file: Path | None, certificate: Path, key: Path) -> None:
    """End the command unless the files exist and certificate and key belong together."""
    from gateway.provisioning.keys import is_pair

    options = {"--ca-file": ca_file, "--claim-certificate": certificate, "--claim-key": key}
    for option, file in options.items():
        if file is not None and not file.is_file():
            fail(f"{option} {file} does not exist; expected a PEM file", USAGE)
    if not is_pair(certificate, key):
        fail(
            f"--claim-certificate {certificate} and --claim-key {key} are not a pair; expected "
            "PEM files, with the unencrypted key that belongs to the certificate",
            USAGE,
        )


def _claim_cloud(**cloud: object) -> "CloudConfig":
    from pydantic import ValidationError

    from gateway.config.cloud import CloudConfig

    try:
        return CloudConfig.model_validate(cloud)
    except ValidationError as error:
        if error.errors()[0]["loc"] == ("proxy",):
            fail("--proxy: expected http://HOST:PORT, without user and password", USAGE)
        fail(
            f"--endpoint {cloud['endpoint']!r}: expected a host name without scheme, port or path; "
            "give the port with --port",
            USAGE,
        )


def _result(files: "IdentityFiles", thing: str, done: "Provisioned") -> str:
    from json import dumps

    return dumps(
        {
            "thing_name": thing,
            "certificate_id": done.certificate_id,
            "certificate_file": str(files.certificate),
            "private_key_file": str(files.private_key),
            "resumed": done.is_resumed,
        }
    )
