"""`calibrate power` on a terminal of 80×24 and without one, on fake bikes."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import app
from gateway.host.errors import BAD_CONFIG, FAILED, USAGE
from tests.support.dialogue import Dialogue

pytestmark = pytest.mark.slow

FAKE = ("fake-bike", "--fake-bike")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["calibrate", *arguments])


def events(result: Result) -> dict[str, dict[str, Any]]:
    """The last one of each kind."""
    return {one["event"]: one for one in map(json.loads, result.stdout.splitlines())}


def test_factor_is_found_by_known_watts_and_saved_after_a_yes() -> None:
    with Dialogue(
        *("calibrate", "power", *FAKE, "--fake-factor", "0.5", "--watts", "100", "--seconds", "10")
    ) as terminal:
        terminal.expect("Ride until the console or trainer shows 100 W.")
        terminal.expect("measuring for 10 s")
        terminal.expect("Power: was × 1, will be × ")
        terminal.expect("y  yes   n  no")
        terminal.press("y")
        terminal.expect("saved in ")
        assert terminal.exit_code() == 0
    assert max(len(line) for line in terminal.text.splitlines()) <= 80
    shown = json.loads(invoke("show", *FAKE, "--json").stdout)
    assert shown["power_scale"] == pytest.approx(2, rel=0.05)


def test_power_goes_from_one_bike_to_another_by_export_and_import(tmp_path: Path) -> None:
    """Found against a second sensor, without a terminal."""
    answers = tmp_path / "answers.txt"
    answers.write_text("yes  # the other one is right\n", encoding="utf-8")
    result = invoke(
        *("power", *FAKE, "--fake-factor", "0.1", "--against", "fake", "--seconds", "60"),
        *("--answers", str(answers), "--json"),
    )
    assert result.exit_code == 0, result.output
    scale = events(result)["saved"]["scale"]
    assert scale == pytest.approx(10, rel=0.03)
    file = tmp_path / "power.json"
    assert invoke("export", *FAKE, str(file)).exit_code == 0
    imported = invoke("import", "other-bike", str(file), "--fake-bike", "--yes")
    assert imported.exit_code == 0, imported.output
    assert f"power: was × 1, will be × {scale:g}" in imported.stdout
    for verb, change in (("reset", 1), ("rollback", scale)):
        assert invoke(verb, "other-bike", "--fake-bike", "--yes").exit_code == 0
        shown = json.loads(invoke("show", "other-bike", "--fake-bike", "--json").stdout)
        assert shown["power_scale"] == change


def test_right_power_is_left_alone() -> None:
    result = invoke("power", *FAKE, "--watts", "150", "--seconds", "10", "--json", "--yes")
    assert result.exit_code == 0, result.output
    assert events(result)["result"]["verdict"] == "fine"
    assert "saved" not in events(result)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((*FAKE, "--watts", "100", "--against", "fake"), USAGE, "exclude each other; choose one"),
        ((*FAKE, "--watts", "much"), USAGE, "expected W from 30 to 1000, such as 100,200"),
        ((*FAKE, "--watts", "100,5"), USAGE, "expected W from 30 to 1000, such as 100,200"),
        ((*FAKE, "--against", "my strap"), USAGE, "--against: 'my strap' is not a Bluetooth"),
        ((*FAKE, "--against", "fake-bike"), USAGE, "expected a sensor other than the bike itself"),
        ((*FAKE, "--against", "/dev/ttyUSB0"), USAGE, "a serial port needs --against-protocol"),
        ((*FAKE, "--against", "fake", "--seconds", "20"), USAGE, "--against needs 60 or more"),
        ((*FAKE, "--answers", "/nowhere"), USAGE, "/nowhere: No such file"),
        (("bike-1", "--config", "/nowhere"), BAD_CONFIG, "/nowhere"),
    ],
)
def test_power_refuses_wrong_options_at_once(
    arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = invoke("power", *arguments)
    assert (result.exit_code, words in result.stderr) == (code, True), result.stderr


CONFIG = """\
thing_name = "gateway-1"
state_dir = "state"
[[bikes]]
id = "bike-1"
racer_id = 1
racer_name = "Ada"
class_id = 1
driver = "fake"
options = { wire = "ftms", faults = { power_factor = 0.5 } }
[[bikes]]
id = "bike-2"
racer_id = 2
racer_name = "Bo"
class_id = 1
driver = "fake"
options = { wire = "ftms" }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "gateway.toml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


def test_another_bike_of_the_config_is_the_second_sensor(config: Path) -> None:
    """Both have the same rider."""
    result = invoke(
        *("power", "bike-1", "--config", str(config), "--against", "bike-2", "--seconds", "60"),
        *("--yes", "--json"),
    )
    assert result.exit_code == 0, result.output
    assert events(result)["saved"]["scale"] == pytest.approx(2, rel=0.03)


def test_second_sensor_that_the_config_does_not_have_is_named(config: Path) -> None:
    result = invoke("power", "bike-1", "--config", str(config), "--against", "bike-3")
    assert result.exit_code != 0
    assert "bike-3" in result.stderr


def test_known_watts_need_a_terminal_or_answers(config: Path) -> None:
    result = invoke("power", "bike-1", "--config", str(config))
    assert result.exit_code == USAGE
    assert "--watts needs a terminal or --answers FILE" in result.stderr


def test_answers_confirm_each_power(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "answers.txt"
    file.write_text("steady\nno\n", encoding="utf-8")
    result = invoke(
        *("power", "bike-1", "--config", str(config), "--watts", "30", "--seconds", "10"),
        *("--answers", str(file)),
    )
    assert result.exit_code == FAILED
    assert "not saved: you answered no" in result.stdout
