"""`provision`: a certificate of this gateway's own, by claim."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import fail
from gateway.cli.options import JsonOption
from gateway.host.errors import FAILED, INTERRUPTED, USAGE

if TYPE_CHECKING:
    from gateway.config.schema import CloudConfig
    from gateway.provisioning.identity import IdentityFiles
    from gateway.provisioning.steps import Order, Provisioned

CA_URL = "https://www.amazontrust.com/repository/AmazonRootCA1.pem"


EndpointOption = Annotated[
    str, typer.Option(help="aws iot describe-endpoint --endpoint-type iot:Data-ATS")
]
ClaimCertificateOption = Annotated[
    Path, typer.Option(metavar="FILE", help="The claim that all your gateways share: PEM …")
]
ClaimKeyOption = Annotated[Path, typer.Option(metavar="FILE", help="… and its private key.")]
ThingNameOption = Annotated[
    str | None, typer.Option(help="Letters, digits, _ and -; else this machine's host name.")
]
TemplateOption = Annotated[str, typer.Option(help="The fleet provisioning template.")]
CaFileOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Else AmazonRootCA1.pem in --directory.")
]
DirectoryOption = Annotated[Path, typer.Option(metavar="DIR", help="Where certificate and key go.")]
PortOption = Annotated[int, typer.Option(min=1, max=65535, help="8883, or 443.")]
RenewOption = Annotated[
    bool, typer.Option("--renew", help="Replace certificate and key that are there.")
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
    renew: RenewOption = False,
    json: JsonOption = False,
) -> None:
    """Get this gateway a certificate of its own.

    The private key is made here and never leaves the machine. When it was interrupted, run the
    same again: it goes on where it ended.
    """
    import platform

    from gateway.provisioning.identity import IdentityFiles
    from gateway.provisioning.steps import Order

    thing = _thing_name(platform.node() if thing_name is None else thing_name)
    if not directory.is_dir():
        fail(f"{directory} is not a directory; expected one for certificate and key", USAGE)
    files = IdentityFiles(directory)
    _refuse_to_overwrite(files, renew)
    ca_file = ca_file or directory / "AmazonRootCA1.pem"
    cloud = _claim_cloud(endpoint, port, ca_file, claim_certificate, claim_key)
    done = _provision(Order(endpoint, template, thing), cloud, files, steps_to_stderr=json)
    if json:
        typer.echo(_result(files, thing, done))
    elif renew:
        typer.echo("a gateway that runs takes it when it is restarted")
    else:
        typer.echo(f'the config says: thing_name = "{thing}", and names both files under [cloud]')


def _provision(
    order: "Order", cloud: "CloudConfig", files: "IdentityFiles", *, steps_to_stderr: bool
) -> "Provisioned":
    import time

    from gateway.provisioning.aws import Claim
    from gateway.provisioning.steps import Provisioning

    def say(step: str) -> None:
        typer.echo(step, err=steps_to_stderr)

    try:
        with Claim(cloud, order) as claim:
            return Provisioning(order, files, claim, time.time, say).run()
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}; expected a place to write", FAILED)
    except KeyboardInterrupt:
        fail("interrupted; run the same again, it goes on from here", INTERRUPTED)


def _thing_name(name: str) -> str:
    import re

    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
        fail(
            f"--thing-name {name!r}: expected 1 to 64 of a-z A-Z 0-9 _ and -; no colon, which "
            "stands between a thing's name and the number of its further connections",
            USAGE,
        )
    return name


def _refuse_to_overwrite(files: "IdentityFiles", renew: bool) -> None:
    if files.is_there and not renew:
        what = "a certificate and its key" if files.is_pair else "certificate or key, not a pair,"
        fail(
            f"{what} there already: {files.certificate}, {files.private_key}; left as it is, "
            "--renew replaces it",
            USAGE,
        )


def _claim_cloud(
    endpoint: str, port: int, ca_file: Path, certificate: Path, key: Path
) -> "CloudConfig":
    from pydantic import ValidationError

    from gateway.config.schema import CloudConfig
    from gateway.provisioning.keys import is_pair

    options = {"--ca-file": ca_file, "--claim-certificate": certificate, "--claim-key": key}
    for option, file in options.items():
        if not file.is_file():
            hint = f": curl -fo {file} {CA_URL}" if option == "--ca-file" else ""
            fail(f"{option} {file} is not there; expected a PEM file{hint}", USAGE)
    if not is_pair(certificate, key):
        fail(
            f"--claim-certificate {certificate} and --claim-key {key} are no pair; expected PEM "
            "files, and the key that belongs to the certificate, not encrypted",
            USAGE,
        )
    try:
        return CloudConfig(
            endpoint=endpoint,
            port=port,
            ca_file=ca_file,
            certificate_file=certificate,
            private_key_file=key,
        )
    except ValidationError as error:
        fail(f"--endpoint {endpoint!r}: {error.errors()[0]['msg']}; the port is --port", USAGE)


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
