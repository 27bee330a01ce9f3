"""Problems of a config in words: the key, what is wrong, and what was expected."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.host.errors import BAD_CONFIG, GatewayError

#: Characters. A longer value is not repeated in a message: it may be a pasted private key.
SHOWN_MAX = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of the config. `what` names what is wrong and what was expected."""

    key: str
    what: str


class ConfigError(GatewayError):
    """The config cannot be used. The text lists every problem with its key."""

    exit_code = BAD_CONFIG

    def __init__(self, file: Path, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        lines = [f"{file}: {len(problems)} problem{'s' if len(problems) > 1 else ''}"]
        lines += [f"  {problem.key}: {problem.what}" for problem in problems]
        super().__init__("\n".join(lines))


def problems_of(error: ValidationError, model: type[BaseModel], prefix: str = "") -> list[Problem]:
    """Convert pydantic's errors about a `model` to problems; keys begin with `prefix`."""
    return [_problem(details, model, prefix) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails, model: type[BaseModel], prefix: str) -> Problem:
    key = prefix
    for part in details["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    if details["type"] == "extra_forbidden":
        return Problem(key, unknown_key(details["loc"], model))
    if details["type"] == "missing":
        return Problem(key, "missing; expected a value, see config/gateway.toml")
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] == "list_type" and isinstance(details["input"], dict):
        return Problem(
            key, f"is one table; expected a list of tables: write [[{key}]], not [{key}]"
        )
    given = details["input"]
    if isinstance(given, str | int | float | bool) and len(str(given)) <= SHOWN_MAX:
        return Problem(key, f"got {given!r}; {message[0].lower()}{message[1:]}")
    return Problem(key, message)


def unknown_key(loc: tuple[int | str, ...], model: type[BaseModel]) -> str:
    """Describe the key at `loc`, which `model` does not have, and suggest a similar one."""
    known = _keys_at(loc[:-1], model)
    near = difflib.get_close_matches(str(loc[-1]), known, n=1)
    if near:
        return f"unknown key; did you mean {near[0]!r}?"
    return f"unknown key; expected one of: {', '.join(known)}"


def _keys_at(loc: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """Return the keys that the table at `loc` may have."""
    for part in loc:
        if isinstance(part, str) and part in model.model_fields:
            model = _table_type(model.model_fields[part].annotation)
    return sorted(model.model_fields)


def _table_type(annotation: Any) -> type[BaseModel]:
    """Return the model inside `Model` or `list[Model]`."""
    arguments = getattr(annotation, "__args__", ())
    table: type[BaseModel] = arguments[0] if arguments else annotation
    return table
