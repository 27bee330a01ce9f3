"""The session that `calibrate` opens: through the daemon, or with the bike itself."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivers.registry import DriverStatus
    from gateway.calibrating.local import LocalSession
    from gateway.calibrating.remote import DaemonSession
    from gateway.config.schema import BikeConfig


def session_with(
    bike_id: str, config: Path, *, is_live: bool = True
) -> "DaemonSession | LocalSession":
    """Return a CalibrationSession to enter: through the daemon if one runs, else with the bike.

    Raises CalibrationError. Ends the command with an error message if the config is incomplete.
    """
    from gateway.calibrating.local import LocalSession
    from gateway.calibrating.remote import DaemonSession
    from gateway.timing.clock import SystemClock

    socket = _daemon_socket(config)
    if socket is not None:
        return DaemonSession(socket, bike_id, is_live=is_live)
    return LocalSession(*_configured(bike_id, config), SystemClock(), is_live=is_live)


def _configured(bike_id: str, config: Path) -> "tuple[BikeConfig, DriverStatus, Path]":
    from drivers.registry import load_drivers
    from gateway.cli.service import state_dir_of
    from gateway.config.schema import load_bike

    drivers = load_drivers()
    bike = load_bike(config, bike_id, drivers)
    return bike, drivers[bike.driver], state_dir_of(config)


def _daemon_socket(config: Path) -> Path | None:
    """Return the socket of the daemon that uses the config's state_dir; None if none does."""
    from gateway.calibrating.messages import FILE_NAME
    from gateway.calibrating.state import CalibrationError
    from gateway.cli.service import state_dir_of
    from gateway.config.command_line import command_line
    from gateway.host.sockets import SERVICE_DIRECTORY, is_served
    from gateway.host.state_dir import is_in_use

    state_dir = state_dir_of(config)
    try:
        if not is_in_use(state_dir):
            return None
    except PermissionError:
        raise CalibrationError(
            f"permission denied: {state_dir}; run this command with sudo"
        ) from None
    places = [directory / FILE_NAME for directory in (state_dir, SERVICE_DIRECTORY)]
    for place in places:
        if is_served(place):
            return place
    raise CalibrationError(
        f"a gateway is using {state_dir}, but does not accept calibration sessions at "
        f"{' or '.join(map(str, places))}; "
        f"run `{command_line('status', config)}` for the reason, or restart the gateway: "
        "sudo systemctl restart alleycat-gateway"
    )
