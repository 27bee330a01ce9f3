"""A Debian in QEMU, in software: without KVM, without root, on QEMU's own network.

Commands go through QEMU's guest agent, cables and plugs over QMP; both speak lines of JSON.
"""

import base64
import json
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Self

from tests.vm.image import Image

#: Only guards against a hang: on a busy machine, the boot alone takes three minutes.
BOOT_TIMEOUT_S = 600.0
TIMEOUT_S = 180.0
MEMORY_MIB = 512
#: Where the guest finds the loopback of this computer.
HOST = "10.0.2.2"
STATE_BYTES, STATE_FS_BYTES = 32 << 20, 28 << 20
NOT_LAZY = ("-E", "lazy_itable_init=0,lazy_journal_init=0")


class MachineError(AssertionError):
    """The machine, or a command on it, did not do what it should."""


class JsonLine:
    """One of QEMU's two conversations: a command, then its answer, on a unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._lines = self._socket.makefile("rb")

    def ask(self, command: str, **arguments: Any) -> Any:
        """Raises MachineError if it is refused, TimeoutError."""
        request = {"execute": command, "arguments": arguments}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while line := self._lines.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise MachineError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:  # else the greeting, or an event
                return answer["return"]
        raise MachineError(f"{command}: QEMU is gone")

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


def progress(text: str) -> None:
    """What takes minutes says what it does; `make vm-test` shows it."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Machine:
    """Its disks are `system`, an overlay, and `state`: see `overlay` and `make_state_disk`.

    With `state_log` every request to the latter is written down: see disk_log.py. `devices` are
    words of QEMU's command line.
    """

    def __init__(
        self,
        directory: Path,
        image: Image,
        system: Path,
        state: Path,
        *,
        state_log: Path | None = None,
        devices: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._ends = ExitStack()
        self._command = [
            *("qemu-system-x86_64", "-accel", "tcg", "-cpu", "Westmere", "-m", str(MEMORY_MIB)),
            *("-nodefaults", "-no-user-config", "-display", "none", "-rtc", "base=utc"),
            *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
            *("-append", "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 mitigations=off"),
            *("-drive", f"file={system},format=qcow2,if=none,id=system,cache=unsafe"),
            *("-device", "virtio-blk-pci,drive=system,addr=5"),
            *_state_words(state, state_log),
            *("-device", "virtio-blk-pci,drive=state,addr=6,discard=off,write-zeroes=off"),
            *("-netdev", "user,id=network"),
            *("-device", "virtio-net-pci,netdev=network,id=cable,romfile="),
            *("-device", "virtio-rng-pci", "-device", "virtio-serial"),
            *("-chardev", f"socket,id=agent,path={directory / 'agent'},server=on,wait=off"),
            *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
            *("-qmp", f"unix:{directory / 'qmp'},server=on,wait=off"),
            *("-serial", f"file:{directory / 'console'}"),
            *devices,
        ]

    def __enter__(self) -> Self:
        began = time.monotonic()
        for left in ("agent", "qmp"):
            (self.directory / left).unlink(missing_ok=True)
        with (self.directory / "qemu.log").open("wb") as log:
            self._qemu = subprocess.Popen(self._command, stdout=log, stderr=log)
        try:
            self._boot()
            progress(f"{self.directory.name} has booted in {time.monotonic() - began:.0f} s")
        except BaseException:
            self.pull_the_plug()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.pull_the_plug()

    def _boot(self) -> None:
        self.qmp = self._ends.enter_context(closing(self._line("qmp", TIMEOUT_S)))
        self.qmp.ask("qmp_capabilities")
        self._agent = self._ends.enter_context(closing(self._line("agent", BOOT_TIMEOUT_S)))
        try:
            self._agent.ask("guest-ping")  # is answered when the agent has started
        except TimeoutError:
            console = (self.directory / "console").read_text(errors="replace")
            raise MachineError(f"it does not boot:\n{console[-3000:]}") from None

    def _line(self, name: str, timeout_s: float) -> JsonLine:
        """Return the conversation at a socket that QEMU opens soon after its start."""
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while True:
            try:
                return JsonLine(self.directory / name, timeout_s)
            except (FileNotFoundError, ConnectionRefusedError):
                if self._qemu.poll() is not None or time.monotonic() > deadline:
                    raise MachineError((self.directory / "qemu.log").read_text()) from None
            time.sleep(0.05)

    def open_line(self, port: int, host_port: int) -> None:
        """What the guest finds at this port of its loopback is at that one of ours."""
        self.run(
            f"systemd-run --quiet --unit=line-{port}"
            f" --socket-property=ListenStream=127.0.0.1:{port}"
            f" /lib/systemd/systemd-socket-proxyd {HOST}:{host_port}"
        )

    def cut_line(self, port: int) -> None:
        """Nothing listens at this port, and what was connected no longer is."""
        self.run(f"systemctl --quiet stop line-{port}.socket line-{port}.service", check=False)

    def shut_down(self) -> None:
        """As `poweroff` does it: everything is on disk."""
        self.qmp.ask("system_powerdown")
        self._qemu.wait(timeout=BOOT_TIMEOUT_S)

    def pull_the_plug(self) -> None:
        """At once. What QEMU was given is in its files; what the guest had in memory is not."""
        self._ends.close()
        self._qemu.send_signal(signal.SIGKILL)
        self._qemu.wait()

    def run(self, command: str, *, check: bool = True, timeout_s: float = TIMEOUT_S) -> str:
        """What a shell command of root prints. Raises MachineError if it fails."""
        deadline = time.monotonic() + timeout_s
        shell = {"path": "/bin/bash", "arg": ["-c", f"exec 2>&1\n{command}"]}
        pid = self._agent.ask("guest-exec", **shell, **{"capture-output": True})["pid"]
        while not (done := self._agent.ask("guest-exec-status", pid=pid))["exited"]:
            if time.monotonic() > deadline:
                raise MachineError(f"after {timeout_s} s it still runs: {command}")
            time.sleep(0.05)
        said = base64.b64decode(done.get("out-data", "")).decode(errors="replace")
        if check and done.get("exitcode") != 0:
            raise MachineError(f"{command}\n{said}")
        return said

    def wait_for(self, command: str, text: str, timeout_s: float = TIMEOUT_S) -> str:
        """Run `command` until it prints `text`."""
        deadline = time.monotonic() + timeout_s
        while text not in (said := self.run(command, check=False)):
            if time.monotonic() > deadline:
                raise MachineError(f"{command} does not say {text!r} in {timeout_s} s:\n{said}")
            time.sleep(0.2)
        return said

    def now_s(self) -> float:
        """On its clock, since the epoch."""
        return float(self.run("date +%s.%N"))

    def write(self, path: str, content: str | bytes, group: str = "root") -> None:
        """A file that root and this group can read."""
        data = content.encode() if isinstance(content, str) else content
        text, quoted = base64.b64encode(data).decode(), shlex.quote(path)
        self.run(
            f"install --mode 0640 --group {group} /dev/null {quoted}\n"
            f"base64 --decode > {quoted} <<< {text}"
        )


def overlay(base: Path, path: Path, base_format: str = "qcow2") -> Path:
    """A disk that is `base`, with what is written to it kept at `path`."""
    command = [
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-F",
        base_format,
        "-b",
        str(base),
        str(path),
    ]
    subprocess.run(command, check=True)
    return path


def make_state_disk(path: Path) -> Path:
    """An empty one, with room behind its file system."""
    with path.open("wb") as file:
        file.truncate(STATE_BYTES)
    size = f"{STATE_FS_BYTES // 1024}k"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-F", *NOT_LAZY, path, size], check=True)
    return path


def _state_words(state: Path, log: Path | None) -> list[str]:
    if log is None:
        return ["-blockdev", f"driver=file,node-name=state,filename={state}"]
    return [
        *("-blockdev", f"driver=file,node-name=disk,filename={state}"),
        *("-blockdev", f"driver=file,node-name=log,filename={log}"),
        "-blockdev",
        "driver=blklogwrites,node-name=state,file=disk,log=log,log-super-update-interval=1",
    ]
