"""The config's finding: all problems, and the config as far as it can be read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.registry import DriverStatus, load_drivers
from gateway.config.command_line import command_line
from gateway.doctor.config import check_config
from gateway.terminal.finding import State
from tests.support.mosquitto import Authority

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


def test_good_config_is_reported_with_thing_endpoint_and_bikes(tmp_path: Path) -> None:
    config, (finding,) = check_config(written(tmp_path, GOOD), load_drivers())
    assert config is not None
    assert finding.state is State.OK
    assert finding.what.endswith("gateway-1 → 127.0.0.1; bikes: bike-1 (fake)")


def test_config_with_problems_lists_each_and_is_still_returned(tmp_path: Path) -> None:
    text = GOOD.replace("plaintext = true", 'ca_file = "gone.pem"')
    config, findings = check_config(written(tmp_path, text), load_drivers())
    assert config is not None, "its bikes and its disk can be looked at"
    assert [one.what.split(":")[0] for one in findings] == [
        "cloud.ca_file",
        "cloud.certificate_file",
        "cloud.private_key_file",
    ]
    assert all(one.state is State.FAILED and "setup" in one.remedy for one in findings)


def test_config_with_an_unknown_key_gives_none(tmp_path: Path) -> None:
    config, (finding,) = check_config(written(tmp_path, GOOD + "colour = 1"), load_drivers())
    assert config is None
    assert finding.what.startswith("bikes[0].colour: unknown key")
    assert finding.remedy == f"correct this key in {tmp_path / 'gateway.toml'}"


def test_setup_is_not_advised_while_it_would_refuse_the_config(tmp_path: Path) -> None:
    text = GOOD.replace('"gateway-1"', '""').replace("plaintext", "prot = 1\nplaintext")
    _, findings = check_config(written(tmp_path, text), load_drivers())
    assert len(findings) == 2
    assert not any("alleycat-gateway setup" in one.remedy for one in findings)


def test_missing_config_is_reported_with_how_to_make_it(tmp_path: Path) -> None:
    config, (finding,) = check_config(tmp_path / "gone.toml", load_drivers())
    assert config is None
    assert "No such file" in finding.what
    assert finding.remedy == (f"create the file: {command_line('setup', tmp_path / 'gone.toml')}")


def test_config_that_is_not_toml_is_to_be_corrected(tmp_path: Path) -> None:
    config, (finding,) = check_config(written(tmp_path, "bikes = ["), load_drivers())
    assert config is None
    assert "not TOML" in finding.what
    assert finding.remedy.startswith("correct the line")


def test_config_warning_stays_a_warning(tmp_path: Path) -> None:
    _, findings = check_config(
        written(tmp_path, GOOD.replace("Ada", "Maximiliane")), load_drivers()
    )
    assert [one.state for one in findings] == [State.OK, State.WARNING]
    assert findings[1].remedy == "shorten the name"


def test_bikes_that_share_races_over_classes_are_a_warning(tmp_path: Path) -> None:
    _, _, bike = GOOD.partition("[[bikes]]")
    other = bike.replace("bike-1", "bike-2").replace("class_id = 1", "class_id = 4")
    text = f"{GOOD}[[bikes]]{other}"
    _, findings = check_config(written(tmp_path, text), load_drivers())
    assert [one.state for one in findings] == [State.OK], "each class has its own by default"
    shared = text.replace("[cloud]", "[race]\nper_class = false\n[cloud]")
    _, findings = check_config(written(tmp_path, shared), load_drivers())
    assert [one.state for one in findings] == [State.OK, State.WARNING]
    assert findings[1].what.startswith("race.per_class: bikes of the classes 1, 4 ride the same")
    assert findings[1].remedy == "set per_class = true, or give all bikes the same class"


def test_driver_that_cannot_be_loaded_is_reported(tmp_path: Path) -> None:
    drivers = {"fake": DriverStatus("fake", problem="x:Y: ImportError: no z")}
    _, findings = check_config(written(tmp_path, GOOD), drivers)
    assert findings[1].what == "driver fake cannot be loaded: x:Y: ImportError: no z"


@contextmanager
def as_another_user(tmp_path: Path, number: int) -> Iterator[None]:
    """Act as a user who may read only what all may; let that user reach the test's directory."""
    for directory in (tmp_path, *tmp_path.parents[:-2]):
        directory.chmod(directory.stat().st_mode | 0o055)
    os.setegid(number)
    os.seteuid(number)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize(
    ("number", "user", "group"), [(65534, "nobody", "nogroup"), (4_000_000, "4000000", "4000000")]
)
def test_key_that_this_user_cannot_read_is_reported_with_the_command_for_it(
    tmp_path: Path, number: int, user: str, group: str
) -> None:
    mine = Authority(tmp_path / "ca").issue("gateway-1")
    keys = ("certificate_file", "private_key_file")
    files = "\n".join(f'{key} = "{getattr(mine, key)}"' for key in keys)
    file, drivers = written(tmp_path, GOOD.replace("plaintext = true", files)), load_drivers()
    mine.certificate_file.parent.chmod(0o755)
    mine.certificate_file.chmod(0o644)
    mine.private_key_file.chmod(0o600)
    check_config(file, drivers)  # imports all modules, which the other user may not read
    with as_another_user(tmp_path, number):
        _, (finding,) = check_config(file, drivers)
    key = mine.private_key_file
    assert finding.remedy == f"sudo chgrp {group} {key} && sudo chmod 640 {key}"
    key.parent.chmod(0o700)
    with as_another_user(tmp_path, number):
        _, findings = check_config(file, drivers)
    remedies = [one.remedy for one in findings]
    enter = f"the user {user} cannot enter {key.parent}: sudo install -m 640 -g {group}"
    assert [remedy.startswith(enter) for remedy in remedies] == [True, True], remedies
