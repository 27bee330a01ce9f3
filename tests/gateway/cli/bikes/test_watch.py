"""`watch`: live Readings on the screen, and nowhere else."""

import json
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from tests.support.children import killed_at_end

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
