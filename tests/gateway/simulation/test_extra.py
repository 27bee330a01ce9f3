"""Without the `demo` extra there is one clear message, and the package itself still imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.simulation.extra import require_demo_extra

CHECKOUT = Path(__file__).parents[3]


def test_demo_extra_that_is_installed_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    require_demo_extra()
    assert capfd.readouterr() == ("", "")


def test_demo_extra_that_is_missing_is_an_error_with_the_pip_command() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(CHECKOUT)!r})\n"
        "from gateway.simulation.extra import DemoExtraError, require_demo_extra\n"
        "try:\n"
        "    require_demo_extra()\n"
        "except DemoExtraError as error:\n"
        "    print(error)\n"
    )
    # -S: no site-packages, as bare as an installation can be.
    command = [sys.executable, "-I", "-S", "-c", program]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == (
        "the cloud on this computer needs packages that are not installed: "
        "boto3, flask, flask-cors, iotcore, moto, pyyaml; in a checkout of the gateway, "
        "run `make demo`, or install them with: pip install '.[demo]'\n"
    )
