"""The real daemon with the config of the package: it waits, and `setup` and a reload end that."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.buffer.store import Record
from gateway.config.packaged import config_path
from systemd.package.first_config import first_config
from tests.support.buffer_files import buffered, fill_buffer
from tests.support.gateway_process import COMMAND, START_TIMEOUT_S, STOP_TIMEOUT_S
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.telemetry import message

#: Python runs this at its start: the state directory of the service is that of the test.
SITE = """
from pathlib import Path
from gateway.config import first
first.STATE_DIR = Path({state_dir!r})
"""


class Service:
    """A gateway as the package installs it, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.state_dir = directory / "state"
        self.config = directory / "gateway.toml"
        text = first_config(config_path("gateway.toml").read_text(encoding="utf-8"))
        self.config.write_text(
            text.replace("/var/lib/alleycat-gateway", str(self.state_dir)), encoding="utf-8"
        )
        site = directory / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(SITE.format(state_dir=str(self.state_dir)))
        self._environment = {**os.environ, "PYTHONPATH": str(site)}
        self._log = directory / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments, "--config", str(self.config)],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env=self._environment,
        )

    def start(self) -> None:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "run", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,  # SIGHUP is no reload on a terminal
                stdout=log,
                stderr=log,
                env=self._environment,
            )

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> int:
        """Stop with SIGTERM, and return the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=STOP_TIMEOUT_S)

    def wait_for_log(self, text: str) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while text not in (log := self._log.read_text(encoding="utf-8")):
            assert self._process.poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(0.02)

    def status_line(self) -> str:
        return str(json.loads(self.call("status", "--json").stdout)["line"])


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.stop()


def test_service_that_is_not_set_up_keeps_nothing_and_races_after_setup(service: Service) -> None:
    service.start()
    service.wait_for_log("not set up yet")
    status = service.call("status")
    assert status.returncode == 1
    assert "alleycat-gateway setup --config" in " ".join(status.stdout.split())
    assert service.status_line() == "not set up yet: sudo alleycat-gateway setup"
    assert "this gateway is not set up yet" in " ".join(service.call("check").stdout.split())
    assert not (service.state_dir / "buffer").exists()
    rider = ("--racer-name", "Ada", "--racer-id", "3", "--class-id", "2")
    setup = service.call("setup", "--bike", "fake", *rider, "--endpoint", "later")
    assert setup.returncode == 0, setup.stdout + setup.stderr
    service.send(signal.SIGHUP)
    service.wait_for_log("gateway started")
    assert "not set up" not in service.status_line()


def test_setup_tests_the_connection_unless_it_would_disconnect_the_gateway(
    service: Service, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    mine = authority.issue("gateway-1")
    service.start()
    service.wait_for_log("not set up yet")
    rider = ("--racer-name", "Ada", "--racer-id", "3", "--class-id", "2")
    files = [f"--ca-file={mine.ca_file}", f"--certificate-file={mine.certificate_file}"]
    files += [f"--private-key-file={mine.private_key_file}"]
    with Mosquitto(tmp_path / "broker", authority) as broker:
        cloud = ("--endpoint", "127.0.0.1", "--port", str(broker.port), "--thing-name", "gateway-1")
        setup = service.call("setup", "--bike", "fake", *rider, *cloud, *files)
        assert "the broker accepts gateway-1" in setup.stdout, "a waiting gateway has no connection"
        service.send(signal.SIGHUP)
        service.wait_for_log("cloud connected")
        again = service.call("setup", "--racer-name", "Bo").stdout
        assert "is not tested: the running gateway is connected as gateway-1" in again
        assert "Testing" not in again


def test_upgraded_service_discards_what_an_earlier_version_raced(service: Service) -> None:
    messages = [message(second, 1, "bike-001") for second in range(1, 60)]
    fill_buffer(service.state_dir, [Record(one.second, 1, one.to_json()) for one in messages])
    service.start()
    service.wait_for_log("seconds of the simulated bike discarded")
    assert service.stop() == 0
    assert buffered(service.state_dir) == {}
