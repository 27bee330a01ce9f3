"""With --bike, pytest runs the tests of a real bike and no others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).parent


def collected(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", CONTRACTS, "--collect-only", "-q", *options],
        cwd=CONTRACTS.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )


def test_bike_option_selects_the_tests_of_a_real_bike() -> None:
    lines = collected("--bike=C0:FF:EE:12:34:56").stdout.splitlines()
    tests = [line for line in lines if "::" in line]
    assert len(tests) > 10
    assert all("hardware" in test for test in tests)
    assert "hardware" not in collected().stdout


def test_bike_option_takes_an_ant_device() -> None:
    assert collected("--bike=ant:1234").returncode == 0


@pytest.mark.parametrize(
    ("bike", "message"),
    [
        ("/dev/none:peloton", "there is no port /dev/none"),
        ("/dev/none", "expected its protocol too, as in /dev/none:peloton"),
        ("/dev/null:telex", "'telex' is no protocol; expected ftms, "),
    ],
)
def test_bike_option_that_names_no_bike_ends_the_run_at_once(bike: str, message: str) -> None:
    result = collected(f"--bike={bike}")
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr


def test_bluetooth_bike_without_bluetooth_ends_the_run_at_once(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pytest", CONTRACTS, "-q", "--bike=C0:FF:EE:12:34:56"],
        cwd=CONTRACTS.parents[1],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/no_bus"},
    )
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert result.stdout == ""
    assert result.stderr.startswith("ERROR: --bike=C0:FF:EE:12:34:56: ")
    assert len(result.stderr.splitlines()) <= 2
