"""The command as a whole: its verbs, and how little it loads to say so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gateway.cli.app import app

ROOT = Path(__file__).parents[3]
VERBS = [
    "setup",
    "check",
    "run",
    "status",
    "tail",
    "web",
    "demo",
    "fleet",
    "scan",
    "watch",
    "capture",
    "replay",
    "decode",
    "schema",
    "provision",
    "redrive",
    "calibrate",
    "ride",
    "config",
    "buffer",
]


def python(*arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return ended.stdout


def modules_after(statement: str) -> set[str]:
    return set(python("-c", f"import sys; {statement}; print(*sys.modules)").split())


@pytest.fixture(scope="session")
def loaded() -> set[str]:
    """What the command imports beyond its command-line library."""
    return modules_after("import gateway.cli.app") - modules_after("import typer")


def test_help_lists_the_verbs() -> None:
    shown = python("-m", "gateway", "--help")
    first_words = re.findall(r"^\W+ (\w+) ", shown, re.MULTILINE)
    assert [word for word in first_words if word in VERBS] == VERBS


@pytest.mark.parametrize("group", [[], ["calibrate"], ["ride"], ["config"], ["buffer"]])
def test_help_on_80_columns_cuts_no_verb_short(group: list[str]) -> None:
    # On a terminal, two columns stay free; the runner would use all 80.
    result = CliRunner().invoke(app, [*group, "--help"], terminal_width=78)
    _, _, verbs = result.output.partition("Commands:\n")
    assert verbs
    assert all(line.endswith(".") and "..." not in line for line in verbs.splitlines())


def test_command_without_a_verb_shows_the_help() -> None:
    result = CliRunner().invoke(app)
    assert "Usage: alleycat-gateway" in result.output
    assert result.exit_code == 2


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_its_usage(verb: str) -> None:
    result = CliRunner().invoke(app, [verb, "--help"])
    assert result.exit_code == 0
    assert f"Usage: alleycat-gateway {verb}" in result.output


def test_verbs_of_this_test_are_all_that_there_are() -> None:
    assert sorted(get_command(app).commands) == sorted(VERBS)  # type: ignore[attr-defined]


def test_an_unknown_verb_is_refused() -> None:
    result = CliRunner().invoke(app, ["rnu"])
    assert result.exit_code == 2
    assert "No such command 'rnu'" in result.output


@pytest.mark.parametrize(
    "heavy", ["asyncio", "pydantic", "structlog", "awscrt", "awsiot", "sqlite3", "moto", "boto3"]
)
def test_nothing_heavy_is_imported_before_a_verb_runs(heavy: str, loaded: set[str]) -> None:
    assert heavy not in loaded


def test_nothing_but_the_command_line_is_imported_before_a_verb_runs(loaded: set[str]) -> None:
    others = {name for name in loaded if not name.startswith("gateway.cli")}
    commands = {"gateway.config", "gateway.config.command_line"}
    output = {"gateway.terminal.printable", "gateway.terminal.printable_file", "unicodedata"}
    packages = {"gateway", "gateway.host", "gateway.host.errors", "gateway.terminal"}
    assert others == packages | commands | output
