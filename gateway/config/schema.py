"""The config file: TOML, fully checked before anything starts.

Environment variables override the file: see gateway/config/environment.py. Relative paths
are relative to the config file.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from drivers.registry import DriverStatus
from gateway.config.cloud import CloudConfig
from gateway.config.environment import DELIMITER, PREFIX, in_variables
from gateway.config.file import config_text, parsed_toml
from gateway.config.host_name import host_name_problem
from gateway.config.pem import (
    PRIVATE_KEY,
    certificates_problem,
    open_key_problem,
    pair_problem,
    pem_problem,
)
from gateway.config.problems import (
    NAME_PATTERN,
    ConfigError,
    Problem,
    problems_of,
    unknown_key,
)
from gateway.config.proxy import proxy_credentials_problem
from gateway.config.riders import (
    MAX_RIDERS,
    ClassId,
    RacerId,
    RacerName,
    RiderConfig,
    rider_problems,
)
from gateway.config.section import AnyPath, Section
from gateway.config.topics import results_topic_problem
from gateway.race.races import Racer
from gateway.sampling.calibration import Calibration, CalibrationTable

#: The start of 2020 in ms since the epoch. Before the first race, race ids would be negative.
MAX_OFFSET_MS = 1_577_836_800_000


def _an_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError("expected an IP address, such as 127.0.0.1 or 0.0.0.0") from None


def _a_host_name(text: str) -> str:
    problem = host_name_problem(text)
    if problem is not None:
        raise ValueError(problem.removesuffix("; set the port as cloud.port"))
    return text


HostName = Annotated[str, AfterValidator(_a_host_name)]
IpAddress = Annotated[str, AfterValidator(_an_address)]
Identifier = Annotated[str, Field(pattern=NAME_PATTERN, min_length=1, max_length=128)]


class ClockConfig(Section):
    """When the computer's wall clock counts as set."""

    #: always: as soon as the computer runs, without a time server.
    trust: Literal["auto", "always"] = "auto"


class BufferConfig(Section):
    """Limits of the buffer, which keeps messages until they are acknowledged."""

    commit_interval_s: Annotated[float, Field(ge=0, le=60)] = 1.0
    max_size_mib: Annotated[int, Field(ge=1)] = 512

    @property
    def max_bytes(self) -> int:
        return self.max_size_mib * 1024 * 1024


class MetricsConfig(Section):
    """Metrics for Prometheus, served on the loopback interface; off without a port."""

    port: Annotated[int, Field(ge=1, le=65535)] | None = None


class WebConfig(Section):
    """The pages for riders and owners; off without a port."""

    listen: IpAddress = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    #: Further host names that lead to the pages, such as that of a reverse proxy.
    names: tuple[HostName, ...] = ()
    #: Whether to publish the name `alleycat-<thing>.local` in the network.
    mdns: bool = False

    @field_validator("mdns")
    @classmethod
    def _reachable(cls, mdns: bool, others: ValidationInfo) -> bool:
        listen = others.data.get("listen")
        if mdns and listen is not None and ip_address(listen).is_loopback:
            raise ValueError(
                f"other devices cannot reach the pages at {listen}; expected mdns = false, or "
                'listen = "0.0.0.0"'
            )
        return mdns

    @property
    def is_reached_from_outside(self) -> bool:
        """Whether others than this computer reach the pages, so that they need the token."""
        return bool(self.names) or not ip_address(self.listen).is_loopback


class RaceConfig(Section):
    """The schedule of races: back to back on the wall clock, or started by remote commands."""

    mode: Literal["continuous", "remote"] = "continuous"
    #: When riders join a continuous race; a command joins its rider at once.
    join: Literal["pedalling", "always"] = "pedalling"
    length_s: Annotated[int, Field(ge=1, le=86_400)] = 300
    offset_ms: Annotated[int, Field(ge=0, le=MAX_OFFSET_MS)] = 0
    #: Whether each class has continuous races of its own.
    per_class: bool = True


