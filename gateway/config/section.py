"""What the tables of the config have in common."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


#: Limits of a path, and of a name in it, in bytes: path_resolution(7), ext4(5).
_PATH_MAX_BYTES, _NAME_MAX_BYTES = 4095, 255


def checked_path(value: object) -> object:
    """Refuse what cannot be a path, such as a key pasted in its place. Raises ValueError.

    The error message does not repeat the value.
    """
    if isinstance(value, str) and ("\n" in value or "-----" in value):
        raise ValueError("this is the content of a PEM file; expected the path of the file")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a path cannot contain a NUL character")
    if isinstance(value, str) and _is_too_long(os.fsencode(value)):
        raise ValueError(
            f"this path is too long for the system; expected at most {_PATH_MAX_BYTES} bytes, and "
            f"{_NAME_MAX_BYTES} in each name between slashes"
        )
    return value


def _is_too_long(path: bytes) -> bool:
    longest = max(map(len, path.split(b"/")))
    return len(path) > _PATH_MAX_BYTES or longest > _NAME_MAX_BYTES


AnyPath = Annotated[Path, BeforeValidator(checked_path)]
