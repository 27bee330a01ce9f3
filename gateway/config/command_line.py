"""Commands for the user to paste: with the config that they need, and with sudo if needed."""

import os
from pathlib import Path

#: The config of the installed service, and the default of most commands.
SERVICE_CONFIG = Path("/etc/alleycat-gateway/gateway.toml")
#: Whether root runs this command, but not by sudo. It is read at the start, because a command may
#: become the service's user.
IS_ROOT_ITSELF = os.geteuid() == 0 and "SUDO_UID" not in os.environ


def is_service_config(file: Path) -> bool:
    return file == SERVICE_CONFIG


def command_line(words: str, file: Path) -> str:
    """Return the command `words`, such as "check", for the config `file`."""
    return root_command_line(words, file) if needs_sudo(file) else _command_line(words, file)


def root_command_line(words: str, file: Path) -> str:
    """Return the command `words` for the config `file`, to be run as root."""
    return f"sudo {_command_line(words, file)}"


def _command_line(words: str, file: Path) -> str:
    import shlex  # noqa: PLC0415 only advice needs it: --help stays quick

    option = "" if is_service_config(file) else f" --config {shlex.quote(str(file))}"
    return f"alleycat-gateway {words}{option}"


def needs_sudo(file: Path) -> bool:
    """Return whether only root can write and read the config, or it was sudo that ran this command.

    Root itself needs none, and its system may have none.
    """
    return not IS_ROOT_ITSELF and (
        os.geteuid() == 0
        or not os.access(file.parent, os.W_OK)
        or (file.exists() and not os.access(file, os.R_OK))
    )
