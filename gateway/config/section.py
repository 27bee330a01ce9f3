"""What the tables of the config have in common."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _a_path(value: object) -> object:
    """Refuse a key pasted in place of its path, without repeating it in the error message."""
    if isinstance(value, str) and ("\n" in value or "-----" in value):
        raise ValueError("this is the content of a PEM file; expected the path of the file")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a path cannot contain a NUL character")
    return value


AnyPath = Annotated[Path, BeforeValidator(_a_path)]
