"""Options and arguments that several verbs share, and the driver for the bike that they name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.completion import adapters, bike_ids, protocols
from gateway.cli.exits import fail
from gateway.host.errors import USAGE

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

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
        "port, `ant:` with a device number, or the name of a driver, such as `fake`.",
        autocompletion=bike_ids,
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
    typer.Option(
        help="The bike's protocol, such as `peloton`; needed for a serial port.",
        autocompletion=protocols,
    ),
]
DriverOption = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="KEY=VALUE",
        help="An option of the bike's driver, such as port=4000; can be repeated.",
    ),
]
AdapterOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The Bluetooth adapter to use, such as hci1; default: the one in the bike's config, "
        "else the first that is on.",
        autocompletion=adapters,
    ),
]
ScanAdapterOption = Annotated[
    str | None,
    typer.Option(
        "--adapter",
        metavar="NAME",
        help="The Bluetooth adapter to scan with, such as hci1; default: the first that is on.",
        autocompletion=adapters,
    ),
]
SecondsOption = Annotated[
    float | None, typer.Option(min=0, help="How many seconds to run; default: until Ctrl-C.")
]
ScanSecondsOption = Annotated[
    float, typer.Option(min=1, max=600, help="How many seconds to look for bikes.")
]


def config_of(bike: str, config: Path | None) -> Path | None:
    """Return the config file that contains the bike; None if `bike` names a bike or driver."""
    from drivers.registry import load_drivers
    from gateway.cli.service import SERVICE_CONFIG, may_exist
    from gateway.setup.bike_spec import NotABike

    if config is not None:
        return config
    drivers = load_drivers()
    try:
        _named(bike, "", drivers)
    except NotABike as error:
        if may_exist(SERVICE_CONFIG):
            return SERVICE_CONFIG
        names = ", ".join(sorted(drivers))
        fail(
            f"{error}; or give the name of a driver ({names}), or the id of a bike and its config "
            f"with --config, since {SERVICE_CONFIG} does not exist",
            USAGE,
        )
    return None


def chosen_driver(
    bike: str,
    config: Path | None,
    protocol: str | None,
    clock: "Clock",
    options: "Sequence[str]" = (),
    adapter: str | None = None,
) -> tuple[str, "Driver"]:
    """Return the bike's driver and its name; `options` (KEY=VALUE) override the config's.

    `adapter` overrides the option of that name.

    Raises GatewayError if there is none.
    """
    from pydantic import ValidationError

    from drivers.registry import load_drivers, make_driver
    from gateway.config.schema import load_bike
    from gateway.setup.driver_options import merged, options_error, parsed_options

    drivers = load_drivers()
    if config is not None:
        found = load_bike(config, bike, drivers)
        name, known = found.driver, found.options
    else:
        name, known = _named(bike, protocol, drivers)
    wanted = merged(known, parsed_options(options))
    if adapter is not None:
        wanted["adapter"] = adapter
    try:
        return name, make_driver(drivers[name], wanted, clock)
    except ValidationError as error:
        driver = drivers[name].driver
        assert driver is not None
        raise options_error(error, name, driver.Options) from None


def _named(
    bike: str, protocol: str | None, drivers: "Collection[str]"
) -> tuple[str, dict[str, object]]:
    """Return the driver for a bike's or driver's name, and the options that the name implies.

    Raises NotABike.
    """
    from gateway.setup.bike_spec import named_bike

    if bike in drivers and bike != "fake":
        return bike, {"protocol": protocol} if protocol else {}
    return named_bike(bike, protocol)
