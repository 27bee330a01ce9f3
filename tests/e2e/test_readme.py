"""The examples in the README and in docs work unchanged."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.gateway_process import alleycat_gateway
from tests.support.mosquitto import find_mosquitto, free_port

ROOT = Path(__file__).parents[2]
INSTALLATION = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
BIKES = (ROOT / "docs" / "bikes.md").read_text(encoding="utf-8")
TIMEOUT_S = 60


def test_recipe_races_a_capture_over_mutual_tls(tmp_path: Path) -> None:
    find_mosquitto()
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt install openssl")
    [recipe] = re.findall(r"```sh\n(openssl .*?)```", INSTALLATION, re.DOTALL)
    port = str(free_port())
    recipe = recipe.replace("8883", port).replace(
        'endpoint = "127.0.0.1"', f'endpoint = "127.0.0.1"\nport = {port}'
    )
    shutil.copy(ROOT / "tests/captures/peloton/fake-sprint.bin", tmp_path / "ride.bin")
    scripts = Path(sys.executable).parent
    log_file = tmp_path / "log"
    with log_file.open("wb") as log:
        shell = subprocess.Popen(
            ["bash", "-e", "-c", recipe],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while not {"cloud connected", "bike connected"} <= said(log_file):
            assert shell.poll() is None, log_file.read_text()
            assert time.monotonic() < deadline, log_file.read_text()
            time.sleep(0.1)
        if shutil.which("mosquitto_sub"):
            [subscribe] = re.findall(r"```sh\n(mosquitto_sub .*?)\n```", INSTALLATION, re.DOTALL)
            received = subprocess.run(
                ["bash", "-c", f"{subscribe.replace('8883', port)} -C 1 -W 20"],
                check=True,
                cwd=tmp_path,
                capture_output=True,
            )
            assert json.loads(received.stdout)["bikeId"] == "bike-001"
    finally:
        os.killpg(shell.pid, signal.SIGTERM)
        shell.wait(timeout=10)


def said(log_file: Path) -> set[str]:
    return set(re.findall(r"(?:cloud|bike) connected", log_file.read_text()))


def test_decode_example_prints_what_decode_prints() -> None:
    [(command, printed)] = re.findall(r"\$ alleycat-gateway (decode .*)\n(.*)\n", BIKES)
    assert alleycat_gateway(*command.split()).stdout.strip() == printed
