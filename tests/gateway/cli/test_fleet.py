"""`fleet` itself is shown in tests/e2e; here what it says before it begins, or when it cannot."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.cli.fleet import _classes, _target
from gateway.host.errors import BAD_CONFIG, FAILED, USAGE
from tests.support.gateway_process import COMMAND, GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Authority
from tests.support.terminal import Terminal

#: A name that no resolver knows (RFC 6761), as far away as AWS.
FAR_AWAY = "broker.invalid"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """One whose broker is not on this computer."""
    gateway = GatewayProcess(tmp_path, Authority(tmp_path / "ca").issue("gateway-1"))
    gateway.cloud["endpoint"] = FAR_AWAY
    gateway.cloud["port"] = 8883
    gateway.write_config()
    return gateway.config_file


def test_fleet_without_its_extra_tells_what_to_install_or_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "iotcore", None)
    result = CliRunner().invoke(app, ["fleet"])
    assert result.exit_code == FAILED
    assert "pip install '.[demo]'" in result.output
    assert "--config" in result.output


@pytest.mark.parametrize("trust", ["auto", "always"])
def test_fleet_trusts_the_clock_as_its_config_does(config: Path, trust: str) -> None:
    with config.open("a", encoding="utf-8") as file:
        file.write(f'[clock]\ntrust = "{trust}"\n')
    assert _target(config, None).trust.always == (trust == "always")


@pytest.mark.parametrize(
    ("text", "classes"),
    [("1-6", (1, 2, 3, 4, 5, 6)), ("2", (2,)), ("1,3", (1, 3)), ("1-2,5", (1, 2, 5))],
)
def test_classes_are_a_range_or_a_list(text: str, classes: tuple[int, ...]) -> None:
    assert _classes(text) == classes


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--racers", "0"], "--racers"),
        (["--race", "9"], "--race"),
        (["--classes", "7"], "--classes 7: expected classes from 1 to 6, such as 1-6"),
        (["--classes", "0-6"], "--classes 0-6"),
        (["--classes", "6-1"], "--classes 6-1"),
        (["--classes", "1-"], "--classes 1-"),
        (["--classes", "a"], "--classes a"),
        (["--racers", "1000", "--connections", "12"], "expected 13 … 1000"),
        (["--racers", "5", "--races", "6"], "at most 5"),
    ],
)
def test_fleet_options_that_make_no_race_are_usage_errors(
    arguments: list[str], expected: str
) -> None:
    result = CliRunner().invoke(app, ["fleet", *arguments])
    assert result.exit_code == USAGE
    assert expected in result.output


def test_fleet_refuses_a_missing_config(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["fleet", "--config", str(tmp_path / "none.toml")])
    assert result.exit_code == BAD_CONFIG
    assert "none.toml" in result.output


@pytest.mark.slow
def test_fleet_without_a_terminal_names_the_cost_and_wants_yes(
    config: Path,
) -> None:
    ended = alleycat_gateway("fleet", "--racers", "1000", "--race", "300", "--config", str(config))
    assert ended.returncode == USAGE
    assert "300,000 messages" in ended.stdout
    assert "0.40" in ended.stdout
    assert "--yes" in ended.stderr


@pytest.mark.slow
def test_fleet_on_a_terminal_asks_and_stops_at_a_no(config: Path) -> None:
    command = [*COMMAND, "fleet", "--racers", "3", "--config", str(config)]
    with Terminal(command) as terminal:
        terminal.wait_for(rf"Race through {FAR_AWAY}\?")
        terminal.press("n\n")
        assert terminal.exit_code() == FAILED
    assert "connecting:" not in terminal.text
