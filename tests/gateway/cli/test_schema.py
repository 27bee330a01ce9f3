"""`schema`: prints what the shipped files are."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app

SHIPPED = Path(__file__).parents[3] / "config"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [([], "telemetry"), (["telemetry"], "telemetry"), (["status"], "status")],
)
def test_schema_prints_the_shipped_schema(arguments: list[str], name: str) -> None:
    result = CliRunner().invoke(app, ["schema", *arguments])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (SHIPPED / f"{name}.schema.json").read_text(encoding="utf-8")
