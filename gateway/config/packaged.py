"""The location of the files of config/, in a checkout or in an installed wheel."""

import sys
from pathlib import Path


def config_path(name: str) -> Path:
    """Return the path of a shipped file by its name in config/, such as "aws/template.yaml".

    Raises FileNotFoundError if it is in neither place.
    """
    places = (
        Path(__file__).parents[2] / "config",
        # This is the target of `shared-data` in pyproject.toml.
        Path(sys.prefix) / "share" / "alleycat-gateway" / "config",
    )
    for place in places:
        if (place / name).is_file():
            return place / name
    raise FileNotFoundError(
        f"{name}, a file shipped with alleycat-gateway, is missing: it is neither in "
        f"{places[0]} nor in {places[1]}; reinstall alleycat-gateway"
    )
