"""`alleycat-gateway run` in its own process."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from tests.support.mosquitto import Credentials

#: How long a start may take on a busy machine, in seconds.
START_TIMEOUT_S = 60.0
#: The time limit of the systemd unit, in seconds.
STOP_TIMEOUT_S = 30.0
COMMAND = [sys.executable, "-m", "gateway"]


def alleycat_gateway(*arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], check=False, capture_output=True, text=True, timeout=timeout_s
    )


class GatewayProcess:
    """A daemon with its config in `directory`, which may be changed between two starts."""

    def __init__(self, directory: Path, credentials: Credentials) -> None:
        self.config_file = directory / "gateway.toml"
        self.log_file = directory / "gateway.log"
        #: Gives the daemon's stderr; what is written there must come to `log_file`.
        self.open_log: Callable[[], IO[bytes]] = lambda: self.log_file.open("ab")
        self.cloud: dict[str, Any] = {
            "endpoint": "127.0.0.1",
            "ca_file": credentials.ca_file,
            "certificate_file": credentials.certificate_file,
            "private_key_file": credentials.private_key_file,
            "reconnect_max_s": 1,
        }
        self.python = sys.executable
        #: Environment variables in addition to our own.
        self.environment: dict[str, str] = {}
        self.race_mode = "continuous"
        #: By default, every bike takes part in every second of its races.
        self.race_join = "always"
        self.race_length_s = 10
        self.race_offset_ms = 0
        self.bikes = [_fake_bike(1), _fake_bike(2)]
        #: Further tables of the config, as TOML.
        self.further = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def write_config(self) -> None:
        cloud = "\n".join(f"{key} = {_toml(value)}" for key, value in self.cloud.items())
        self.config_file.write_text(
            f'thing_name = "gateway-1"\nstate_dir = "state"\n[cloud]\n{cloud}\n'
            f'[race]\nmode = "{self.race_mode}"\njoin = "{self.race_join}"\n'
            f"length_s = {self.race_length_s}\noffset_ms = {self.race_offset_ms}\n{self.further}"
            + "\n".join(self.bikes),
            encoding="utf-8",
        )

    def start(self, *arguments: str) -> None:
        """Start the daemon; return when it races."""
        self.write_config()
        seen = self.log.count("gateway started") if self.log_file.exists() else 0
        with self.open_log() as log:
            self._process = subprocess.Popen(
                [
                    self.python,
                    "-m",
                    "gateway",
                    "run",
                    "--config",
                    str(self.config_file),
                    *arguments,
                ],
                stdin=subprocess.DEVNULL,  # SIGHUP is no reload on a terminal
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        try:
            self.wait_for_log("gateway started", times=seen + 1, timeout_s=START_TIMEOUT_S)
        except BaseException:
            self.kill()
            raise

    def wait_for_log(self, pattern: str, *, times: int = 1, timeout_s: float = 20.0) -> None:
        deadline = time.monotonic() + timeout_s
        while len(re.findall(pattern, self.log)) < times:
            assert self._process is not None
            assert self._process.poll() is None, f"the daemon ended:\n{self.log}"
            assert time.monotonic() < deadline, f"{pattern!r} is not in the log:\n{self.log}"
            time.sleep(0.02)

    def terminate(self) -> None:
        """Send SIGTERM; the process must end within systemd's time, and its exit code be 0."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(timeout=STOP_TIMEOUT_S) == 0, self.log
        self._process = None

    def kill(self) -> None:
        """Kill the daemon with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None

    def written_bytes(self) -> int:
        """Return the bytes that the process has had written to storage, from the kernel."""
        fields = dict(
            line.split(": ") for line in Path(f"/proc/{self.pid}/io").read_text().splitlines()
        )
        return int(fields["write_bytes"])


def _fake_bike(number: int) -> str:
    return (
        f'[[bikes]]\nid = "bike-{number}"\nracer_id = {number}\nracer_name = "Rider{number}"\n'
        f'class_id = 1\ndriver = "fake"\noptions = {{ seed = {number}, ride_s = 10 }}\n'
    )


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str | Path) else str(value).lower()
