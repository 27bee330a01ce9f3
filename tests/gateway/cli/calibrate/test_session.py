"""What the guided verbs share: a file of answers, and how they end."""

from pathlib import Path

import pytest

from gateway.cli.calibrate.session import script_of
from gateway.cli.exits import CommandError
from gateway.host.errors import GatewayError


def test_without_a_file_of_answers_there_is_no_script() -> None:
    assert script_of(None) is None


def test_file_of_answers_that_is_missing_ends_the_command_with_its_name(tmp_path: Path) -> None:
    with pytest.raises((GatewayError, CommandError), match=r"gone\.txt"):
        script_of(tmp_path / "gone.txt")
