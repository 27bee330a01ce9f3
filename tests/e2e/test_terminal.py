"""The real daemon whose terminal goes away or is stopped, and whose log is not read."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.status.client import ask_status
from gateway.status.report import status_from_json
from tests.support.buffer_files import buffered
from tests.support.children import killed_at_end
from tests.support.gateway_process import COMMAND, START_TIMEOUT_S
from tests.support.mosquitto import free_port
from tests.support.plugins import register_plugin
from tests.support.terminal import Terminal

CTRL_S = "\x13"

CONFIG = """
thing_name = "gateway-1"
state_dir = "state"
[cloud]
endpoint = "127.0.0.1"
plaintext = true
port = {port}
[race]
join = "always"
[[bikes]]
id = "bike-1"
racer_id = 1
racer_name = "Ada"
class_id = 1
driver = "fake"
"""

#: A driver with a line of debugging that its author forgot, more than a pipe can hold.
TALKATIVE_DRIVER = """
import asyncio
from contextlib import asynccontextmanager

from drivers import DriverOptions, FrameSource, Reading, ignore_frame


class TalkativeBike(FrameSource):
    Options = DriverOptions
    stale_after_s = 3.0

    def __init__(self, options, clock):
        self.clock = clock

    @asynccontextmanager
    async def open_bike(self, on_frame=ignore_frame):
        async def readings():
            while True:
                yield Reading(self.clock.monotonic_ns(), cadence_rpm=80)
                print("x" * 100_000, flush=True)
                await asyncio.sleep(0.05)

        yield readings()
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    config = tmp_path / "gateway.toml"
    config.write_text(CONFIG.format(port=free_port()), encoding="utf-8")
    return [*COMMAND, "run", "--config", str(config)]


def wait_for_messages(status: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not status_from_json(ask_status(status)).produced:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_run_ends_with_its_terminal_and_saves_the_buffer(
    command: list[str], tmp_path: Path
) -> None:
    with Terminal(command) as terminal:
        terminal.wait_for("gateway started")
        wait_for_messages(tmp_path / "state" / "status.sock")
        terminal.hang_up()
        assert terminal.exit_code() == 0
    assert any(buffered(tmp_path / "state").values())


def produced(status: Path) -> int:
    return status_from_json(ask_status(status)).produced


def test_run_goes_on_after_ctrl_s(command: list[str], tmp_path: Path) -> None:
    status = tmp_path / "state" / "status.sock"
    with Terminal([*command, "--log-level", "debug"]) as terminal:
        terminal.wait_for("gateway started")
        terminal.press(CTRL_S)
        before = produced(status)
        deadline = time.monotonic() + START_TIMEOUT_S
        while produced(status) < before + 3:
            assert time.monotonic() < deadline, "the race waits for the terminal"
            time.sleep(0.1)
        terminal.send_signal(signal.SIGTERM)
        assert terminal.exit_code() == 0


def test_run_goes_on_while_its_log_is_not_read(command: list[str], tmp_path: Path) -> None:
    status = tmp_path / "state" / "status.sock"
    reading, writing = os.pipe()
    fill(writing)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=writing)
    with killed_at_end(process):
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (status.exists() and produced(status) >= 3):
            assert time.monotonic() < deadline, "the race waits for the reader of the log"
            assert process.poll() is None
            time.sleep(0.1)
        process.terminate()
        assert process.wait(START_TIMEOUT_S) == 0
    os.close(reading)
    os.close(writing)


@pytest.fixture(params=["has stopped", "has left", "has a full disk"])
def useless_output(request: pytest.FixtureRequest) -> Iterator[int]:
    """Standard output whose reader does not read."""
    reading, writing = os.pipe()
    open_ends = [reading, writing]
    match request.param:
        case "has left":
            os.close(open_ends.pop(0))
        case "has a full disk":
            writing = os.open("/dev/full", os.O_WRONLY)
            open_ends.append(writing)
    yield writing
    for descriptor in open_ends:
        os.close(descriptor)


def test_run_goes_on_whatever_a_plugin_prints_and_counts_what_is_lost(
    command: list[str], tmp_path: Path, useless_output: int
) -> None:
    register_plugin(tmp_path, "talkative", TALKATIVE_DRIVER, "TalkativeBike")
    config = tmp_path / "gateway.toml"
    config.write_text(config.read_text().replace('"fake"', '"talkative"'))
    status = tmp_path / "state" / "status.sock"
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=useless_output,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    with killed_at_end(process):
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (status.exists() and produced(status) >= 3):
            assert time.monotonic() < deadline, "the race waits for the reader of stdout"
            assert process.poll() is None
            time.sleep(0.1)
        assert status_from_json(ask_status(status)).log_lines_dropped >= 1
        process.terminate()
        assert process.wait(START_TIMEOUT_S) == 0


def test_run_goes_on_without_stderr(command: list[str], tmp_path: Path) -> None:
    status = tmp_path / "state" / "status.sock"
    process = subprocess.Popen(["sh", "-c", 'exec "$@" <&- 2>&-', "sh", *command])
    with killed_at_end(process):
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (status.exists() and produced(status)):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
        process.terminate()
        assert process.wait(START_TIMEOUT_S) == 0
    assert any(buffered(tmp_path / "state").values())


def test_run_counts_the_lines_that_a_full_disk_does_not_take(
    command: list[str], tmp_path: Path
) -> None:
    status = tmp_path / "state" / "status.sock"
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=full)
    with killed_at_end(process):
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (status.exists() and produced(status)):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
        assert status_from_json(ask_status(status)).log_lines_dropped >= 1
        process.terminate()
        assert process.wait(START_TIMEOUT_S) == 0


def fill(writing: int) -> None:
    """Fill a pipe, so that the next line in it would wait."""
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 1024)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x")
    os.set_blocking(writing, True)


def test_hangup_on_a_terminal_is_a_stop(command: list[str]) -> None:
    with Terminal(command) as terminal:
        terminal.wait_for("gateway started")
        terminal.send_signal(signal.SIGHUP)
        assert terminal.exit_code() == 0
        assert "stopped" in terminal.text
