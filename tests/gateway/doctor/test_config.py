"""The config's finding: all problems, and the config as far as it can be read."""

from pathlib import Path

from drivers.registry import DriverStatus, load_drivers
from gateway.doctor.config import check_config
from gateway.terminal.finding import State

GOOD = """
thing_name = "gateway-1"
[cloud]
endpoint = "127.0.0.1"
plaintext = true
[[bikes]]
id = "bike-1"
racer_id = 1
racer_name = "Ada"
class_id = 1
driver = "fake"
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "gateway.toml"
    file.write_text(text)
    return file


def test_a_good_one_says_who_goes_where(tmp_path: Path) -> None:
    config, (finding,) = check_config(written(tmp_path, GOOD), load_drivers())
    assert config is not None
    assert finding.state is State.OK
    assert finding.what.endswith("gateway-1 → 127.0.0.1; bikes: bike-1 (fake)")


def test_every_problem_is_a_finding_and_the_rest_is_looked_at_all_the_same(tmp_path: Path) -> None:
    text = GOOD.replace("plaintext = true", 'ca_file = "gone.pem"')
    config, findings = check_config(written(tmp_path, text), load_drivers())
    assert config is not None, "its bikes and its disk can be looked at"
    assert [one.what.split(":")[0] for one in findings] == [
        "cloud.ca_file",
        "cloud.certificate_file",
        "cloud.private_key_file",
    ]
    assert all(one.state is State.FAILED and "setup" in one.remedy for one in findings)


def test_what_cannot_be_read_at_all_leaves_no_config(tmp_path: Path) -> None:
    config, (finding,) = check_config(written(tmp_path, GOOD + "colour = 1"), load_drivers())
    assert config is None
    assert finding.what.startswith("bikes[0].colour: unknown key")


def test_a_file_that_is_not_there_is_to_be_made(tmp_path: Path) -> None:
    config, (finding,) = check_config(tmp_path / "gone.toml", load_drivers())
    assert config is None
    assert "No such file" in finding.what
    assert finding.remedy == "make one: sudo alleycat-gateway setup"


def test_a_warning_stays_one(tmp_path: Path) -> None:
    _, findings = check_config(
        written(tmp_path, GOOD.replace("Ada", "Maximiliane")), load_drivers()
    )
    assert [one.state for one in findings] == [State.OK, State.WARNING]


def test_a_driver_that_cannot_be_loaded_is_said(tmp_path: Path) -> None:
    drivers = {"fake": DriverStatus("fake", problem="x:Y: ImportError: no z")}
    _, findings = check_config(written(tmp_path, GOOD), drivers)
    assert findings[1].what == "driver fake cannot be loaded: x:Y: ImportError: no z"
