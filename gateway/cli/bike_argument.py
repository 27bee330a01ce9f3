"""Which bike a command line means: one of a config, or one as `scan` names it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import fail
from gateway.host.errors import USAGE

if TYPE_CHECKING:
    from drivers import Clock, Driver

BikeArgument = Annotated[
    str,
    typer.Argument(
        metavar="BIKE",
        help="With --config: a bike's id. Without: a Bluetooth address, a serial port, or `fake`.",
    ),
]
ConfigOption = Annotated[
    Path | None, typer.Option(help="Take the bike's driver and options from this TOML file.")
]
ProtocolOption = Annotated[
    str | None, typer.Option(help="What the bike speaks; a serial port needs it without --config.")
]


def chosen_driver(
    bike: str, config: Path | None, protocol: str | None, clock: "Clock"
) -> tuple[str, "Driver"]:
    """Return the driver's name and the bike. Raises GatewayError if either cannot be told."""
    from pydantic import ValidationError

    from drivers.registry import load_drivers, make_driver
    from gateway.config.problems import problems_of
    from gateway.config.schema import load_bike
    from gateway.setup.bike_spec import NotABike, named_bike

    drivers = load_drivers()
    if config is not None:
        found = load_bike(config, bike, drivers)
        return found.driver, make_driver(drivers[found.driver], found.options, clock)
    try:
        name, options = named_bike(bike, protocol)
    except NotABike as error:
        fail(f"{error}, or --config with the id of a bike in it", USAGE)
    try:
        return name, make_driver(drivers[name], options, clock)
    except ValidationError as error:
        driver = drivers[name].driver
        assert driver is not None
        problems = problems_of(error, driver.Options)
        fail("; ".join(f"{one.key or 'bike'}: {one.what}" for one in problems), USAGE)
