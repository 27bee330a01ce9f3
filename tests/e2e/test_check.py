"""From nothing to a race by `setup`, `check` and `run`; and a check that harms no race."""

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.gateway_process import COMMAND, GatewayProcess
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.pty_bike import PtyBike
from tests.support.serial_bikes import PelotonBike
from tests.support.subscriber import Subscriber


def check(file: Path, **environment: str) -> tuple[int, dict[str, Any]]:
    """Its exit code, and what it says as JSON."""
    ended = subprocess.run(
        [*COMMAND, "check", "--json", "--config", str(file)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def names(report: dict[str, Any]) -> list[str]:
    return [one["name"] for one in report["findings"]]


def test_check_of_a_running_gateway_does_not_connect_to_the_cloud(
    gateway: GatewayProcess, broker: Mosquitto
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.start()
    gateway.wait_for_log("cloud connected")
    _, report = check(gateway.config_file)
    (service,) = (one for one in report["findings"] if one["name"] == "service")
    assert service["what"].startswith("the gateway is running: race"), service
    assert "endpoint" not in names(report)
    gateway.terminate()
    assert gateway.log.count("cloud connected") == 1
    assert "cloud not connected" not in gateway.log, "it was not thrown out"
    code, report = check(gateway.config_file)
    assert (code, names(report)[-1]) == (0, "cloud"), report


async def test_config_made_by_setup_passes_check_and_races(
    tmp_path: Path, broker: Mosquitto, authority: Authority, subscriber: Subscriber
) -> None:
    bike = PtyBike(tmp_path / "usb-peloton", PelotonBike(cadence_rpm=90).answer).plug_in()
    mine = authority.issue("gateway-1")
    file = tmp_path / "gateway.toml"
    environment = {
        "ALLEYCAT_CLOUD__PORT": str(broker.port),
        "ALLEYCAT_STATE_DIR": str(tmp_path / "state"),
    }
    flags = {
        "config": file,
        "bike": bike.port,
        "protocol": "peloton",
        "racer-name": "Ada",
        "racer-id": 3,
        "class-id": 2,
        "endpoint": "127.0.0.1",
        "ca-file": mine.ca_file,
        "certificate-file": mine.certificate_file,
        "private-key-file": mine.private_key_file,
    }
    arguments = [f"--{name}={value}" for name, value in flags.items()]
    run = asyncio.create_subprocess_exec
    assert await (await run(*COMMAND, "setup", *arguments)).wait() == 0

    code, report = await asyncio.to_thread(check, file, **environment)
    assert code == 0, report
    assert {one["state"] for one in report["findings"]} == {"ok"}

    daemon = await run(*COMMAND, "run", "--config", str(file), env={**os.environ, **environment})
    try:
        (first, *_) = await asyncio.to_thread(
            subscriber.wait_for, lambda them: any(one.cadence == 90 for one in them)
        )
        assert (first.name, first.racer_id, first.class_id) == ("Ada", 3, 2)
    finally:
        daemon.terminate()
        await daemon.wait()
        bike.unplug()
