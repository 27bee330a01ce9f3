"""The questions of `setup` on the cloud. Ctrl-C raises typer.Abort.

The answers given until then are in the Answers that were passed.
"""

import platform
from collections.abc import Mapping
from pathlib import Path

import typer
from rich.console import Console

from gateway.config.cloud import is_this_machine
from gateway.config.pem import pem_problem
from gateway.setup.answers import LATER, Answers, Current, problem_of, uses_tls
from gateway.setup.claim import ClaimError, claim_in, claim_on_a_stick, key_of
from gateway.setup.dialogue import config_check
from gateway.setup.pasted import PASTE, or_pasted
from gateway.setup.questions import Check, ask

NONE, PUBLIC = "none", "public"

_CERTIFICATE_EXPLAINED = (
    "The broker accepts a gateway by its certificate. A claim is a certificate that all your "
    "gateways share. If you have one, the gateway gets its own certificate with it: enter the "
    "folder with the claim's two files, such as a USB stick."
)


def ask_cloud(
    console: Console, directory: Path, current: Current, answers: Answers, kept: Answers
) -> bool:
    """Ask for what is missing in `answers`, and put it there.

    `directory`: that of the config, where pasted files are kept. Return False if the user has named
    a cloud but answered `later` to a question on it.
    """
    if answers.cloud == {}:
        return True
    cloud = dict(answers.cloud or {})
    proposed = {**(current.cloud if current.has_cloud else {}), **(kept.cloud or {})}
    if "endpoint" not in cloud:
        endpoint = _ask_endpoint(proposed)
        if endpoint == LATER or _is_current(endpoint, cloud, current, answers, kept):
            answers.cloud = {}
            return True
        cloud["endpoint"] = endpoint
    answers.cloud = cloud
    if answers.thing_name is None:
        answers.thing_name = _ask_thing_name(current, kept)
    return _ask_certificate(console, directory, current, answers, {**proposed, **cloud}, kept)


def _ask_endpoint(proposed: Mapping[str, object]) -> str:
    explained = (
        "Where does the gateway send its data? Enter the AWS IoT endpoint "
        "(`aws iot describe-endpoint --endpoint-type iot:Data-ATS` prints it), your broker's host "
        f"name, or `{LATER}` to set up the cloud another time."
    )
    default = proposed.get("endpoint", LATER)
    return ask("Endpoint", default, config_check("endpoint"), explained)


def _is_current(
    endpoint: str, given: Mapping[str, object], current: Current, answers: Answers, kept: Answers
) -> bool:
    """Return whether the user confirmed the current cloud, and nothing else about it changes."""
    is_set_up = current.has_cloud or bool(current.cloud.get("plaintext"))
    is_other = current.is_new or bool(given) or answers.claim is not None or bool(kept.cloud)
    return is_set_up and not is_other and endpoint == current.cloud.get("endpoint")


def _ask_thing_name(current: Current, kept: Answers) -> str:
    name = _host_name() if current.is_example else current.data.get("thing_name")
    explained = "This gateway has a name, as a thing in AWS IoT. Each gateway needs its own."
    default = kept.thing_name or name
    return ask("Name of this gateway", default, config_check("thing_name"), explained)


def _host_name() -> str | None:
    name = platform.node().partition(".")[0]
    return name if problem_of("thing_name", name) is None else None


def _ask_certificate(
    console: Console,
    directory: Path,
    current: Current,
    answers: Answers,
    proposed: Mapping[str, object],
    kept: Answers,
) -> bool:
    """Ask for claim or certificate, key and CA; return False if the user answered `later`."""
    cloud = answers.cloud
    assert cloud is not None
    if answers.claim is None and "certificate_file" not in cloud:
        console.print(_CERTIFICATE_EXPLAINED, markup=False, highlight=False)
        may_be_none = is_this_machine(str(cloud["endpoint"])) and not uses_tls(cloud, current)
        check = or_pasted(
            console, "CERTIFICATE", directory / "certificate.pem", _a_claim_or_certificate
        )
        answer = _ask_claim_or_certificate(proposed, kept, check, may_be_none=may_be_none)
        if answer in (LATER, NONE):
            return answer == NONE
        if Path(answer).is_dir():
            answers.claim = Path(answer)
        else:
            cloud["certificate_file"] = answer
    if answers.claim is None and "private_key_file" not in cloud:
        near = key_of(Path(str(cloud["certificate_file"])))
        explained = f"Enter the path of the private key file, or `{PASTE}` to paste the key."
        check = or_pasted(console, "PRIVATE KEY", directory / "private.key", _a_key)
        default = near or _there(proposed, "private_key_file")
        key = ask("Private key", default, check, explained)
        cloud["private_key_file"] = key
    if "ca_file" not in cloud and not _is_aws(str(cloud["endpoint"])):
        explained = (
            f"Enter the path of your broker's CA file, `{PASTE}` to paste it, or `{PUBLIC}` if the "
            "broker's certificate comes from a public CA, as AWS's does."
        )
        check = or_pasted(console, "CERTIFICATE", directory / "ca.pem", _a_ca)
        answer = ask("CA file", _there(proposed, "ca_file") or PUBLIC, check, explained)
        cloud["ca_file"] = None if answer == PUBLIC else answer
    return True


def _ask_claim_or_certificate(
    proposed: Mapping[str, object], kept: Answers, check: Check, *, may_be_none: bool
) -> str:
    words = {PASTE: "to paste it", LATER: "to continue another time"}
    if may_be_none:
        words[NONE] = "for a broker on this computer that takes connections without TLS"

    def checked(answer: str) -> str:
        return answer if answer in (LATER, NONE) else check(answer)

    near = kept.claim or _there(proposed, "certificate_file") or claim_on_a_stick()
    ways = ["the claim's folder", "the path of the gateway's own certificate file"]
    ways += [f"`{word}` {what}" for word, what in words.items()]
    explained = f"Enter {', '.join(ways[:-1])}, or {ways[-1]}."
    default = near or (NONE if may_be_none else LATER)
    return ask("Certificate", default, checked, explained)


def _there(proposed: Mapping[str, object], key: str) -> str | None:
    """Return the file to propose; None if it does not exist."""
    file = proposed.get(key)
    return file if isinstance(file, str) and Path(file).is_file() else None


def _a_claim_or_certificate(answer: str) -> str:
    path = Path(answer).expanduser().absolute()
    if not path.is_dir():
        return _pem(path, "CERTIFICATE")
    try:
        claim_in(path)
    except ClaimError as error:
        raise typer.BadParameter(str(error)) from None
    return str(path)


def _a_key(answer: str) -> str:
    return _pem(Path(answer).expanduser().absolute(), "PRIVATE KEY")


def _a_ca(answer: str) -> str:
    if answer == PUBLIC:
        return answer
    return _pem(Path(answer).expanduser().absolute(), "CERTIFICATE")


def _pem(path: Path, kind: str) -> str:
    problem = pem_problem(path, kind)
    if problem is not None:
        raise typer.BadParameter(problem)
    return str(path)


def _is_aws(endpoint: str) -> bool:
    return endpoint.endswith((".amazonaws.com", ".amazonaws.com.cn"))
