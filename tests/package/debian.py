"""A clean Debian with systemd as its first process, in a container without a network.

mmdebstrap makes the system once, systemd-nspawn boots a copy of it. Both need root.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What a Raspberry Pi has anyway; and a broker, to see what arrives.
PACKAGES = "python3,systemd-sysv,dbus,procps,udev,bluez,sudo,mosquitto,mosquitto-clients"
BOOT_TIMEOUT_S = 120.0
#: Of the daemon's system calls nspawn itself refuses these, systemd on a machine does not.
CLOCK_CALLS = "adjtimex clock_adjtime"


def make_system(suite: str) -> Path:
    """A tar of a minimal Debian `suite` that boots. Skips where that cannot be."""
    return make_tar(suite, "--variant=minbase", f"--include={PACKAGES}", suite)


def make_tar(name: str, *mmdebstrap: str) -> Path:
    """build/`name`.tar, made once, by mmdebstrap with these arguments. Skips where it cannot be."""
    for program in ("mmdebstrap", "systemd-nspawn"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: sudo make package-test")
    if os.geteuid() != 0:
        pytest.skip("a Debian of its own needs root: sudo make package-test")
    tar = ROOT / "build" / f"{name}.tar"
    if not tar.exists():
        tar.parent.mkdir(exist_ok=True)
        part = tar.with_suffix(".part.tar")
        command = ["mmdebstrap", *mmdebstrap, str(part)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
        if done.returncode:
            pytest.skip(f"Debian {name} cannot be had from here: {done.stderr[-300:]}")
        part.rename(tar)
    return tar


class Debian:
    """One such machine. `directory` is its root, and can be looked into from outside."""

    def __init__(self, tar: Path, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        subprocess.run(["tar", "-C", directory, "-xf", tar], check=True)
        (directory / "etc/hosts").write_text("127.0.0.1 localhost\n")
        self._nspawn: subprocess.Popen[bytes] | None = None

    def boot(self) -> None:
        command = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit"]
        command += ["--console=pipe", "--private-network", f"--system-call-filter={CLOCK_CALLS}"]
        with self.directory.with_suffix(".console").open("wb") as console:
            self._nspawn = subprocess.Popen(
                [*command, "--directory", str(self.directory)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while "running" not in self.run("systemctl is-system-running", check=False):
            assert self._nspawn.poll() is None, Path(console.name).read_text()
            assert time.monotonic() < deadline, self.run("systemctl --failed", check=False)
            time.sleep(0.2)

    def run(self, command: str, *, check: bool = True, timeout_s: float = 120) -> str:
        """What a shell command of root prints, in /root; asked whether to go on, we say yes."""
        first = self._first_process()
        if first is None:
            return ""
        done = subprocess.run(
            ["nsenter", "--target", first, "--all", "--wdns=/root", "sh", "-c", command],
            check=False,
            input="y\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TERM": "dumb"},
        )
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout

    def wait_for(self, command: str, text: str, timeout_s: float = 60) -> str:
        """Run `command` until it prints `text`."""
        deadline = time.monotonic() + timeout_s
        while text not in (said := self.run(command, check=False)):
            assert time.monotonic() < deadline, f"{command} does not say {text!r}:\n{said}"
            time.sleep(0.3)
        return said

    def halt(self) -> None:
        if self._nspawn is not None:
            self._nspawn.send_signal(signal.SIGTERM)
            self._nspawn.wait(timeout=60)

    def _first_process(self) -> str | None:
        """The machine's systemd, as a process of ours; None while nspawn prepares."""
        assert self._nspawn is not None
        parent = self._nspawn.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return children[0] if children else None
