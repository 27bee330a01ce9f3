"""`calibrate show`, `export`, `import`, `rollback`, `reset`: without a gateway, and beside one."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import app
from gateway.host.errors import BAD_CONFIG, FAILED, INTERRUPTED, USAGE
from gateway.host.state_dir import locked_state_dir
from gateway.sampling.calibration_record import CalibrationRecord, record_from_json, record_to_json
from gateway.sampling.calibration_store import CalibrationStore
from tests.support.calibrations import POINTS, record
from tests.support.dialogue import Dialogue
from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Authority

pytestmark = pytest.mark.slow

BIKE = "bike-001"
CONFIG = """
thing_name = "gateway-1"
state_dir = "state"
[cloud]
endpoint = "127.0.0.1"
plaintext = true
[[bikes]]
id = "bike-001"
racer_id = 7
racer_name = "Hayden"
class_id = 1
driver = "fake"
calibration = [[100, 0], [1000, 100]]
"""

FIRST = record(bike_id=BIKE, points=POINTS[:3])
SECOND = record(bike_id=BIKE, made_at=FIRST.made_at + timedelta(days=1))


class Rig:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "gateway.toml"
        self.config.write_text(CONFIG, encoding="utf-8")
        (directory / "state").mkdir()
        self.store = CalibrationStore(directory / "state")

    def run(self, verb: str, *arguments: str, bike: str = BIKE, stdin: str = "") -> Result:
        command = ["calibrate", verb, bike, *arguments, "--config", str(self.config)]
        return CliRunner().invoke(app, command, input=stdin)

    def kept(self) -> CalibrationRecord | None:
        return self.store.load(BIKE)

    def file(self, one: CalibrationRecord) -> str:
        path = self.directory / "export.json"
        path.write_text(record_to_json(one), encoding="utf-8")
        return str(path)

    def dialogue(self, *arguments: str) -> Dialogue:
        return Dialogue("calibrate", *arguments, "--config", str(self.config))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.fixture
def saved(rig: Rig) -> Rig:
    """SECOND is in use, FIRST is its backup."""
    rig.store.save(FIRST)
    rig.store.save(SECOND)
    return rig


# show


def test_show_says_what_holds_and_what_was(saved: Rig) -> None:
    result = saved.run("show")
    assert result.exit_code == 0, result.output
    assert "bike-001  in use: the calibration of 2026-11-22" in result.output
    assert "fake seed 1" in result.output
    assert "511" in result.output
    assert "3 points" in result.output


def test_show_without_one_has_the_configs_points(rig: Rig) -> None:
    assert "bike-001  in use: the config's points" in rig.run("show").output


def test_show_as_json(saved: Rig) -> None:
    said = json.loads(saved.run("show", "--json").output)
    assert (said["origin"], said["points"][1], list(said["backups"])) == ("saved", [511, 25], ["1"])


def test_show_draws_a_picture(saved: Rig) -> None:
    picture = saved.directory / "curve.svg"
    assert f"drew the curve in {picture}" in saved.run("show", "--picture", str(picture)).output
    title = ElementTree.parse(picture).getroot().findtext("{http://www.w3.org/2000/svg}title")
    assert title == "bike-001, calibrated on 2026-11-22"


def test_show_of_a_bike_that_is_not_in_the_config_is_a_bad_config(rig: Rig) -> None:
    result = rig.run("show", bike="bike-9")
    assert result.exit_code == BAD_CONFIG
    assert "no bike 'bike-9'" in result.output


# export and import


def test_export_and_import_give_the_same_calibration(saved: Rig) -> None:
    file = saved.directory / "mine.json"
    assert saved.run("export", str(file)).exit_code == 0
    assert file.read_text(encoding="utf-8") == saved.run("export").output
    assert record_from_json(file.read_text(encoding="utf-8")) == SECOND
    saved.run("reset", "--yes")
    assert saved.kept() is None
    assert saved.run("import", str(file), "--yes").exit_code == 0
    assert saved.kept() == SECOND


def test_an_export_replaces_no_file(saved: Rig) -> None:
    file = saved.directory / "mine.json"
    file.write_text("dear", encoding="utf-8")
    result = saved.run("export", str(file))
    assert result.exit_code == USAGE
    assert "already exists; choose another file name" in result.output
    assert file.read_text(encoding="utf-8") == "dear"


def test_export_without_a_calibration_fails(rig: Rig) -> None:
    result = rig.run("export")
    assert result.exit_code == FAILED
    assert "alleycat-gateway calibrate bike-001 --config" in result.output


def test_an_import_shows_old_against_new(rig: Rig) -> None:
    result = rig.run("import", rig.file(SECOND), "--yes")
    assert "raw 511: was 45.7 %, will be 25.0 %" in result.output
    assert "in use now: the config's points" in result.output
    assert "and in use now" in result.output


def test_an_import_from_standard_input(rig: Rig) -> None:
    assert rig.run("import", "-", "--yes", stdin=record_to_json(SECOND)).exit_code == 0
    assert rig.kept() == SECOND


def test_import_without_a_terminal_needs_yes(rig: Rig) -> None:
    result = rig.run("import", rig.file(SECOND))
    assert result.exit_code == USAGE
    assert "add --yes; nothing was changed" in result.output
    assert rig.kept() is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Invalid JSON"),
        ("{}", "format: Field required"),
        (
            record_to_json(SECOND).replace('"raw": 511.0', '"raw": 100.0'),
            "percent must either rise",
        ),
        (record_to_json(SECOND).replace('"quantity"', '"quality"'), "quantity: Field required"),
    ],
)
def test_an_import_is_strictly_checked(rig: Rig, text: str, complaint: str) -> None:
    result = rig.run("import", "-", "--yes", stdin=text)
    assert result.exit_code == FAILED
    assert complaint in result.output
    assert "nothing was changed" in result.output
    assert rig.kept() is None


def test_import_from_another_machine_needs_any_device(rig: Rig) -> None:
    other = rig.file(replace(SECOND, device="ble C0:FF:EE:00:00:01"))
    result = rig.run("import", other, "--yes")
    assert result.exit_code == FAILED
    assert "was made on ble C0:FF:EE:00:00:01, but bike-001 is fake seed 1" in result.output
    assert rig.kept() is None
    assert rig.run("import", other, "--yes", "--any-device").exit_code == 0
    assert rig.kept() == SECOND


def test_a_bike_that_was_renamed_keeps_its_calibration(rig: Rig) -> None:
    assert rig.run("import", rig.file(replace(SECOND, bike_id="old-name")), "--yes").exit_code == 0
    assert rig.kept() == SECOND


# rollback and reset


def test_a_rollback_can_be_rolled_back(saved: Rig) -> None:
    result = saved.run("rollback", "--yes")
    assert "backup 1 is restored and in use now" in result.output
    assert "alleycat-gateway calibrate rollback bike-001 --config" in result.output
    assert saved.kept() == FIRST
    saved.run("rollback", "--yes")
    assert saved.kept() == SECOND


def test_a_rollback_to_a_number(saved: Rig) -> None:
    saved.run("reset", "--yes")
    assert saved.run("rollback", "2", "--yes").exit_code == 0
    assert saved.kept() == FIRST


def test_rollback_to_a_missing_backup_is_a_usage_error(saved: Rig) -> None:
    result = saved.run("rollback", "7", "--yes")
    assert result.exit_code == USAGE
    assert "bike-001 has no backup 7; it has: 1" in result.output


def test_rollback_to_another_machines_backup_is_refused(rig: Rig) -> None:
    rig.store.save(replace(FIRST, device="ble C0:FF:EE:00:00:01"))
    rig.store.save(SECOND)
    result = rig.run("rollback", "--yes")
    assert result.exit_code == FAILED
    assert "made on ble C0:FF:EE:00:00:01, but bike-001 is fake seed 1" in result.output
    assert rig.kept() == SECOND


def test_a_reset_says_what_holds_then(saved: Rig) -> None:
    result = saved.run("reset", "--yes")
    assert "in use now: the config's points" in result.output
    assert saved.kept() is None
    assert saved.store.backups(BIKE)[1] == SECOND


def test_a_reset_of_nothing_changes_nothing(rig: Rig) -> None:
    result = rig.run("reset")
    assert result.exit_code == 0
    assert "bike-001 has no saved calibration; nothing was changed" in result.output


def test_a_damaged_calibration_can_be_reset(saved: Rig) -> None:
    (saved.directory / "state" / "calibration" / f"{BIKE}.json").write_text("{", encoding="utf-8")
    assert "the saved calibration is not used" in saved.run("show").output
    assert saved.run("reset", "--yes").exit_code == 0
    assert saved.run("show").output.count("not used") == 0


# At a terminal


def test_rollback_asks_and_takes_a_yes(saved: Rig) -> None:
    with saved.dialogue("rollback", BIKE) as terminal:
        terminal.expect("raw 511: was 25.0 %, will be 25.0 %")
        terminal.expect("Restore backup 1 on bike-001? [y/N]: ")
        terminal.type("y")
        assert terminal.exit_code() == 0
    assert saved.kept() == FIRST


def test_reset_answered_no_changes_nothing(saved: Rig) -> None:
    with saved.dialogue("reset", BIKE) as terminal:
        terminal.expect("Delete the saved calibration of bike-001? [y/N]: ")
        terminal.type("n")
        assert terminal.exit_code() == FAILED
        assert "nothing was changed" in terminal.text
    assert saved.kept() == SECOND


def test_reset_interrupted_changes_nothing(saved: Rig) -> None:
    with saved.dialogue("reset", BIKE) as terminal:
        terminal.expect("[y/N]: ")
        terminal.press_ctrl_c()
        assert terminal.exit_code() == INTERRUPTED
        assert "interrupted: nothing was changed" in terminal.text
        assert "Traceback" not in terminal.text
    assert saved.kept() == SECOND


# Beside a gateway


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    process = GatewayProcess(tmp_path, Authority(tmp_path / "ca").issue("gateway-1"))
    process.start()
    yield process
    process.kill()


def test_import_is_in_use_at_once_in_a_running_gateway(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    def calibrate(verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return alleycat_gateway(
            "calibrate", verb, "bike-1", *arguments, "--config", str(gateway.config_file)
        )

    file = tmp_path / "export.json"
    file.write_text(record_to_json(replace(SECOND, bike_id="bike-1")), encoding="utf-8")
    taken = calibrate("import", str(file), "--yes")
    assert taken.returncode == 0, taken.stderr
    assert "and in use now" in taken.stdout
    assert '"origin": "saved"' in calibrate("show", "--json").stdout
    assert calibrate("reset", "--yes").returncode == 0
    assert '"origin": "bike"' in calibrate("show", "--json").stdout
    assert calibrate("rollback", "--yes").returncode == 0
    assert '"origin": "saved"' in calibrate("show", "--json").stdout


def test_show_of_a_state_dir_in_use_without_a_socket_is_an_error(saved: Rig) -> None:
    with locked_state_dir(saved.directory / "state"):
        result = saved.run("show")
    assert result.exit_code == FAILED
    assert "does not accept calibration sessions" in result.output
