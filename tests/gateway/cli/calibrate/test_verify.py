"""`calibrate verify BIKE` from the command line: PASS and FAIL are exit codes."""

from pathlib import Path

import pytest

from tests.support.gateway_process import alleycat_gateway

pytestmark = pytest.mark.slow


def test_verify_fails_a_bike_that_was_never_calibrated(tmp_path: Path) -> None:
    file = tmp_path / "answers.txt"
    file.write_text("skip\nhold\nskip\n")
    done = alleycat_gateway("calibrate", "verify", "bike-1", "--fake-bike", "--answers", str(file))
    assert done.returncode == 1
    assert "failed    50 %: the gateway reports 100.0 % (+50.0)" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("FAIL: expected every value within 3")
