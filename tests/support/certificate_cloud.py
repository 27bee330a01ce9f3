"""The cloud's side of provisioning without a network: issues, registers, lists active certificates.

Its state is in a file, so that it survives a killed process. As a program, it provisions once for
each line of standard input, in a process that kills itself before its n-th step in the file system,
and prints the exit code. A line has three fields, separated by tabs: DIRECTORY MEMORY KILL_AT

    python -m tests.support.certificate_cloud
"""

import datetime
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.provisioning.identity import IdentityFiles
from gateway.provisioning.steps import Issued, Order, Provisioning, TokenRefused

ORDER = Order("example", "alleycat-gateway", "gateway-1")
NOW_S = 1_795_247_400.0


def certificate_id(certificate_pem: bytes) -> str:
    """Return AWS's id of a certificate: its fingerprint."""
    fingerprint = x509.load_pem_x509_certificate(certificate_pem).fingerprint(hashes.SHA256())
    return fingerprint.hex()


def sign(csr_pem: str, ca_certificate: x509.Certificate, ca_key: Any) -> bytes:
    """Return a client certificate as AWS issues it, which ignores the request's subject."""
    request = x509.load_pem_x509_csr(csr_pem.encode())
    assert request.is_signature_valid
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "AWS IoT")]))
        .issuer_name(ca_certificate.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


class CertificateCloud:
    """A Cloud for provisioning. `memory`: the file with its state."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._ca_key = ec.generate_private_key(ec.SECP256R1())
        #: Set to False to expire every token, as AWS does after an hour.
        self.tokens_hold = True
        self.asked: list[str] = []

    @property
    def issued(self) -> int:
        return len(self._read()["issued"])

    @property
    def active(self) -> list[str]:
        active: list[str] = self._read()["active"]
        return active

    def issue(self, csr_pem: str) -> Issued:
        self.asked.append("issue")
        pem = sign(csr_pem, _self_signed(self._ca_key), self._ca_key)
        known = self._read()
        known["issued"].append(certificate_id(pem))
        self._write(known)
        return Issued(certificate_id(pem), pem.decode(), f"token-of-{certificate_id(pem)}")

    def register(self, token: str) -> None:
        self.asked.append("register")
        known = self._read()
        name = token.removeprefix("token-of-")
        if not self.tokens_hold or name not in known["issued"] or name in known["active"]:
            raise TokenRefused("the token does not hold")
        known["active"].append(name)
        self._write(known)

    def why_not(self, certificate: Path, private_key: Path, patience_s: float) -> str | None:
        self.asked.append("connect")
        assert private_key.exists()
        is_active = certificate_id(certificate.read_bytes()) in self.active
        return None if is_active else "the broker ended the connection"

    def _read(self) -> dict[str, list[str]]:
        if not self._memory.exists():
            return {"issued": [], "active": []}
        known: dict[str, list[str]] = json.loads(self._memory.read_text())
        return known

    def _write(self, known: dict[str, list[str]]) -> None:
        self._memory.write_text(json.dumps(known))


def _self_signed(key: Any) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ca")])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def _die_at(step: int, *watched: Path) -> None:
    """Kill this process before the `step`-th change (from 1) below one of the paths."""
    count = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if event != "open" and not event.startswith(("os.", "shutil.")):
            return
        if any(str(path) in str(argument) for argument in arguments for path in watched):
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _provision(directory: Path, memory: Path, killed_at: int) -> None:
    _die_at(killed_at, directory, memory)
    files, cloud = IdentityFiles(directory), CertificateCloud(memory)
    Provisioning(ORDER, files, cloud, lambda: NOW_S, lambda _: None).run()


def _exit_code_in_a_fork(directory: Path, memory: Path, killed_at: int) -> int:
    """Return what a shell would see of `_provision`: 0, 1 or a signal, negative."""
    pid = os.fork()
    if pid == 0:
        try:
            _provision(directory, memory, killed_at)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        directory, memory, killed_at = line.rstrip("\n").split("\t")
        print(_exit_code_in_a_fork(Path(directory), Path(memory), int(killed_at)), flush=True)
