"""Which state_dir a command means."""

from pathlib import Path

from gateway.cli.exits import fail
from gateway.host.errors import BAD_CONFIG


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
