"""The answers that `setup` needs, and their validation by the config's schema."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.config import command_line
from gateway.config.cloud import CloudConfig, is_this_machine
from gateway.config.editor import NO_CLOUD, BikeChange, Change, Machine
from gateway.config.first import is_first_config
from gateway.config.problems import problems_of
from gateway.config.schema import BikeConfig, Config

#: The answer for a gateway that has no cloud yet.
LATER = "later"
RACER = ("racer_name", "racer_id", "class_id")
FILES = ("certificate_file", "private_key_file", "ca_file")
#: The state directory of a gateway that is not the service, relative to its config.
STATE_DIR = Path("state")


@dataclass(slots=True)
class Answers:
    """The answers given so far. None, or a missing key: not answered, so left unchanged."""

    bike_id: str | None = None
    machine: Machine | None = None
    thing_name: str | None = None
    racer: dict[str, object] = field(default_factory=dict)
    #: Keys of the cloud table. Empty: no cloud yet, or no change to the current one. A key that is
    #: None is removed from the config.
    cloud: dict[str, object] | None = None
    #: The folder with the claim from which the gateway gets its own certificate.
    claim: Path | None = None
    state_dir: Path | None = None

    @property
    def are_none(self) -> bool:
        return self == Answers(bike_id=self.bike_id)


@dataclass(frozen=True, slots=True)
class Current:
    """The unchecked content of the current config, or of the one that a new config is made from.

    `is_template`: it is another gateway's, whose name this one must not take.
    """

    data: Mapping[str, Any]
    is_new: bool
    is_template: bool = False

    @property
    def is_example(self) -> bool:
        """Whether the bike and its rider are still the example's, which no user has named."""
        return self.is_new or is_first_config(self.data)

    @property
    def cloud(self) -> Mapping[str, Any]:
        return _table(self.data.get("cloud"))

    @property
    def has_cloud(self) -> bool:
        """Whether the user has named a cloud: neither the example's nor this computer's."""
        endpoint = str(self.cloud.get("endpoint", "EXAMPLE"))
        return not self.cloud.get("plaintext") and not endpoint.startswith("EXAMPLE")

    @property
    def bikes(self) -> list[Mapping[str, Any]]:
        bikes = self.data.get("bikes")
        return [_table(bike) for bike in bikes] if isinstance(bikes, list) else []

    @property
    def ids(self) -> list[str]:
        return [str(bike.get("id")) for bike in self.bikes]

    def bike(self, bike_id: str) -> Mapping[str, Any]:
        """Return the bike's table; empty if the config does not contain the bike."""
        return next((bike for bike in self.bikes if bike.get("id") == bike_id), {})

    @property
    def next_id(self) -> str:
        numbers = range(1, len(self.bikes) + 2)
        return next(id_ for n in numbers if (id_ := f"bike-{n:03}") not in self.ids)

    @property
    def default_id(self) -> str:
        """The bike to set up if the user names none."""
        return self.ids[0] if self.ids else self.next_id

    def has_rider(self, bike_id: str) -> bool:
        """Return whether the user has named a rider: the example's rider does not count."""
        return not self.is_example and bike_id in self.ids


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def change_of(answers: Answers, current: Current) -> Change:
    """Build the change to the config. A new one without an endpoint gets no cloud."""
    bike = None
    if answers.machine is not None or answers.racer:
        bike_id = answers.bike_id or current.default_id
        bike = BikeChange(bike_id, answers.machine, answers.racer)
        if current.is_example:  # this one replaces the example's bike
            bike = BikeChange(current.default_id, answers.machine, {"id": bike_id, **answers.racer})
    state_dir = None if answers.state_dir is None else str(answers.state_dir)
    return Change(answers.thing_name, _cloud_change(answers, current), bike, state_dir)


def _cloud_change(answers: Answers, current: Current) -> Mapping[str, object]:
    cloud = answers.cloud or {}
    if current.is_new and not current.has_cloud and "endpoint" not in cloud:
        return {**NO_CLOUD, **cloud}
    if is_this_machine(str(cloud.get("endpoint"))) and not uses_tls(cloud, current):
        return {**NO_CLOUD, **cloud}
    return cloud


def uses_tls(cloud: Mapping[str, object], current: Current) -> bool:
    """Return whether the answers name PEM files, or stay with a cloud that has them."""
    return any(cloud.get(key) for key in FILES) or current.has_cloud


def replaced_fake_bike(answers: Answers, current: Current) -> str | None:
    """Return the id of the fake bike whose place a real bike takes; None if there is none."""
    bike_id = answers.bike_id or current.default_id
    is_real = answers.machine is not None and answers.machine.driver != "fake"
    was_fake = not current.is_example and current.bike(bike_id).get("driver") == "fake"
    return bike_id if is_real and was_fake else None


def missing(answers: Answers, current: Current) -> list[str]:
    """Return the names of the answers missing for a bike that is not set up yet."""
    cloud = answers.cloud or {}
    no_endpoint = not (current.has_cloud or "endpoint" in cloud)
    lost = ["endpoint"] if no_endpoint and (cloud or answers.claim is not None) else []
    if current.is_template and answers.thing_name is None:
        lost.append("thing_name")
    bike_id = answers.bike_id or current.default_id
    if current.has_rider(bike_id):
        return lost
    lacking = [name for name in RACER if name not in answers.racer]
    return [*(["bike"] if answers.machine is None else []), *lacking, *lost]


def default_state_dir(file: Path) -> Path | None:
    """Return the state directory for a new config; None for the service, which has its own."""
    return None if file.parent == command_line.SERVICE_CONFIG.parent else STATE_DIR


def problem_of(key: str, value: object) -> str | None:
    """Return the schema's objection to a value of the config; None if it is valid."""
    model: type[BaseModel] = Config
    if key in RACER or key == "id":
        model = BikeConfig
    elif key in CloudConfig.model_fields:
        model = CloudConfig
    try:
        model.model_validate({key: value})
    except ValidationError as error:
        for problem in problems_of(error, model):
            if problem.key == key:
                return problem.what
    return None
