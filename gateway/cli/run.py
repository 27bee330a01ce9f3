"""`run`: starts the daemon."""

import sys
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import ConfigOption
from gateway.cli.service import SERVICE_CONFIG

if TYPE_CHECKING:
    from types import ModuleType

    from gateway.config.schema import Config


class LogLevel(StrEnum):
    """The least important events that `run` logs."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def run(
    config: ConfigOption = SERVICE_CONFIG,
    fake_bike: Annotated[
        bool, typer.Option("--fake-bike", help="Replace the configured bikes with fake ones.")
    ] = False,
    log_level: Annotated[
        LogLevel, typer.Option(help="Log this level and above; `debug` includes the libraries.")
    ] = LogLevel.INFO,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log one JSON object per line.")
    ] = False,
) -> None:
    """Run the gateway: read the bikes and publish every second.

    Messages that cannot be sent are kept on disk. Stops on SIGTERM, Ctrl-C, or when its terminal is
    closed. Exit code 78 if the config cannot be used, 1 if its state_dir cannot.
    """
    import asyncio

    structlog = import_structlog_alone()

    from drivers.registry import load_drivers
    from gateway.cli.output import drop_what_is_not_read
    from gateway.config.schema import load_config
    from gateway.config.warnings import warnings_of
    from gateway.daemon import run_gateway
    from gateway.host.log import configure_logging

    drop_what_is_not_read()
    configure_logging(log_level, is_json=log_json)
    drivers = load_drivers()

    def load() -> "Config":
        settings = load_config(config, drivers)
        settings = _with_fake_bikes(settings) if fake_bike else settings
        for warning in warnings_of(settings):
            structlog.get_logger().warning(warning.what, key=warning.key)
        return settings

    asyncio.run(run_gateway(load, drivers, config))


def import_structlog_alone() -> "ModuleType":
    """Import structlog without rich, which it would load for tracebacks that the log never has.

    That saves 4 MiB for as long as the gateway runs.
    """
    if not {"rich", "structlog"} & sys.modules.keys():
        sys.modules["rich"] = None  # type: ignore[assignment]  # Python finds no such module
        import_module("structlog")
        del sys.modules["rich"]
    return import_module("structlog")


def _with_fake_bikes(config: "Config") -> "Config":
    """Return the config with the same racers on fake bikes, whose ride restarts with every race."""
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
