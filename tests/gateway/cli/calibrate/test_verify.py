"""`calibrate verify BIKE` from the command line: PASS and FAIL are exit codes."""

from pathlib import Path

import pytest

from tests.support.gateway_process import alleycat_gateway

pytestmark = pytest.mark.slow


def test_verify_of_a_calibrated_fake_bike_passes(tmp_path: Path) -> None:
    answers = tmp_path / "answers.txt"
    answers.write_text("hold\n" * 5 + "accept\nsave\n")
    done = alleycat_gateway("calibrate", "bike-1", "--fake-bike", "--answers", str(answers))
    assert done.returncode == 0, done.stdout + done.stderr
    answers.write_text("hold\n" * 3)
    done = alleycat_gateway(
        "calibrate", "verify", "bike-1", "--fake-bike", "--answers", str(answers)
    )
    assert done.stdout.splitlines()[-1].startswith("PASS")


def test_verify_fails_a_bike_that_was_never_calibrated(tmp_path: Path) -> None:
    file = tmp_path / "answers.txt"
    file.write_text("skip\nhold\nskip\n")
    done = alleycat_gateway("calibrate", "verify", "bike-1", "--fake-bike", "--answers", str(file))
    assert done.returncode == 1
    assert "failed    50 %: the gateway reports 100.0 % (+50.0)" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("FAIL: expected every value within 3")
