"""`scan`: the fake bike is always there to be found; what else is there is the machine's."""

import json
import tomllib

from typer.testing import CliRunner

from gateway.cli.app import app


def test_the_fake_bike_is_found_with_its_snippet() -> None:
    result = CliRunner().invoke(app, ["scan", "--fake-bike"])
    assert result.exit_code == 0
    assert "Fake bike" in result.stdout
    snippet = result.stdout.partition("\n\n# ")[2].partition("\n")[2]
    assert tomllib.loads(snippet)["bikes"][0]["driver"] == "fake"


def test_scan_json_is_the_only_thing_on_stdout() -> None:
    result = CliRunner().invoke(app, ["scan", "--fake-bike", "--json"])
    assert [one["driver"] for one in json.loads(result.stdout)["bikes"]] == ["fake"]
