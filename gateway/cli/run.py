"""`run`: the daemon."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exit_codes import BAD_CONFIG, FAILED, fail

if TYPE_CHECKING:
    from gateway.config import Config


def run(
    config: Annotated[Path, typer.Option(help="The TOML file; see config/gateway.toml.")],
    fake_bike: Annotated[
        bool, typer.Option("--fake-bike", help="Replace the configured bikes by fake ones.")
    ] = False,
) -> None:
    """Race: read the bikes, publish every second, keep what cannot be sent. Ends on SIGTERM."""
    import asyncio

    from drivers.registry import load_drivers
    from gateway.config import ConfigError, load_config
    from gateway.log import configure_logging
    from gateway.state_lock import StateDirError
    from gateway.store import StoreError
    from gateway.uplink import CredentialsError

    configure_logging()
    try:
        settings = load_config(config, load_drivers())
        if fake_bike:
            settings = _with_fake_bikes(settings)
        asyncio.run(_run_until_signalled(settings))
    except (ConfigError, CredentialsError) as error:
        fail(str(error), BAD_CONFIG)
    except (StateDirError, StoreError) as error:
        fail(str(error), FAILED)


async def _run_until_signalled(config: "Config") -> None:
    import asyncio
    import signal

    import structlog

    from drivers.registry import load_drivers
    from gateway.daemon import run_gateway

    for warning in config.warnings:
        structlog.get_logger().warning(warning.what, key=warning.key)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_gateway(config, load_drivers(), stop)


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
