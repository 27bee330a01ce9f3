"""`run`: the daemon."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import ConfigOption
from gateway.cli.service import SERVICE_CONFIG

if TYPE_CHECKING:
    from gateway.config.schema import Config


def run(
    config: ConfigOption = SERVICE_CONFIG,
    fake_bike: Annotated[
        bool, typer.Option("--fake-bike", help="Replace the configured bikes by fake ones.")
    ] = False,
) -> None:
    """Read the bikes, race, publish every second.

    What cannot be sent is kept on disk. Ends on SIGTERM or Ctrl-C; exit code 78 if the config
    cannot work.
    """
    import asyncio

    import structlog

    from drivers.registry import load_drivers
    from gateway.config.schema import load_config
    from gateway.daemon import run_gateway
    from gateway.host.log import configure_logging

    configure_logging()
    drivers = load_drivers()

    def load() -> "Config":
        settings = load_config(config, drivers)
        for warning in settings.warnings:
            structlog.get_logger().warning(warning.what, key=warning.key)
        return _with_fake_bikes(settings) if fake_bike else settings

    asyncio.run(run_gateway(load, drivers))


def _with_fake_bikes(config: "Config") -> "Config":
    """The same racers on fake bikes, whose ride starts anew with every race."""
    bikes = [
        bike.model_copy(
            update={
                "driver": "fake",
                "calibration": None,
                "options": {
                    "seed": index,
                    "ride_s": config.race.length_s,
                    "ride_offset_ms": config.race.offset_ms,
                },
            }
        )
        for index, bike in enumerate(config.bikes, start=1)
    ]
    return config.model_copy(update={"bikes": bikes})
