"""Which bike a command line means, and what is said when that cannot be told."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import app
from tests.support.bluez import Bluez
from tests.support.bluez.bikes import KEISER_COMPANY

KEISER = bytes.fromhex("063000383803460573000d00042701000a")
CONFIG = """
[[bikes]]
id = "bike-1"
racer_id = 1
racer_name = "Rider"
class_id = 1
driver = "fake"
options = { wire = "peloton" }

[[bikes]]
id = "bike-2"
racer_id = 2
racer_name = "Other"
class_id = 1
driver = "fake"
options = { wires = "peloton" }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Of which only the bikes are there: a bike can be watched before the cloud is set up."""
    file = tmp_path / "gateway.toml"
    file.write_text(CONFIG)
    return file


def watch(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["watch", *map(str, arguments), "--seconds", "0.3", "--json"])


def test_bike_id_means_a_bike_of_the_config(config: Path) -> None:
    result = watch("bike-1", "--config", config)
    assert result.exit_code == 0
    assert "cadence_rpm" in result.stdout
    assert "speed_kmh" not in result.stdout, "the fake Peloton says no speed"


def test_fake_means_the_fake_bike() -> None:
    result = watch("fake")
    assert result.exit_code == 0
    assert "speed_kmh" in result.stdout


def test_name_of_a_driver_with_options_means_its_bike(tmp_path: Path) -> None:
    result = watch("replay", "--option", f"file={tmp_path / 'none.jsonl'}")
    assert result.exit_code == 1, "the bike sent nothing"
    assert "replay: lost: the capture cannot be read" in result.stderr


def test_option_of_the_command_line_overrides_the_config(config: Path) -> None:
    result = watch("bike-1", "--config", config, "--option", "wire=ftms")
    assert "speed_kmh" in result.stdout


def test_path_means_a_bike_on_a_serial_port(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    result = watch(port, "--protocol", "peloton")
    assert f"{port}: connecting: {port} does not exist: is the cable plugged in?" in result.stderr
    assert result.exit_code == 1, "the bike sent nothing"


def test_bike_id_without_a_config_means_a_bike_of_the_service(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cli.service.SERVICE_CONFIG", config)
    assert watch("bike-1").exit_code == 0
    result = watch("bike-3")
    assert result.exit_code == 78
    assert "its bikes are: bike-1, bike-2" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["bike-1"], 2, "'bike-1' is not a Bluetooth address, a serial port, an ANT+ bike"),
        (["/dev/ttyUSB0"], 2, "add --protocol, such as"),
        (["/dev/ttyUSB0", "--protocol", "ftms"], 2, "protocol: got 'ftms'; expected one of"),
        (["fake", "--protocol", "telex"], 2, "wire: got 'telex'"),
        (["bike-1"], 2, "or give the name of a driver (ant, ble, fake, replay, serial)"),
        (["replay"], 2, "option file: missing; expected a value\ndriver 'replay' expects: file ("),
        (["fake", "--option", "seed=x"], 2, "option seed: got 'x'; expected a whole number"),
        (["fake", "--option", "seed"], 2, "--option seed: expected KEY=VALUE, such as"),
        (["serial", "--protocol", "lines"], 2, "option port: missing"),
    ],
)
def test_unusable_bike_argument_is_a_usage_error(
    arguments: list[str], code: int, complaint: str
) -> None:
    result = watch(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert complaint in result.stderr


@pytest.mark.parametrize(
    ("bike", "complaint"),
    [
        ("bike-3", "no bike 'bike-3' in this file; its bikes are: bike-1, bike-2"),
        ("bike-2", "bikes[1].options.wires: unknown"),
    ],
)
def test_bike_missing_or_wrong_in_a_config_exits_with_78(
    config: Path, bike: str, complaint: str
) -> None:
    result = watch(bike, "--config", config)
    assert result.exit_code == 78
    assert complaint in result.stderr


def test_missing_config_of_a_bike_exits_with_78(tmp_path: Path) -> None:
    result = watch("bike-1", "--config", tmp_path / "none.toml")
    assert result.exit_code == 78
    assert "No such file" in result.stderr


@pytest.mark.slow
async def test_adapter_of_the_command_line_overrides_the_config(
    bluez: Bluez, tmp_path: Path
) -> None:
    far = bluez.add_adapter()
    bluez.add_device(name="M3", manufacturer_data={KEISER_COMPANY: KEISER}, adapter=far)
    await bluez.settle()
    file = tmp_path / "gateway.toml"
    ble = CONFIG.replace('driver = "fake"', 'driver = "ble"', 1)
    file.write_text(ble.replace('wire = "peloton"', 'equipment_id = 56, adapter = "hci0"'))
    arguments = ["watch", "bike-1", "--config", str(file), "--seconds", "2", "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--adapter", "hci1"])
    assert result.exit_code == 0
    assert "cadence_rpm" in result.stdout


@pytest.mark.parametrize(
    ("bike", "driver"), [(("fake",), "fake"), (("/dev/ttyUSB0", "--protocol", "lines"), "serial")]
)
def test_adapter_for_a_bike_without_one_is_a_usage_error(
    bike: tuple[str, ...], driver: str
) -> None:
    result = watch(*bike, "--adapter", "hci1")
    assert result.exit_code == 2
    assert f"driver {driver!r}: option adapter: unknown" in result.stderr


def test_bike_id_without_a_config_names_the_missing_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cli.service.SERVICE_CONFIG", tmp_path / "gone.toml")
    result = watch("bike-001")
    assert result.exit_code == 2
    assert f"since {tmp_path}/gone.toml does not exist" in result.stderr
