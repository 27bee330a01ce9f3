"""`--fake-bike`: a simulated bike for every verb of `calibrate`, with a calibration of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import fail
from gateway.host.errors import FAILED

if TYPE_CHECKING:
    from collections.abc import Callable

FakeOption = Annotated[
    bool,
    typer.Option(
        "--fake-bike",
        help="Use a simulated bike, whose knob turns by itself; needs no config, and keeps its "
        "calibration apart from those of real bikes.",
    ),
]
#: The name of a second sensor that reports the fake bike's true values, with `--fake-bike`.
FAKE = "fake"
#: The first message of a session with a fake bike.
MADE_UP = "simulated bike: its calibration is kept apart from those of real bikes"

_CONFIG = """\
# Written by `alleycat-gateway calibrate --fake-bike`.
state_dir = "."

[[bikes]]
id = {bike}
racer_id = 0
racer_name = "Rider"
class_id = 1
driver = "fake"
"""


def fake_directory() -> Path:
    """Return the directory of the files of fake bikes; create it. It belongs to this user."""
    import os

    state_home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    directory = state_home / "alleycat-gateway" / "fake-bike"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(
            f"cannot create {directory}: {error.strerror}; set XDG_STATE_HOME to a directory that "
            "you can write to",
            FAILED,
        )
    return directory


def config_with(bike: str, config: Path, *, fake_bike: bool) -> Path:
    """Return the config that contains the bike: for a fake one, a file that is written now."""
    import json

    if not fake_bike:
        return config
    file = fake_directory() / "gateway.toml"
    try:
        file.write_text(_CONFIG.format(bike=json.dumps(bike)), encoding="utf-8")
    except OSError as error:
        fail(
            f"cannot write {file}: {error.strerror}; set XDG_STATE_HOME to a directory that "
            "you can write to",
            FAILED,
        )
    return file


def command_for(config: Path, *, fake_bike: bool) -> "Callable[[str], str]":
    """Return a function that completes a command so that it means the same bike."""
    from functools import partial

    from gateway.config.command_line import command_line

    if fake_bike:
        return "alleycat-gateway {} --fake-bike".format
    return partial(command_line, file=config)
