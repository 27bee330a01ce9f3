"""`watch`: live Readings on the screen, and nowhere else."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.config.command_line import command_line
from gateway.status.report import status_to_json
from gateway.status.server import open_status_socket
from tests.support.children import killed_at_end
from tests.support.plugins import RUDE_DRIVER, register_plugin
from tests.support.statuses import bike_status, gateway_status

CONFIG = """
thing_name = "gateway-1"
state_dir = "state"
[cloud]
endpoint = "127.0.0.1"
plaintext = true
[[bikes]]
id = "bike-001"
racer_id = 1
racer_name = "Ada"
class_id = 1
driver = "serial"
options = {{ port = "{port}", protocol = "lines" }}
"""

pytestmark = pytest.mark.slow


def test_watch_without_a_terminal_prints_lines() -> None:
    result = CliRunner().invoke(app, ["watch", "fake", "--seconds", "1.2"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:2] == ["fake: connecting", "fake: connected"]
    assert any("cadence" in line for line in lines)


def test_watch_json_is_one_reading_per_line() -> None:
    result = CliRunner().invoke(app, ["watch", "fake", "--seconds", "1.2", "--json"])
    readings = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(readings) >= 2
    assert all(one["t_s"] >= 0 and "cadence_rpm" in one for one in readings)
    assert "fake: connected" in result.stderr


def test_watch_ends_cleanly_on_ctrl_c() -> None:
    with killed_at_end(
        subprocess.Popen(
            [sys.executable, "-m", "gateway", "watch", "fake", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert "Traceback" not in process.stderr.read()


@pytest.fixture
def rude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register_plugin(tmp_path, "rude", RUDE_DRIVER, "RudeBike")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("rude")
@pytest.mark.parametrize(
    ("habit", "words"),
    [
        ("text", "rude: lost: rude_driver:RudeBike: cadence_rpm is 'abc' (str); expected a finite"),
        ("past", "before the opening or the previous Reading; expected clock.monotonic_ns()"),
        ("speechless", "BikeLost was raised without a text; expected the reason"),
        ("bug", "rude: lost: driver failed: KeyError: 'x' (rude_driver.py, line 4"),
        ("exit", "rude: lost: driver failed: SystemExit: no licence (rude_driver.py, line 4"),
        ("callback", "rude: a background task or callback of the driver reported: driver failed:"),
        ("callback", "driver failed: ZeroDivisionError: division by zero"),
        ("clings", "rude: connected"),
    ],
)
def test_watch_describes_a_rude_driver_without_a_traceback(habit: str, words: str) -> None:
    result = CliRunner().invoke(
        app, ["watch", "rude", "--option", f"habit={habit}", "--seconds", "1"]
    )
    assert result.exit_code == 0
    assert words in result.output
    assert "Traceback" not in result.output


@pytest.fixture
def of_a_gateway(tmp_path: Path) -> Iterator[Path]:
    """Yield the config of a running gateway that holds its serial bike."""
    config = tmp_path / "gateway.toml"
    config.write_text(CONFIG.format(port=tmp_path / "missing"), encoding="utf-8")
    (tmp_path / "state").mkdir()
    status = status_to_json(gateway_status(bike_status(state_s=1)))
    loop, stop, is_up = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with open_status_socket(tmp_path / "state" / "status.sock", lambda: status):
            is_up.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert is_up.wait(20)
    yield config
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


def test_watch_of_a_bike_that_a_gateway_reads_names_the_gateway(of_a_gateway: Path) -> None:
    arguments = ["watch", "bike-001", "--config", str(of_a_gateway), "--seconds", "2"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    command = command_line("status --watch", of_a_gateway)
    assert (
        f"; the gateway gateway-1 is running and reads bike-001: `{command}` shows its race"
        in result.output
    )
