"""Options and arguments that several verbs share, and the driver for the bike that they name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import fail
from gateway.host.errors import USAGE

if TYPE_CHECKING:
    from drivers import Clock, Driver

ConfigOption = Annotated[
    Path, typer.Option(metavar="FILE", help="The gateway's config file (TOML).")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON, one object per line, instead of text.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]

#: Names a bike of the config, or a bike in the form in which `scan` prints it.
BikeArgument = Annotated[
    str,
    typer.Argument(
        metavar="BIKE",
        help="A bike's id in the config file; or, without --config, a Bluetooth address, a serial "
        "port, or `fake`.",
    ),
]
BikeConfigOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The config file that contains the bike; BIKE is then its id. Default: the service's "
        "config file.",
    ),
]
ProtocolOption = Annotated[
    str | None,
    typer.Option(help="The bike's protocol, such as `peloton`; needed for a serial port."),
]
SecondsOption = Annotated[
    float | None, typer.Option(min=0, help="How many seconds to run; default: until Ctrl-C.")
]
ScanSecondsOption = Annotated[
    float, typer.Option(min=1, max=600, help="How many seconds to look for bikes.")
]


def config_of(bike: str, config: Path | None) -> Path | None:
    """Return the config file that contains the bike; None if `bike` names a bike by itself."""
    from gateway.cli.service import SERVICE_CONFIG, may_exist
    from gateway.setup.bike_spec import NotABike, named_bike

    if config is not None:
        return config
    try:
        named_bike(bike, protocol="")
    except NotABike as error:
        if may_exist(SERVICE_CONFIG):
            return SERVICE_CONFIG
        fail(f"{error}; or pass the id of a bike together with --config", USAGE)
    return None


def chosen_driver(
    bike: str, config: Path | None, protocol: str | None, clock: "Clock"
) -> tuple[str, "Driver"]:
    """Return the bike's driver and its name. Raises GatewayError if there is none."""
    from pydantic import ValidationError

    from drivers.registry import load_drivers, make_driver
    from gateway.config.problems import problems_of
    from gateway.config.schema import load_bike
    from gateway.setup.bike_spec import named_bike

    drivers = load_drivers()
    if config is not None:
        found = load_bike(config, bike, drivers)
        return found.driver, make_driver(drivers[found.driver], found.options, clock)
    name, options = named_bike(bike, protocol)
    try:
        return name, make_driver(drivers[name], options, clock)
    except ValidationError as error:
        driver = drivers[name].driver
        assert driver is not None
        problems = problems_of(error, driver.Options)
        fail("; ".join(f"{one.key or 'bike'}: {one.what}" for one in problems), USAGE)
