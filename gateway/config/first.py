"""The first config, which the Debian package installs: with it, a gateway is not set up yet.

It is recognised by its content, because `setup` keeps the comments of the file, and installations
of earlier development versions have it as well. A gateway with another rider, another bike, another
broker or another state_dir races.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.config.cloud import CloudConfig
from gateway.config.schema import Config
from gateway.telemetry.message import telemetry_from_json
from gateway.telemetry.undated import NotDatable, undated_from_json

#: The state directory of the service. A developer's copy of the example has another one.
STATE_DIR = Path("/var/lib/alleycat-gateway")
CLOUD = {"endpoint": "127.0.0.1", "port": 1883, "plaintext": True}
#: The simulated bike and the rider of config/gateway.toml.
BIKE = {"id": "bike-001", "racer_id": 7, "racer_name": "Hayden", "class_id": 1, "driver": "fake"}


def is_set_up(config: Config) -> bool:
    """Return whether this is another config than the first one."""
    return not is_first_config(config.model_dump())


def is_first_config(content: Mapping[str, Any]) -> bool:
    """Return whether this is the unchecked content of the first config."""
    bikes, cloud = content.get("bikes"), content.get("cloud")
    if not isinstance(bikes, list) or len(bikes) != 1 or not isinstance(cloud, Mapping):
        return False
    defaults = {name: field.default for name, field in CloudConfig.model_fields.items()}
    state_dir = content.get("state_dir", STATE_DIR)
    return (
        isinstance(state_dir, str | Path)
        and Path(state_dir) == STATE_DIR
        and _contains({**defaults, **cloud}, CLOUD)
        and _contains(bikes[0], BIKE)
    )


def _contains(table: object, expected: Mapping[str, object]) -> bool:
    return isinstance(table, Mapping) and all(
        table.get(key) == value for key, value in expected.items()
    )


def is_of_first_bike(payload: bytes) -> bool:
    """Return whether a buffered message or undated second is of the first config's bike and rider.

    Earlier development versions let this bike race, and their messages do not state that it was
    simulated.
    """
    try:
        message = telemetry_from_json(payload)
    except ValidationError:
        try:
            return undated_from_json(payload).bike_id == BIKE["id"]
        except NotDatable:
            return False
    found = {"id": message.bike_id, "racer_id": message.racer_id, "racer_name": message.name}
    return _contains(BIKE, found)
