"""Which configs are not set up yet: that of the package, and no developer's."""

import tomllib
from copy import deepcopy
from typing import Any

import pytest

from gateway.config.first import is_first_config, is_of_first_bike, is_set_up
from gateway.config.packaged import config_path
from gateway.config.schema import Config
from gateway.sampling.sampler import Sample
from gateway.telemetry.undated import UndatedSample
from systemd.package.first_config import first_config
from tests.support.telemetry import message

#: What the package of earlier development versions installed, apart from options that are at their
#: defaults.
EARLIER_FIRST = """
thing_name = "gateway-1"
state_dir = "/var/lib/alleycat-gateway"
[cloud]
endpoint = "127.0.0.1"
port = 1883
topic = "alleycat-publish"
ca_file = "/etc/alleycat-gateway/AmazonRootCA1.pem"
certificate_file = "/etc/alleycat-gateway/certificate.pem.crt"
private_key_file = "/etc/alleycat-gateway/private.pem.key"
plaintext = true
[[bikes]]
id = "bike-001"
racer_id = 7
racer_name = "Hayden"
class_id = 1
driver = "fake"
stale_after_s = 3.0
[bikes.options]
seed = 1
scenario = "steady"
"""
SAMPLE = Sample(present=True, cadence_rpm=80.0, resistance_percent=50.0, power_w=None)


@pytest.fixture
def first() -> dict[str, Any]:
    return deepcopy(tomllib.loads(EARLIER_FIRST))


@pytest.mark.parametrize(
    "text", [EARLIER_FIRST, first_config(config_path("gateway.toml").read_text())]
)
def test_config_of_the_package_is_not_set_up(text: str) -> None:
    content = tomllib.loads(text)
    assert is_first_config(content)
    assert not is_set_up(Config(**content))


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("bikes", "driver", "ble"),
        ("bikes", "racer_name", "Jo"),
        ("bikes", "racer_id", 8),
        ("bikes", "class_id", 2),
        ("bikes", "id", "hall-1"),
        ("cloud", "port", 8883),
        ("cloud", "endpoint", "localhost"),
        ("cloud", "plaintext", False),
        ("", "state_dir", "state"),
    ],
)
def test_config_with_one_change_of_its_owner_is_set_up(
    first: dict[str, Any], table: str, key: str, value: object
) -> None:
    changed = {"bikes": first["bikes"][0], "cloud": first["cloud"], "": first}[table]
    changed[key] = value
    assert not is_first_config(first)
    assert is_set_up(Config(**first))


def test_config_with_a_further_bike_is_set_up(first: dict[str, Any]) -> None:
    first["bikes"].append({**first["bikes"][0], "id": "bike-002"})
    assert is_set_up(Config(**first))


def test_config_that_an_environment_variable_changes_is_set_up(
    first: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLEYCAT_CLOUD__PORT", "1884")
    assert is_set_up(Config(**first))


@pytest.mark.parametrize("content", [{}, {"bikes": [7], "cloud": {}}, {"bikes": 1, "cloud": 2}])
def test_content_that_is_no_config_is_not_the_first_one(content: dict[str, Any]) -> None:
    assert not is_first_config(content)


def test_messages_of_the_first_bike_are_recognised_by_bike_and_rider() -> None:
    assert is_of_first_bike(message(3, bike="bike-001").to_json())
    assert not is_of_first_bike(message(3, bike="bike-002").to_json())
    assert not is_of_first_bike(message(3, bike="bike-001").to_json().replace(b"Hayden", b"Jo"))
    assert not is_of_first_bike(b"no message")


def test_undated_seconds_of_the_first_bike_are_recognised_by_the_bike() -> None:
    assert is_of_first_bike(UndatedSample("boot", 1, "bike-001", SAMPLE).to_json())
    assert not is_of_first_bike(UndatedSample("boot", 1, "bike-002", SAMPLE).to_json())
