"""A real mosquitto with mutual TLS and a certificate authority of its own, on loopback."""

import getpass
import shutil
import signal
import socket
import subprocess
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
import trustme

START_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """PEM files of one client (or server) and of the CA it trusts."""

    ca_file: Path
    certificate_file: Path
    private_key_file: Path


class Authority:
    """A certificate authority for the duration of the test run."""

    def __init__(self, directory: Path) -> None:
        self._ca = trustme.CA()
        self._directory = directory
        self.ca_file = directory / "ca.pem"
        directory.mkdir(parents=True, exist_ok=True)
        self._ca.cert_pem.write_to_path(self.ca_file)

    @property
    def ca_certificate_pem(self) -> bytes:
        return self._ca.cert_pem.bytes()

    @property
    def ca_key_pem(self) -> bytes:
        return self._ca.private_key_pem.bytes()

    def issue(self, name: str) -> Credentials:
        """Return a certificate for the host or thing `name`, the same at each call."""
        certificate, key = (self._directory / f"{name}.{part}.pem" for part in ("cert", "key"))
        credentials = Credentials(self.ca_file, certificate, key)
        if certificate.exists():  # a broker may be about to read it
            return credentials
        issued = self._ca.issue_cert(name, common_name=name)
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.touch(mode=0o600)
        issued.private_key_pem.write_to_path(key)
        return credentials


class Mosquitto:
    """A broker process; as a context manager it runs for the duration of the block.

    `settings`: lines of mosquitto.conf that replace ours.
    """

    def __init__(self, directory: Path, authority: Authority, *, settings: str = "") -> None:
        # This socket reserves the port and never listens: mosquitto reuses addresses, so it can use
        # the port, while the kernel gives it to no other process.
        reserved = socket.socket()
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        weakref.finalize(self, reserved.close)
        self.port: int = reserved.getsockname()[1]
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._config = directory / "mosquitto.conf"
        self._config.write_text(self._settings(authority.issue("127.0.0.1"), settings))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        program = find_mosquitto()
        with (self._directory / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", str(self._config)], stdout=log, stderr=log
            )
        try:
            self._wait_until_it_listens(log.name)
        except BaseException:
            self.stop()
            raise

    def _wait_until_it_listens(self, log_name: str) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _listens(self.port):
            assert self._process.poll() is None, f"mosquitto ended, see {log_name}"
            assert time.monotonic() < deadline, f"mosquitto does not listen, see {log_name}"
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.send_signal(signal.SIGCONT)  # it may be paused
            self._process.wait(timeout=10)
            self._process = None

    def reload(self) -> None:
        """Read the access list again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def pause(self) -> None:
        """Pause the broker: connections stay open and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _settings(self, server: Credentials, settings: str) -> str:
        ours = [
            f"user {getpass.getuser()}",
            f"listener {self.port} 127.0.0.1",
            f"cafile {server.ca_file}",
            f"certfile {server.certificate_file}",
            f"keyfile {server.private_key_file}",
            "require_certificate true",
            "use_identity_as_username true",
            "allow_anonymous false",
            "persistence false",
            "set_tcp_nodelay true",
            "max_inflight_messages 100",
            "max_queued_messages 0",
        ]
        theirs = settings.splitlines()
        replaced = {line.split()[0] for line in theirs}
        kept = [line for line in ours if line.split()[0] not in replaced]
        return "\n".join([*kept, *theirs]) + "\n"


def find_mosquitto() -> str:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.fail("mosquitto is not installed: run `make test` or `apt install mosquitto`")
    return program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
