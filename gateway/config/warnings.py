"""Warnings of a config: valid settings that may have an unexpected effect. Pure."""

from collections.abc import Iterator

from gateway.config.cloud import is_this_machine
from gateway.config.environment import unknown_variables, unused_proxies
from gateway.config.problems import ConfigWarning
from gateway.config.riders import RiderConfig
from gateway.config.schema import BikeConfig, Config
from gateway.race.races import ANALYTICS_MAX_ID

#: Characters. The backend's analytics truncate a longer name to this width.
NAME_COLUMNS = 8


def warnings_of(config: Config) -> list[ConfigWarning]:
    """Return the settings that are valid, but may have an unexpected effect."""
    return [
        *unknown_variables(Config.model_fields),
        *(() if config.cloud.proxy or config.cloud.plaintext else unused_proxies()),
        *_shared_races(config),
        *_unused_riders(config),
        *_simulated_bikes(config),
        *_of_racers(config),
    ]


def _shared_races(config: Config) -> Iterator[ConfigWarning]:
    """Yield a warning if bikes of different classes ride the same races."""
    race, classes = config.race, sorted({bike.class_id for bike in config.bikes})
    if race.mode == "continuous" and not race.per_class and len(classes) > 1:
        yield ConfigWarning(
            "race.per_class",
            f"bikes of the classes {', '.join(map(str, classes))} ride the same races, but the "
            "backend files a race under one class only, that of its last message",
            "set per_class = true, or give all bikes the same class",
        )


def _unused_riders(config: Config) -> Iterator[ConfigWarning]:
    if config.riders and config.race.mode == "remote":
        yield ConfigWarning(
            "riders",
            'no rider can be chosen: with race.mode = "remote", the backend\'s commands name them',
            'remove the riders, or set race.mode = "continuous"',
        )


def _simulated_bikes(config: Config) -> Iterator[ConfigWarning]:
    """Yield a warning for each fake bike whose seconds leave this computer."""
    endpoint = config.cloud.endpoint
    for index, bike in enumerate(config.bikes):
        if bike.is_simulated and not is_this_machine(endpoint):
            yield ConfigWarning(
                f"bikes[{index}].driver",
                f"{bike.id} is simulated; its seconds are sent to {endpoint}, marked as simulated",
                "unless you are testing the backend, set up the real bike: sudo alleycat-gateway "
                "setup",
            )


def _of_racers(config: Config) -> Iterator[ConfigWarning]:
    for index, bike in enumerate(config.bikes):
        yield from _of_racer(f"bikes[{index}]", bike)
    for index, rider in enumerate(config.riders):
        yield from _of_racer(f"riders[{index}]", rider)


def _of_racer(key: str, racer: BikeConfig | RiderConfig) -> Iterator[ConfigWarning]:
    if racer.racer_id > ANALYTICS_MAX_ID:
        yield ConfigWarning(
            f"{key}.racer_id",
            f"{racer.racer_id} is larger than {ANALYTICS_MAX_ID}, the limit of the backend's "
            "analytics",
            "give the racer a smaller id",
        )
    if len(racer.racer_name) > NAME_COLUMNS:
        yield ConfigWarning(
            f"{key}.racer_name",
            f"{racer.racer_name!r} is longer than the {NAME_COLUMNS} characters that the "
            "backend's analytics keep",
            "shorten the name",
        )
