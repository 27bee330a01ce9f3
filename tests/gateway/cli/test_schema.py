"""`schema`: prints what the shipped file is."""

from pathlib import Path

from typer.testing import CliRunner

from gateway.cli import app

SHIPPED = Path(__file__).parents[3] / "config" / "telemetry.schema.json"


def test_it_prints_the_shipped_schema() -> None:
    result = CliRunner().invoke(app, ["schema"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == SHIPPED.read_text(encoding="utf-8")
