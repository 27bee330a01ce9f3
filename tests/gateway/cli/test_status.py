"""`status` with a real socket: what it prints, where it asks, how it ends."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import app
from gateway.host.errors import BAD_CONFIG, FAILED, INTERRUPTED, NOT_RUNNING
from gateway.status.line import status_line
from gateway.status.report import status_to_json
from gateway.status.server import open_status_socket
from gateway.status.snapshot import GatewayStatus
from tests.support.children import killed_at_end
from tests.support.gateway_process import COMMAND
from tests.support.statuses import bike_status, gateway_status, lost_bike, offline
from tests.support.terminal import Terminal

WELL = gateway_status()
FOUR = gateway_status(*(bike_status(number) for number in range(1, 5)))


@pytest.fixture(autouse=True)
def service_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Not this computer's own."""
    directory = tmp_path / "run"
    directory.mkdir()
    monkeypatch.setattr("gateway.host.sockets.SERVICE_DIRECTORY", directory)
    monkeypatch.setattr("gateway.cli.service.SERVICE_CONFIG", tmp_path / "etc" / "gateway.toml")
    monkeypatch.setenv("ALLEYCAT_STATE_DIR", str(tmp_path / "default"))
    return directory


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a gateway started by hand."""
    monkeypatch.delenv("ALLEYCAT_STATE_DIR")
    (tmp_path / "state").mkdir()
    config = tmp_path / "gateway.toml"
    config.write_text('state_dir = "state"\n', encoding="utf-8")
    return config


@contextmanager
def serving(directory: Path, *lines: bytes) -> Iterator[None]:
    """In a thread: one line after the other, the last one over and over."""
    waiting, is_up, loop = list(lines), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    def answer() -> bytes:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    async def serve() -> None:
        async with open_status_socket(directory / "status.sock", answer):
            is_up.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    is_up.wait(20)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def invoke(*arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, ["status", *map(str, arguments)])


def of(status: GatewayStatus) -> bytes:
    return status_to_json(status)


# What it says, and its exit code.


def test_status_of_a_healthy_gateway_exits_with_0(service_directory: Path) -> None:
    with serving(service_directory, of(WELL)):
        result = invoke()
    assert result.exit_code == 0
    assert "all well" in result.output
    assert "bike-001  Rider1  connected" in result.output


def test_status_counts_what_needs_attention_and_fails(service_directory: Path) -> None:
    with serving(service_directory, of(gateway_status(lost_bike(), cloud=offline()))):
        result = invoke()
    assert result.exit_code == FAILED
    assert "2 things need attention" in result.output


def test_lines_of_the_status_end_without_blanks(service_directory: Path) -> None:
    with serving(service_directory, of(FOUR)):
        lines = invoke().output.splitlines()
    assert lines == [line.rstrip() for line in lines]


@pytest.mark.parametrize(("cloud", "code"), [(WELL.cloud, 0), (offline(), FAILED)])
def test_status_json_is_the_line_of_the_daemon(
    service_directory: Path, cloud: object, code: int
) -> None:
    line = of(gateway_status(cloud=cloud))
    with serving(service_directory, line):
        result = invoke("--json")
    assert result.exit_code == code
    assert result.stdout_bytes == line
    assert bool(json.loads(line)["attention"]) == (code == FAILED)


def test_status_of_another_version_asks_for_a_restart(service_directory: Path) -> None:
    with serving(service_directory, b'{"format":2}\n'):
        result = invoke()
    assert result.exit_code == FAILED
    assert "restart it: sudo systemctl restart alleycat-gateway" in result.output


def test_status_without_a_gateway_tells_that_none_runs(
    service_directory: Path, tmp_path: Path
) -> None:
    result = invoke()
    assert result.exit_code == NOT_RUNNING
    assert result.stdout == ""
    assert f"no socket at {service_directory}/status.sock or {tmp_path}/default" in result.stderr
    assert "`systemctl status alleycat-gateway`" in result.stderr


def test_status_of_a_killed_gateway_tells_that_none_runs(service_directory: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(service_directory / "status.sock"))
    result = invoke()
    assert result.exit_code == NOT_RUNNING
    assert "no process is listening; the gateway" in result.stderr


# Where it asks.


def test_status_asks_the_gateway_of_a_config_before_the_service(
    service_directory: Path, config: Path
) -> None:
    by_hand = gateway_status(thing_name="by-hand")
    with serving(service_directory, of(WELL)), serving(config.parent / "state", of(by_hand)):
        assert invoke("--config", config).output.startswith("by-hand ")
        assert invoke().output.startswith("gateway-1 ")


def test_status_with_a_config_asks_the_service_that_uses_it(
    service_directory: Path, config: Path
) -> None:
    with serving(service_directory, of(gateway_status(state_dir=str(config.parent / "state")))):
        assert invoke("--config", config).exit_code == 0


def test_status_with_a_config_ignores_the_service_of_another(
    service_directory: Path, config: Path
) -> None:
    with serving(service_directory, of(gateway_status(state_dir="/var/lib/alleycat-gateway"))):
        result = invoke("--config", config)
    assert result.exit_code == NOT_RUNNING
    assert result.stdout == ""
    assert (
        f"no socket in {config.parent}/state, the state_dir of this config; the service is "
        "running, but uses /var/lib/alleycat-gateway" in result.stderr
    )
    assert f"To start it: alleycat-gateway run --config {config}" in result.stderr.replace(
        "sudo ", ""
    )
    assert "use --config" not in result.stderr


def test_status_asks_the_default_state_dir_without_the_service(tmp_path: Path) -> None:
    (tmp_path / "default").mkdir()
    with serving(tmp_path / "default", of(WELL)):
        assert invoke().exit_code == 0


def test_status_refuses_a_missing_config(tmp_path: Path) -> None:
    result = invoke("--config", tmp_path / "missing.toml")
    assert result.exit_code == BAD_CONFIG
    assert "expected a TOML file" in result.stderr


# --watch


def command(config: Path, *arguments: str) -> list[str]:
    return [*COMMAND, "status", "--config", str(config), *arguments]


def frames(terminal: Terminal) -> list[list[str]]:
    """What was drawn on the alternate screen, one after the other, as lines."""
    screen = terminal.output.split("\x1b[?1049h")[1].split("\x1b[?1049l")[0]
    # The terminal itself echoes ^C, in the middle of whatever is drawn.
    plain = re.sub(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\^C", "", screen).replace("\r", "")
    return [frame.split("\n") for frame in plain.split("\x1b[H") if frame.strip()]


@pytest.mark.slow
def test_status_watch_redraws_every_second_within_80_by_24_until_ctrl_c(config: Path) -> None:
    produced = [gateway_status(*FOUR.bikes, produced=number) for number in range(50)]
    lines = [of(status) for status in produced]
    with serving(config.parent / "state", *lines), Terminal(command(config, "--watch")) as terminal:
        terminal.wait_for("bike-004  Rider4  connected", times=5, timeout_s=10)
        terminal.press_ctrl_c()
        assert terminal.exit_code() == 0
    drawn = frames(terminal)
    assert len(drawn) >= 4
    for frame in drawn:
        assert len(frame) <= 24
        assert max(map(len, frame)) <= 80
        assert any(line.startswith("bike-004  Rider4  connected") for line in frame), frame
    left = terminal.output.split("\x1b[?1049l")[1]
    assert "bike-004" in left, "the last status stays on the terminal"
    assert "Traceback" not in terminal.text


@pytest.mark.slow
def test_status_watch_survives_a_restart_of_the_gateway(config: Path) -> None:
    state_dir = config.parent / "state"
    with serving(state_dir, of(WELL)):
        terminal = Terminal(command(config, "--watch"))
        terminal.wait_for("all well")
    with terminal:
        terminal.wait_for("no gateway answers: no socket at")
        seen = terminal.text.count("all well")
        with serving(state_dir, of(WELL)):
            terminal.wait_for("all well", times=seen + 1)
        terminal.press_ctrl_c()
        assert terminal.exit_code() == 0


@pytest.mark.slow
def test_status_without_an_answer_can_be_interrupted(config: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(config.parent / "state" / "status.sock"))
        silent.listen()
        with Terminal(command(config)) as terminal:
            connection, _ = silent.accept()
            terminal.press_ctrl_c()
            assert terminal.exit_code() == INTERRUPTED
            connection.close()
    assert terminal.text.splitlines()[-1].endswith("interrupted")


def test_status_watch_needs_a_gateway_to_begin_with(config: Path) -> None:
    assert invoke("--config", config, "--watch").exit_code == NOT_RUNNING


@pytest.mark.slow
def test_status_watch_as_json_prints_one_status_per_line(config: Path) -> None:
    with (
        serving(config.parent / "state", of(WELL)),
        Terminal(command(config, "--watch", "--json"), columns=5000) as terminal,
    ):
        terminal.wait_for("\n", times=3)
        terminal.press_ctrl_c()
        assert terminal.exit_code() == 0
    lines = [line for line in terminal.text.splitlines() if line.startswith("{")]
    assert [json.loads(line) for line in lines[:3]] == [json.loads(of(WELL))] * 3


@pytest.mark.slow
def test_status_watch_without_a_terminal_prints_lines_in_words(config: Path) -> None:
    with (
        serving(config.parent / "state", of(WELL)),
        killed_at_end(
            subprocess.Popen(
                command(config, "--watch"),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == f"{status_line(WELL)}\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@pytest.mark.slow
def test_status_watch_is_quiet_when_nobody_reads_on(config: Path) -> None:
    with (
        serving(config.parent / "state", of(WELL)),
        killed_at_end(
            subprocess.Popen(
                command(config, "--watch", "--json"),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait(10)
