"""`calibrate plateaus`: a table, or JSON, of where the knob was held."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from drivers.captures.format import encode_capture
from drivers.reading import Frame
from gateway.cli.app import app

CAPTURES = Path(__file__).parents[3] / "captures"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["calibrate", "plateaus", *map(str, arguments)])


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A rig that says its knob ten times a second: 8 s at 200, 3 s at 300, 8 s at 400."""
    numbers = [*[200] * 80, *range(200, 300, 5), *[300] * 30, *range(300, 400, 5), *[400] * 80]
    frames = [
        Frame(index * 100_000_000, f"rpm=80 res={number}\n".encode())
        for index, number in enumerate(numbers)
    ]
    file = tmp_path / "stepped.jsonl"
    file.write_text("\n".join(encode_capture("lines", frames)))
    return file


def test_plateaus_are_listed_as_a_table(capture: Path) -> None:
    result = run(capture)
    assert result.exit_code == 0
    header, first, second = result.stdout.splitlines()
    assert header.split() == ["at", "held", "for", "raw", "samples", "sd"]
    assert first.split()[:3] == ["1", "0.0", "s"]
    assert [line.split()[5] for line in (first, second)] == ["200", "400"]


def test_plateaus_of_shorter_holds_as_json(capture: Path) -> None:
    result = run(capture, "--held-for", 2, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["quantity"] == "raw"
    assert [one["raw"] for one in found["plateaus"]] == [200, 300, 400]
    first = found["plateaus"][0]
    assert first["start_s"] == 0
    assert first["held_s"] == pytest.approx(8, abs=0.2)
    assert first["samples"] == pytest.approx(80, abs=2)
    assert first["noise"] < 1


def test_plateaus_of_a_raw_line_need_its_protocol(tmp_path: Path) -> None:
    file = CAPTURES / "peloton/fake-sprint.bin"
    assert run(file, "--protocol", "peloton").exit_code == 0
    assert run(file).exit_code == 2


def test_plateaus_of_a_capture_without_resistance_are_an_error() -> None:
    result = run(CAPTURES / "ftms/schwinn-ic4.jsonl")
    assert result.exit_code == 1
    assert "contains no resistance" in result.stderr


def test_plateaus_exit_1_where_the_knob_was_held_nowhere(capture: Path) -> None:
    result = run(capture, "--held-for", 60, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["plateaus"] == []
    assert "the knob was never held still for 60 s" in result.stderr
