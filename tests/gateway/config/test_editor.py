"""What was asked for changes, and not a character else."""

import difflib
import tomllib
from typing import Any

import pytest

from gateway.config.editor import BikeChange, Change, Machine, NotEditable, edited
from gateway.config.packaged import config_path
from gateway.config.schema import BikeConfig
from tests.support.hostile import HOSTILE, complaint

SHIPPED = config_path("gateway.toml").read_text(encoding="utf-8")
FTMS = Machine("ble", {"address": "C0:FF:EE:00:00:01"}, "IC Bike: advertises the ftms service")
PELOTON = Machine("serial", {"port": "/dev/serial/by-id/usb-FTDI", "protocol": "peloton"})
ADA = {"racer_name": "Ada", "racer_id": 3, "class_id": 2}

SMALL = """\
thing_name = "gateway-1"  # a plate on the wall says so
[cloud]
endpoint = "127.0.0.1"
port = 1883
plaintext = true

[[bikes]]
id = "bike-001"   # the one by the window
racer_id = 7
racer_name = "Hayden"
class_id = 1
driver = "ble"
calibration = [[0, 0], [100, 100]]  # measured in May
options = { address = "C0:FF:EE:00:00:01", cadence_scale = 0.5 }
"""


def bike(text: str, index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(text)["bikes"][index]
    return found


def lines_changed(old: str, new: str) -> list[str]:
    diff = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return [line for line in diff if not line.startswith(("---", "+++", "@@"))]


def test_empty_change_leaves_the_config_as_it_is() -> None:
    for text in (SHIPPED, SMALL):
        assert edited(text, Change()) == text


@pytest.mark.parametrize("text", [SMALL, "[cloud]\n", '[[bikes]]\nid="b"\n[bikes.options]\nx=1\n'])
@pytest.mark.parametrize("name", [HOSTILE, "a\x00\x7fb", 'x"""y\\', "\r[cloud]\rx='y'", "a\udc80b"])
def test_name_of_a_stranger_is_written_without_what_a_terminal_obeys(text: str, name: str) -> None:
    machine = Machine("ble", {"name": name, "further": {name: [name]}}, name)
    racer = {"racer_name": name, "racer_id": 1}
    for bike_id in ("bike-001", "b", name):
        change = Change(name, {"endpoint": name}, BikeChange(bike_id, machine, racer), name)
        text = edited(text, change)
    assert not complaint(text)
    text.encode()
    found, read = tomllib.loads(text), name.replace("\udc80", "\ufffd")
    assert (found["thing_name"], found["cloud"]["endpoint"]) == (read, read)
    assert found["bikes"][-1]["options"] == {"name": read, "further": {read: [read]}}
    assert (found["bikes"][-1]["racer_name"], found["state_dir"]) == (read, read)


def test_a_name_changes_on_its_line_alone() -> None:
    change = Change("gateway-9", None, BikeChange("bike-001", racer={"racer_name": "Ada"}))
    assert lines_changed(SMALL, edited(SMALL, change)) == [
        '-thing_name = "gateway-1"  # a plate on the wall says so',
        '+thing_name = "gateway-9"  # a plate on the wall says so',
        '-racer_name = "Hayden"',
        '+racer_name = "Ada"',
    ]


def test_change_made_twice_changes_the_config_once() -> None:
    change = Change("gateway-9", {"endpoint": "x.example"}, BikeChange("bike-001", PELOTON, ADA))
    for text in (SHIPPED, SMALL):
        once = edited(text, change)
        assert edited(once, change) == once != text


def test_an_endpoint_elsewhere_needs_tls_and_its_port() -> None:
    cloud = tomllib.loads(edited(SMALL, Change(cloud={"endpoint": "x.example"})))["cloud"]
    assert cloud == {"endpoint": "x.example", "port": 8883, "plaintext": False}


def test_answer_that_changes_nothing_keeps_the_notation() -> None:
    text = SMALL.replace('"Hayden"', "'Hayden'").replace("racer_id = 7", "racer_id = 0x07")
    racer = {"racer_name": "Hayden", "racer_id": 7, "class_id": 1}
    change = Change("gateway-1", {"endpoint": "127.0.0.1"}, BikeChange("bike-001", racer=racer))
    assert edited(text, change) == text


def test_chosen_port_stays_when_the_endpoint_changes() -> None:
    text = SMALL.replace("1883", "443")
    cloud = tomllib.loads(edited(text, Change(cloud={"endpoint": "x.example"})))["cloud"]
    assert (cloud["port"], cloud["plaintext"]) == (443, False)


def test_shipped_config_keeps_its_comments_when_its_bike_changes() -> None:
    new = edited(SHIPPED, Change(bike=BikeChange("bike-001", FTMS, ADA)))
    assert bike(new) == {"id": "bike-001", **ADA, "driver": "ble", "options": dict(FTMS.options)}
    for line in SHIPPED.splitlines():
        if line.startswith("#"):
            assert line in new.splitlines(), line
    assert "# seed = 1" in new, "what the fake bike could do is still explained"
    assert "# [bikes.options.faults]" in new
    assert BikeConfig.model_validate(bike(new))


def test_settings_of_the_old_bike_are_left_as_comments() -> None:
    new = edited(SMALL, Change(bike=BikeChange("bike-001", PELOTON)))
    assert "calibration" not in bike(new)
    assert "# calibration = [[0, 0], [100, 100]]  # measured in May" in new
    assert bike(new)["options"] == PELOTON.options
    assert 'id = "bike-001"   # the one by the window' in new


def test_same_bike_again_keeps_its_settings() -> None:
    assert edited(SMALL, Change(bike=BikeChange("bike-001", FTMS))) == SMALL


def test_comments_do_not_pile_up_when_a_bike_changes_again_and_again() -> None:
    text = SHIPPED
    for machine in (FTMS, PELOTON) * 4:
        text = edited(text, Change(bike=BikeChange("bike-001", machine)))
    assert bike(text)["options"] == PELOTON.options
    assert text.count('# address = "C0:FF:EE:00:00:01"') == 1


def test_a_second_bike_comes_behind_the_first() -> None:
    for text in (SHIPPED, SMALL):
        new = edited(text, Change(bike=BikeChange("bike-002", FTMS, ADA)))
        assert new.startswith(text.rstrip("\n"))
        assert bike(new, 1) == {
            "id": "bike-002",
            **ADA,
            "driver": "ble",
            "options": dict(FTMS.options),
        }
        assert "\n\n[[bikes]] # IC Bike: advertises the ftms service\n" in new


def test_control_characters_in_a_name_cannot_change_the_config() -> None:
    """Anybody nearby can give a device any name."""
    machine = Machine("ble", {"name": 'a"\n[x]\x07'}, "evil\n[cloud]\x07 name")
    new = edited(SMALL, Change(bike=BikeChange("bike-002", machine, ADA)))
    assert bike(new, 1)["options"] == {"name": 'a"\n[x]\x07'}
    assert tomllib.loads(new)["cloud"] == tomllib.loads(SMALL)["cloud"]


def test_missing_cloud_table_is_added() -> None:
    new = edited('thing_name = "x"\n', Change(cloud={"endpoint": "x.example"}))
    assert tomllib.loads(new)["cloud"] == {"endpoint": "x.example"}


def test_bikes_in_one_line_are_refused_as_not_editable() -> None:
    with pytest.raises(NotEditable, match=r"\[\[bikes\]\]"):
        edited('bikes = [{ id = "x" }]', Change(bike=BikeChange("x", FTMS)))


def test_crlf_and_umlauts_stay() -> None:
    text = SMALL.replace("Hayden", "Jürgen").replace("\n", "\r\n")
    new = edited(text, Change("gateway-9"))
    assert new == text.replace('"gateway-1"', '"gateway-9"')
