"""Where the files of config/ lie: in a checkout, and in an installed wheel."""

import sys
from pathlib import Path


def config_path(name: str) -> Path:
    """The shipped file `name`, relative to config/, such as "aws/template.yaml".

    Raises FileNotFoundError when it is in neither place.
    """
    places = (
        Path(__file__).parents[2] / "config",
        # The target of `shared-data` in pyproject.toml.
        Path(sys.prefix) / "share" / "alleycat-gateway" / "config",
    )
    for place in places:
        if (place / name).is_file():
            return place / name
    raise FileNotFoundError(
        f"{name} is not among the files shipped with alleycat-gateway: it is neither in "
        f"{places[0]} nor in {places[1]}; reinstall alleycat-gateway"
    )
