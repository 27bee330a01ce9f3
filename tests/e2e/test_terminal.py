"""The real daemon on a terminal that goes away, as when SSH or tmux ends."""

import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

from gateway.buffer.store import Store
from gateway.status.client import ask_status
from gateway.status.report import status_from_json
from tests.support.gateway_process import COMMAND, START_TIMEOUT_S
from tests.support.mosquitto import free_port
from tests.support.terminal import Terminal

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
    with closing(Store(tmp_path / "state" / "buffer.db", 1 << 30)) as store:
        assert sum(store.pending_by_race().values()) >= 1


def test_hangup_on_a_terminal_is_a_stop(command: list[str]) -> None:
    with Terminal(command) as terminal:
        terminal.wait_for("gateway started")
        terminal.send_signal(signal.SIGHUP)
        assert terminal.exit_code() == 0
        assert "stopped" in terminal.text
