"""Values that the shell completes: ids of bikes, riders and quarantined messages, and others."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gateway.buffer.inspect import QuarantinedMessage

#: The kernel's folder of Bluetooth adapters; missing without Bluetooth.
ADAPTERS = Path("/sys/class/bluetooth")


def bike_ids(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of the bikes in the config or, if it is unreadable, of the running gateway."""
    from contextlib import suppress

    from gateway.cli.service import SERVICE_CONFIG
    from gateway.host.errors import GatewayError

    ids: list[str] = []
    config = ctx.params.get("config") or SERVICE_CONFIG
    with suppress(OSError, ValueError, KeyError, TypeError, GatewayError):
        try:
            ids = _ids_in(config)
        except PermissionError:
            ids = _ids_of_running_gateway()
    return [one for one in ids if one.startswith(incomplete)]


def racer_ids(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the ids of the riders that may be chosen for the bike, and their names."""
    from contextlib import suppress

    from gateway.cli.status import asker
    from gateway.host.errors import GatewayError
    from gateway.status.report import status_from_json

    with suppress(OSError, GatewayError):
        status = status_from_json(asker(ctx.params.get("config"))())
        bikes = [bike for bike in status.bikes if bike.bike_id == ctx.params.get("bike")]
        own = [bike.own_rider for bike in bikes if bike.own_rider is not None]
        names = {str(rider.racer_id): rider.name for rider in (*status.riders, *own)}
        return [(id_, name) for id_, name in names.items() if id_.startswith(incomplete)]
    return []


def adapters(incomplete: str) -> list[str]:
    """Return the names of this computer's Bluetooth adapters."""
    # The folder also has links, such as hci0:64.
    names = sorted(path.name for path in ADAPTERS.glob("hci*") if ":" not in path.name)
    return [name for name in names if name.startswith(incomplete)]


def protocols(incomplete: str) -> list[str]:
    """Return the names of the protocols."""
    from drivers.protocols import PROTOCOLS

    return [name for name in PROTOCOLS if name.startswith(incomplete)]


def quarantined_ids(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of the messages in quarantine."""
    return [str(one.id) for one in _quarantine(ctx) if str(one.id).startswith(incomplete)]


def quarantined_races(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of the races that have messages in quarantine."""
    races = {one.race_id for one in _quarantine(ctx) if one.race_id is not None}
    return [str(race_id) for race_id in sorted(races) if str(race_id).startswith(incomplete)]


def _quarantine(ctx: typer.Context) -> "list[QuarantinedMessage]":
    """Return what is in quarantine; nothing if the buffer cannot be read."""
    from contextlib import suppress

    from gateway.buffer.inspect import BufferView
    from gateway.buffer.log_format import DIRECTORY_NAME
    from gateway.cli.service import state_dir_of
    from gateway.host.errors import GatewayError

    with suppress(OSError, GatewayError):
        state_dir = ctx.params.get("state_dir") or state_dir_of(ctx.params.get("config"))
        return list(BufferView(Path(state_dir) / DIRECTORY_NAME).quarantine())
    return []


def _ids_in(config: Path) -> list[str]:
    from gateway.config.file import config_text, parsed_toml

    content = parsed_toml(config_text(config))
    return [str(bike["id"]) for bike in content["bikes"]]


def _ids_of_running_gateway() -> list[str]:
    import json

    from gateway.cli.status import asker

    bikes = json.loads(asker(None)())["gateway"]["bikes"]
    return [str(bike["bike_id"]) for bike in bikes]
