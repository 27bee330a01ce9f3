"""`schema`: prints what the shipped files are, and every field in them is described."""

import json
from collections.abc import Iterator
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


@pytest.mark.parametrize("name", ["telemetry", "status"])
def test_schema_describes_itself_and_each_field(name: str) -> None:
    schema = json.loads((SHIPPED / f"{name}.schema.json").read_text(encoding="utf-8"))
    fields = dict(fields_of(schema, name))
    assert len(fields) > 10
    assert [path for path, field in fields.items() if not field.get("description")] == []
    definitions = {name: schema, **schema.get("$defs", {})}
    assert [name for name, one in definitions.items() if not one.get("description")] == []


def fields_of(part: object, path: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the path and the schema of each field, at any depth."""
    if isinstance(part, list):
        for index, one in enumerate(part):
            yield from fields_of(one, f"{path}/{index}")
    elif isinstance(part, dict):
        for name, field in part.get("properties", {}).items():
            yield f"{path}/{name}", field
        for key, one in part.items():
            yield from fields_of(one, f"{path}/{key}")
