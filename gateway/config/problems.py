"""Problems of a config in words: the key, what is wrong, and what was expected."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.host.errors import BAD_CONFIG, GatewayError
from gateway.terminal.printable import one_line

#: Characters. A longer value is not repeated in a message: it may be a pasted private key.
SHOWN_MAX = 80
#: The patterns of a thing's name and a bike's id, and of a topic.
NAME_PATTERN = r"^[a-zA-Z0-9:_-]+$"
TOPIC_PATTERN = r"^[^#+\x00-\x1f\x7f-\x9f\ufffe\uffff]+$"

#: The beginning of pydantic's messages.
_PYDANTIC = re.compile(r"^(Input|String|List|Tuple|Value) should (be|have) ")

#: Plain words for what was expected, by pydantic's type of the error.
_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a table",
    "model_type": "a table",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_type": "text in quotes",
}
#: Plain words for the patterns of the config.
_PATTERNS = {
    NAME_PATTERN: "only letters, digits and : _ -",
    TOPIC_PATTERN: "a topic without +, # or control characters",
}
#: User and password in a URL, which are not repeated.
_PASSWORD = re.compile(r"://.*@")


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of the config. `what` names what is wrong and what was expected.

    `variable`: the environment variable that the value comes from; empty if it is from the file.
    """

    key: str
    what: str
    variable: str = ""

    @property
    def place(self) -> str:
        """Where the value is to be corrected."""
        return f"environment variable {self.variable}" if self.variable else self.key


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """A valid setting that may have an unexpected effect. `what` names the effect."""

    key: str
    what: str
    remedy: str


class ConfigError(GatewayError):
    """The config cannot be used. The text lists every problem with its key."""

    exit_code = BAD_CONFIG

    def __init__(self, file: Path, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        places = f"{file}" + any(one.variable for one in problems) * " and the environment"
        lines = [f"{places}: {len(problems)} problem{'s' if len(problems) > 1 else ''}"]
        lines += [f"  {one_line(f'{one.place}: {one.what}')}" for one in problems]
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
    message = _expectation(details)
    if details["type"] == "list_type" and isinstance(details["input"], dict):
        return Problem(key, f"got a single table; write [[{key}]] instead of [{key}]")
    given = details["input"]
    is_short = isinstance(given, str | int | float | bool) and len(str(given)) <= SHOWN_MAX
    if is_short and not _PASSWORD.search(str(given)):
        return Problem(key, f"got {given!r}; {message}")
    return Problem(key, message)


def _expectation(details: ErrorDetails) -> str:
    """Return what was expected, in plain words where pydantic's own are hard to understand."""
    message = details["msg"].removeprefix("Value error, ")
    context = details.get("ctx", {})
    words = _EXPECTED.get(details["type"])
    if details["type"] == "string_pattern_mismatch":
        words = _PATTERNS.get(context["pattern"])
    if words is not None:
        return f"expected {words.format(**context)}"
    message = _PYDANTIC.sub("expected ", message)
    return f"{message[0].lower()}{message[1:]}"


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
