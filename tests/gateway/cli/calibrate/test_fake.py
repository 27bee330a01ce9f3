"""`calibrate --fake-bike`: what one verb saves, every other one finds, and its advice works."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from drivers.registry import load_drivers
from gateway.cli.app import app
from gateway.cli.calibrate.fake import command_for, config_with, fake_directory
from gateway.cli.exits import CommandError
from gateway.cli.service import SERVICE_CONFIG
from gateway.config.schema import load_bike
from gateway.sampling.calibration_record import record_to_json
from tests.support.calibrations import record


def calibrate(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["calibrate", *arguments, "--fake-bike"])


@pytest.fixture
def exported(tmp_path: Path) -> str:
    """A file of a calibration of a fake bike."""
    file = tmp_path / "export.json"
    file.write_text(record_to_json(record(bike_id="bike-1", device="fake seed 1")))
    return str(file)


def test_every_verb_finds_what_another_has_saved_on_the_fake_bike(exported: str) -> None:
    saved = calibrate("import", "bike-1", exported, "--yes")
    assert saved.exit_code == 0, saved.output
    found = re.search(r"saved in (\S+)", saved.output)
    assert found is not None
    assert Path(found[1]).is_relative_to(fake_directory())
    assert Path(found[1]).exists(), "also after the command"
    assert json.loads(calibrate("show", "bike-1", "--json").output)["record"] is not None
    assert '"bike-1"' in calibrate("export", "bike-1").stdout
    reset = calibrate("reset", "bike-1", "--yes")
    assert "calibrate rollback bike-1 --fake-bike" in reset.output
    restored = calibrate("rollback", "bike-1", "--yes")
    assert restored.exit_code == 0, restored.output


def test_advice_for_a_fake_bike_without_a_calibration_names_the_fake_bike() -> None:
    result = calibrate("export", "bike-1")
    assert result.exit_code == 1
    assert "alleycat-gateway calibrate bike-1 --fake-bike" in result.stderr


def test_config_of_a_fake_bike_contains_it_and_the_config_of_another_stays() -> None:
    file = config_with("bike-7", SERVICE_CONFIG, fake_bike=True)
    assert load_bike(file, "bike-7", load_drivers()).driver == "fake"
    assert config_with("bike-7", SERVICE_CONFIG, fake_bike=False) == SERVICE_CONFIG


def test_id_of_a_fake_bike_is_checked_like_any_other() -> None:
    result = calibrate("show", 'bike"\n')
    assert result.exit_code == 78
    assert "only letters, digits" in result.stderr


def test_fake_bike_without_a_place_for_its_files_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(CommandError, match=r"cannot create .*; set XDG_STATE_HOME"):
        fake_directory()


@pytest.mark.parametrize(
    ("config", "options"),
    [(SERVICE_CONFIG, ""), (Path("my bike.toml"), " --config 'my bike.toml'")],
)
def test_advice_repeats_the_config(config: Path, options: str) -> None:
    command = command_for(config, fake_bike=False)("calibrate bike-1")
    assert command.removeprefix("sudo ") == f"alleycat-gateway calibrate bike-1{options}"
