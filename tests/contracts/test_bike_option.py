"""With --bike, pytest runs the tests of a real bike and no others."""

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
