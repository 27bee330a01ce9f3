"""Commands for the user to paste: with the config that they need, and with sudo where it is."""

import os
from pathlib import Path

#: The config of the installed service, and the default of most commands.
SERVICE_CONFIG = Path("/etc/alleycat-gateway/gateway.toml")


def is_service_config(file: Path) -> bool:
    return file == SERVICE_CONFIG


def command_line(words: str, file: Path) -> str:
    """Return the command `words`, such as "check", for the config `file`."""
    import shlex  # noqa: PLC0415 only advice needs it: --help stays quick

    sudo = "sudo " if needs_sudo(file) else ""
    option = "" if is_service_config(file) else f" --config {shlex.quote(str(file))}"
    return f"{sudo}alleycat-gateway {words}{option}"


def needs_sudo(file: Path) -> bool:
    """Return whether only root can write and read the config, or root is who asks."""
    return (
        os.geteuid() == 0
        or not os.access(file.parent, os.W_OK)
        or (file.exists() and not os.access(file, os.R_OK))
    )