class BikeConfig(Section):
    """One bike and its rider."""

    #: Unique in the config; the bike's id in telemetry, commands and logs.
    id: Identifier
    racer_id: RacerId
    racer_name: RacerName
    #: The racer's class, by which the backend groups its leaderboard.
    class_id: ClassId
    driver: str
    #: Time without a report of the bike after which cadence is 0. None: the driver's default.
    stale_after_s: Annotated[float, Field(gt=0, le=60)] | None = None
    #: Checked by the driver.
    options: dict[str, Any] = Field(default_factory=dict)
    #: Points (raw, percent), at least two.
    calibration: list[tuple[float, float]] | None = None

    @field_validator("calibration")
    @classmethod
    def _monotone(
        cls, points: list[tuple[float, float]] | None
    ) -> list[tuple[float, float]] | None:
        if points is not None:
            CalibrationTable(points)
        return points

    @property
    def is_simulated(self) -> bool:
        """Whether the bike is a fake one, so that its values are made up."""
        return self.driver == "fake"

    @property
    def racer(self) -> Racer:
        return Racer(self.racer_id, self.racer_name, self.class_id)

    def ridden_by(self, racer: Racer) -> "BikeConfig":
        """Return the config of the same bike with another racer."""
        fields = {"racer_id": racer.racer_id, "racer_name": racer.name, "class_id": racer.class_id}
        return self.model_copy(update=fields)

    @property
    def points(self) -> Calibration:
        """The calibration given in the config; without points it changes nothing."""
        table = None if self.calibration is None else CalibrationTable(self.calibration)
        return Calibration(table)


