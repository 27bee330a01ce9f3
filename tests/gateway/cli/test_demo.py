"""`demo` itself is shown in tests/e2e; here what it says when it cannot begin."""

import sys

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app


def test_demo_without_its_extra_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "iotcore", None)
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    assert "pip install '.[demo]'" in result.output


@pytest.mark.parametrize("arguments", [["--bikes", "0"], ["--race", "9"], ["--outage", "-1"]])
def test_demo_sizes_that_make_no_race_are_usage_errors(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["demo", *arguments])
    assert result.exit_code == 2
    assert arguments[0] in result.output
