"""`check`: exit codes, and JSON alone on stdout."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import app
from gateway.host import sockets
from gateway.host.errors import BAD_CONFIG, FAILED
from tests.support.mosquitto import Authority, Mosquitto

CONFIG = """
thing_name = "gateway-1"
state_dir = "state"
[cloud]
endpoint = "127.0.0.1"
port = {port}
plaintext = true
[[bikes]]
id = "bike-1"
racer_id = 1
racer_name = "Ada"
class_id = 1
driver = "fake"
"""


@pytest.fixture(autouse=True)
def _no_service_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SERVICE_DIRECTORY", tmp_path / "run")


def check(tmp_path: Path, port: int, *arguments: str) -> Result:
    file = tmp_path / "gateway.toml"
    file.write_text(CONFIG.format(port=port))
    return CliRunner().invoke(app, ["check", "--config", str(file), *arguments])


def test_check_of_a_missing_config_exits_with_78(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", "--config", str(tmp_path / "gone.toml")])
    assert result.exit_code == BAD_CONFIG
    assert re.search("→ create the file: (sudo )?alleycat-gateway setup", result.output)


def test_check_that_finds_a_failure_exits_with_1(tmp_path: Path) -> None:
    result = check(tmp_path, 1)
    assert result.exit_code == FAILED
    assert "127.0.0.1:1: Connection refused" in result.output


def test_check_json_is_the_only_thing_on_stdout(tmp_path: Path) -> None:
    result = check(tmp_path, 1, "--json")
    said = json.loads(result.stdout)
    assert said["ok"] is False
    assert {one["state"] for one in said["findings"]} <= {"ok", "warning", "failed"}


def test_check_without_failures_exits_with_0(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    broker = Mosquitto(tmp_path / "broker", authority)
    # Plaintext, on loopback, as a demo's is.
    (tmp_path / "broker" / "mosquitto.conf").write_text(
        f"listener {broker.port} 127.0.0.1\nallow_anonymous true\n"
    )
    with broker:
        result = check(tmp_path, broker.port)
    assert result.exit_code == 0, result.output
    assert "\n1 warning\n" in result.output, "without TLS"