class Config(BaseSettings):
    """The whole file. config/gateway.toml describes every option."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        enable_decoding=False,  # one variable is one value, never a whole table
    )

    thing_name: Identifier
    state_dir: AnyPath = Path("/var/lib/alleycat-gateway")
    clock: ClockConfig = ClockConfig()
    cloud: CloudConfig
    buffer: BufferConfig = BufferConfig()
    race: RaceConfig = RaceConfig()
    metrics: MetricsConfig = MetricsConfig()
    web: WebConfig = WebConfig()
    bikes: Annotated[list[BikeConfig], Field(min_length=1)]
    riders: Annotated[list[RiderConfig], Field(max_length=MAX_RIDERS)] = []

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings


#: Drivers of bikes that exist only in software, so that several may be alike.
_WITHOUT_MACHINE = frozenset({"fake", "replay"})

Model = TypeVar("Model", bound=BaseModel)


def load_config(file: Path, drivers: Mapping[str, DriverStatus]) -> Config:
    """Load the config; check keys and types first, then files, drivers and their options.

    Raises ConfigError with all problems of the first kind, or if there are none, of the second.
    """
    config = read_config(file)
    problems = [*_duplicates(config), *rider_problems(config.riders)]
    problems += [*_topic_problems(config), *_file_problems(config.cloud)]
    bikes = []
    identities = []
    for index, bike in enumerate(config.bikes):
        checked, who, bike_problems = _check_driver(f"bikes[{index}]", bike, drivers, file)
        bikes.append(checked)
        identities.append(who)
        problems += bike_problems
    problems += _shared_machines(bikes, identities)
    if problems:
        raise ConfigError(file, in_variables(problems))
    return config.model_copy(update={"bikes": bikes})


def read_config(file: Path) -> Config:
    """Read the config, check keys and types only, make paths absolute. Raises ConfigError."""
    data = _read_toml(file)
    hidden = [key for key in data if key.startswith("_")]  # pydantic-settings' own arguments
    if hidden:
        raise ConfigError(file, [Problem(key, unknown_key((key,), Config)) for key in hidden])
    try:
        config = Config(**data)
    except ValidationError as error:
        raise ConfigError(file, in_variables(problems_of(error, Config))) from None
    return _with_absolute_paths(config, file.absolute().parent)


def load_bike(file: Path, bike_id: str, drivers: Mapping[str, DriverStatus]) -> BikeConfig:
    """Load one bike of a config without checking the rest of it. Raises ConfigError."""
    tables = _read_toml(file).get("bikes")
    bikes = tables if isinstance(tables, list) else []
    ids = [bike.get("id") for bike in bikes if isinstance(bike, dict)]
    if bike_id not in ids:
        has = f"its bikes are: {', '.join(map(str, ids))}" if ids else "it has no bikes"
        raise ConfigError(file, [Problem("bikes", f"no bike {bike_id!r} in this file; {has}")])
    index = ids.index(bike_id)
    key = f"bikes[{index}]"
    try:
        bike = BikeConfig.model_validate(bikes[index])
    except ValidationError as error:
        raise ConfigError(file, problems_of(error, BikeConfig, key)) from None
    bike, _, problems = _check_driver(key, bike, drivers, file)
    if problems:
        raise ConfigError(file, problems)
    return bike


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return parsed_toml(config_text(file))
    except PermissionError as error:
        expected = "expected a file that you may read: run this command with sudo"
        raise ConfigError(file, [Problem("file", f"{error.strerror}; {expected}")]) from None
    except OSError as error:
        raise ConfigError(
            file, [Problem("file", f"{error.strerror}; expected a TOML file")]
        ) from None
    except ValueError as error:
        raise ConfigError(file, [Problem("file", f"not TOML: {error}")]) from None


def _with_absolute_paths(config: Config, base: Path) -> Config:
    return config.model_copy(
        update={
            "state_dir": base / config.state_dir,
            "cloud": _paths_from(config.cloud, base),
        }
    )


def _paths_from(model: Model, base: Path) -> Model:
    paths = {name: base / value for name, value in model if isinstance(value, Path)}
    return model.model_copy(update=paths)


def _duplicates(config: Config) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, bike in enumerate(config.bikes):
        if bike.id in seen:
            yield Problem(f"bikes[{index}].id", f"{bike.id!r} appears twice; expected a unique id")
        seen.add(bike.id)


def _shared_machines(bikes: Sequence[BikeConfig], identities: Sequence[str]) -> Iterator[Problem]:
    """Yield a problem for each bike that is the same machine as one before it.

    `identities`: that of each bike, empty if it has none.
    """
    first: dict[tuple[str, str], BikeConfig] = {}
    for index, (bike, identity) in enumerate(zip(bikes, identities, strict=True)):
        if not identity or bike.driver in _WITHOUT_MACHINE:
            continue
        other = first.setdefault((bike.driver, identity), bike)
        if other is not bike:
            yield Problem(
                f"bikes[{index}].options",
                f"{other.id!r} and {bike.id!r} are the same machine, {bike.driver} {identity}; "
                "expected options that select another one",
            )


def _topic_problems(config: Config) -> Iterator[Problem]:
    cloud = config.cloud
    problem = results_topic_problem(cloud.results_topic, cloud.topic, config.thing_name)
    if problem is not None:
        yield Problem("cloud.results_topic", problem)


def _file_problems(cloud: CloudConfig) -> list[Problem]:
    if cloud.plaintext:
        return []
    key, certificate, ca = cloud.private_key_file, cloud.certificate_file, cloud.ca_file
    credentials = cloud.proxy_credentials_file
    found = {
        "proxy_credentials_file": credentials and proxy_credentials_problem(credentials),
        "endpoint": _example_problem(cloud.endpoint),
        "ca_file": ca and certificates_problem(ca),
        "certificate_file": certificates_problem(certificate),
        "private_key_file": pem_problem(key, PRIVATE_KEY) or open_key_problem(key),
    }
    if not any(found.values()):
        found["private_key_file"] = pair_problem(certificate, key)
    return [Problem(f"cloud.{name}", problem) for name, problem in found.items() if problem]


def _example_problem(endpoint: str) -> str | None:
    if endpoint.startswith("EXAMPLE"):
        return (
            f"{endpoint} is the example's endpoint; expected your own: "
            "aws iot describe-endpoint --endpoint-type iot:Data-ATS"
        )
    return None


def _check_driver(
    key: str, bike: BikeConfig, drivers: Mapping[str, DriverStatus], file: Path
) -> tuple[BikeConfig, str, list[Problem]]:
    """Return the bike with checked options and absolute paths, and its identity, maybe empty.

    A broken plugin is not a problem.
    """
    status = drivers.get(bike.driver)
    if status is None:
        expected = f"expected one of: {', '.join(sorted(drivers))}"
        return bike, "", [Problem(f"{key}.driver", f"{bike.driver!r} is unknown; {expected}")]
    if status.driver is None:
        return bike, "", []
    options_type = status.driver.Options
    try:
        options = options_type.model_validate(bike.options)
        who = str(options.who)
    except ValidationError as error:
        return bike, "", problems_of(error, options_type, f"{key}.options")
    # A third-party driver checks its options with code of its own.
    except Exception as error:
        what = f"driver {bike.driver!r} cannot check them: {type(error).__name__}: {error}"
        return bike, "", [Problem(f"{key}.options", what)]
    options = _paths_from(options, file.absolute().parent)
    return bike.model_copy(update={"options": options.model_dump()}), who, []
