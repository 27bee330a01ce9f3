"""What Tab offers: in bash from the generated script, in zsh and fish from the command itself."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from drivers.protocols import PROTOCOLS
from systemd.package.commands import CommandNode, command_nodes
from systemd.package.completion import completion
from tests.package.debian import ROOT

#: The program, and each of its commands.
NODES = list(command_nodes())

CONFIG = """\
thing_name = "gateway-1"
id = "not-a-bike"
[[bikes]]
id = "bike-001" # next to the window
racer_id = 1
[[bikes]]
  id='bike-002'
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    script = tmp_path_factory.mktemp("bash") / "alleycat-gateway"
    script.write_text(completion(), encoding="utf-8")
    return script


@pytest.fixture
def config(tmp_path: Path) -> Path:
    config = tmp_path / "gateway.toml"
    config.write_text(CONFIG, encoding="utf-8")
    return config


def offered(script: Path, line: str, cwd: Path = ROOT) -> list[str]:
    """What bash offers at the end of `line`, whose words readline splits at spaces and =."""
    words = [word for word in re.split(r"\s+|(=)", line) if word]
    if line[-1] in " =":
        words = [*words, ""] if line[-1] == " " else words
    program = (
        f"source {script}; compopt() {{ :; }}; COMP_WORDS=({shlex.join(words)}); "
        f"COMP_CWORD={len(words) - 1}; _alleycat_gateway; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", program], cwd=cwd, check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_offers_all_verbs(script: Path) -> None:
    assert offered(script, "alleycat-gateway ") == list(NODES[0].verbs)
    assert offered(script, "alleycat-gateway wa") == ["watch"]


@pytest.mark.parametrize("node", NODES, ids=lambda node: " ".join(node.path) or "none")
def test_bash_offers_each_option_of_each_command(script: Path, node: CommandNode) -> None:
    path, command = node.path, node.command
    options = {name for one in command.params for name in one.opts if name.startswith("--")}
    found = offered(script, " ".join(("alleycat-gateway", *path, "--")))
    assert options | {"--help"} <= set(found)


@pytest.mark.parametrize(
    "line",
    [
        "watch --config {} ",
        "watch --config={} ",
        "capture --seconds 10 --config {} bi",
        "calibrate --config {} bi",
        "calibrate verify --json --config {} ",
    ],
)
def test_bash_offers_the_bikes_of_the_config(script: Path, config: Path, line: str) -> None:
    found = offered(script, "alleycat-gateway " + line.format(config))
    assert found[:2] == ["bike-001", "bike-002"]
    assert "not-a-bike" not in found


def test_bash_offers_verbs_of_calibrate_next_to_the_bikes(script: Path, config: Path) -> None:
    found = offered(script, f"alleycat-gateway calibrate --config {config} ")
    assert {"bike-001", "verify", "rollback"} <= set(found)
    assert offered(script, f"alleycat-gateway calibrate --config {config} bike-001 ") == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("watch --protocol ", list(PROTOCOLS)),
        ("watch --protocol=", list(PROTOCOLS)),
        ("watch --protocol=pelo", ["peloton"]),
        ("decode ft", ["ftms"]),
        ("replay ride.bin --protocol kei", ["keiser"]),
        ("schema ", ["telemetry", "status"]),
        ("watch --seconds ", []),
        ("config ", ["check"]),
        ("replay READ", ["README.md"]),
        ("run --config READ", ["README.md"]),
        ("run --config=READ", ["README.md"]),
    ],
)
def test_bash_offers_values(script: Path, line: str, words: list[str]) -> None:
    assert offered(script, f"alleycat-gateway {line}") == words


def test_bash_asks_the_running_gateway_if_the_config_is_unreadable(
    script: Path, tmp_path: Path
) -> None:
    answer = json.dumps({"gateway": {"bikes": [{"bike_id": "bike-7"}]}}) + "\n"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "status.sock"))
        server.listen()

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.sendall(answer.encode())

        thread = threading.Thread(target=serve)
        thread.start()
        text = script.read_text(encoding="utf-8").replace("/run/alleycat-gateway", str(tmp_path))
        (tmp_path / "script").write_text(
            text.replace("/usr/bin/python3", sys.executable), encoding="utf-8"
        )
        assert offered(tmp_path / "script", "alleycat-gateway watch bi") == ["bike-7"]
        thread.join()


def test_bash_is_quiet_without_a_config_and_a_gateway(script: Path, tmp_path: Path) -> None:
    config = tmp_path / "missing.toml"
    assert offered(script, f"alleycat-gateway watch --config {config} ", tmp_path) == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_ask_the_command_with_the_variables_that_it_reads(
    shell: str, config: Path
) -> None:
    text = (ROOT / f"systemd/package/completion.{shell}").read_text(encoding="utf-8")
    assert f"_ALLEYCAT_GATEWAY_COMPLETE=complete_{shell} " in text
    variables = {
        "_ALLEYCAT_GATEWAY_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": f"alleycat-gateway watch --config {config} bi",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run(
        [Path(sys.executable).with_name("alleycat-gateway")],
        env={**os.environ, **variables},
        check=True,
        capture_output=True,
        text=True,
    )
    assert re.findall(r"bike-\d+", done.stdout) == ["bike-001", "bike-002"]
