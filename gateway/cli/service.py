"""The installed service: its config, its user, and the state_dir of a config."""

from pathlib import Path

from gateway.cli.exits import fail
from gateway.config import command_line
from gateway.host.errors import BAD_CONFIG

SERVICE_CONFIG = command_line.SERVICE_CONFIG
USER = "alleycat-gateway"
#: Groups that the unit adds to the user's own, with SupplementaryGroups=.
MORE_GROUPS = ("dialout",)


def may_exist(path: Path) -> bool:
    """Return False only if the path certainly does not exist."""
    try:
        return path.exists()
    except PermissionError:
        return True


def become_service(user: str = USER) -> None:
    """Switch from root to the service's user, because root can read files that it cannot.

    Does nothing if the process does not run as root, or if there is no such user.
    """
    import grp
    import os
    import pwd
    from contextlib import suppress

    if os.geteuid() != 0:
        return
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return
    groups = set(os.getgrouplist(user, account.pw_gid))
    for name in MORE_GROUPS:
        with suppress(KeyError):
            groups.add(grp.getgrnam(name).gr_gid)
    os.setgroups(sorted(groups))
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def state_dir_of(config: Path | None) -> Path:
    """Return the state_dir that `run` would use, even if the rest of the config is invalid.

    Without a config, this is the default. Raises CommandError if the config cannot be read or its
    state_dir is not a path.
    """
    import os

    from gateway.config.file import config_text, parsed_toml
    from gateway.config.schema import Config
    from gateway.config.section import checked_path

    found: object = Config.model_fields["state_dir"].default
    if config is not None:
        try:
            found = parsed_toml(config_text(config)).get("state_dir", found)
        except PermissionError:
            fail(f"permission denied: {config}; run this command with sudo", BAD_CONFIG)
        except OSError as error:
            fail(f"cannot read {config}: {error.strerror}; expected a TOML file", BAD_CONFIG)
        except ValueError as error:
            fail(f"{config} is not TOML: {error}", BAD_CONFIG)
    found = os.environ.get("ALLEYCAT_STATE_DIR", found)
    if not isinstance(found, str | Path):
        fail(f"{config}: state_dir: got {found!r}; expected a path", BAD_CONFIG)
    try:
        checked_path(found)
    except ValueError as error:
        fail(f"{config}: state_dir: {error}", BAD_CONFIG)
    return Path.cwd() / found if config is None else config.absolute().parent / found


def socket_of(config: Path | None, name: str) -> Path:
    """Return the path of a socket of the gateway that uses this config; None: of the service.

    Raises NoStatusError if there is none.
    """
    import os

    from gateway.host.sockets import SERVICE_DIRECTORY

    if config is None:
        # Most users cannot read the service's config, nor need to while its socket exists.
        is_readable = os.access(SERVICE_CONFIG, os.R_OK)
        default = state_dir_of(SERVICE_CONFIG if is_readable else None)
        return _first_socket(SERVICE_DIRECTORY / name, default / name)
    return socket_in(state_dir_of(config), name)


def socket_in(state_dir: Path, name: str) -> Path:
    """Return the path of a socket of the gateway that uses this state_dir.

    Raises NoStatusError if there is none.
    """
    from gateway.host.sockets import SERVICE_DIRECTORY

    place = _first_socket(state_dir / name, SERVICE_DIRECTORY / name)
    if place.parent == SERVICE_DIRECTORY:
        _expect_service_of(state_dir)
    return place


def _first_socket(*places: Path) -> Path:
    from gateway.status.client import NoStatusError

    place = next(filter(may_exist, places), None)
    if place is None:
        raise NoStatusError(f"no socket at {' or '.join(map(str, places))}")
    return place


def _expect_service_of(state_dir: Path) -> None:
    """Raise NoStatusError if the service uses another state_dir, and therefore another config."""
    from gateway.host.sockets import SERVICE_DIRECTORY
    from gateway.status.client import FILE_NAME, NoStatusError, ask_status
    from gateway.status.report import status_from_json

    service = status_from_json(ask_status(SERVICE_DIRECTORY / FILE_NAME))
    if not service.holds(state_dir):
        raise NoStatusError(
            f"no socket in {state_dir}, the state_dir of this config; the service is running, but "
            f"uses {service.state_dir}"
        )
