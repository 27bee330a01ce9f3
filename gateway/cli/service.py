"""The installed service: its config, the state_dir of a config, and what the service sees."""

from pathlib import Path

from gateway.cli.exits import fail
from gateway.host.errors import BAD_CONFIG

SERVICE_CONFIG = Path("/etc/alleycat-gateway/gateway.toml")
USER = "alleycat-gateway"
#: What the unit gives it beside its own: SupplementaryGroups=.
MORE_GROUPS = ("dialout",)


def become_service(user: str = USER) -> None:
    """As root, go on as the service's user: root may read what the service may not.

    Does nothing for anybody else, or where there is no such user.
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
    """As `run` would find it, whatever else is wrong with the config: the network may be, too.

    Without a config, the default. Ends the command with words if there is none.
    """
    import os
    import tomllib

    from gateway.config.schema import Config

    found: object = Config.model_fields["state_dir"].default
    if config is not None:
        try:
            found = tomllib.loads(config.read_text(encoding="utf-8-sig")).get("state_dir", found)
        except PermissionError:
            fail(f"{config} may not be read by you: put sudo before the command", BAD_CONFIG)
        except OSError as error:
            fail(f"{config}: {error.strerror}; expected a TOML file", BAD_CONFIG)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            fail(f"{config}: not TOML: {error}", BAD_CONFIG)
    found = os.environ.get("ALLEYCAT_STATE_DIR", found)
    if not isinstance(found, str | Path):
        fail(f"{config}: state_dir: got {found!r}; expected a path", BAD_CONFIG)
    return Path.cwd() / found if config is None else config.absolute().parent / found
