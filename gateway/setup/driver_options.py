"""A driver's options on the command line: KEY=VALUE, and in words what a driver expects. Pure."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from drivers import DriverOptions
from gateway.config.file import parsed_toml
from gateway.config.problems import problems_of
from gateway.host.errors import USAGE, GatewayError

_KINDS = {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "file"}


class DriverOptionsError(GatewayError):
    """An option is not written as KEY=VALUE, or is not what the driver expects."""

    exit_code = USAGE


def parsed_options(assignments: Sequence[str]) -> dict[str, Any]:
    """Return the options of assignments such as "port=4000" and "faults.vanish_at_s=5".

    A value is TOML, or else text: quotes are only needed for text that looks like a number, true
    or false. Raises DriverOptionsError.
    """
    lines = "\n".join(map(_toml_line, assignments))
    try:
        return parsed_toml(lines)
    except ValueError:
        given = ", ".join(assignments)
        raise DriverOptionsError(
            f"the options {given} contradict each other; expected each key once"
        ) from None


def merged(options: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` with the changes, also inside their tables."""
    return {**options, **{key: _changed(options.get(key), new) for key, new in changes.items()}}


def options_error(
    error: ValidationError, driver: str, options_type: type[DriverOptions]
) -> DriverOptionsError:
    """Return pydantic's error about the options of a driver in words, with what it expects."""
    problems = [
        f"driver {driver!r}: {f'option {one.key}' if one.key else 'options'}: "
        + one.what.removesuffix(", see config/gateway.toml")
        for one in problems_of(error, options_type)
    ]
    return DriverOptionsError("\n".join((*problems, expected_options(driver, options_type))))


def expected_options(driver: str, options_type: type[DriverOptions]) -> str:
    """Return one line that lists the options of a driver with their types and defaults."""
    fields = options_type.model_fields.items()
    required = [_described(name, field) for name, field in fields if field.is_required()]
    others = [_described(name, field) for name, field in fields if not field.is_required()]
    if not fields:
        return f"driver {driver!r} has no options"
    return f"driver {driver!r} expects: {', '.join(required + others)}"


def _changed(old: Any, new: Any) -> Any:
    return merged(old, new) if isinstance(old, Mapping) and isinstance(new, Mapping) else new


def _toml_line(assignment: str) -> str:
    key, equals, value = assignment.partition("=")
    if equals:
        for line in (f"{key} = {value}", f"{key} = {json.dumps(value, ensure_ascii=False)}"):
            try:
                parsed_toml(line)
            except ValueError:
                continue
            return line
    raise DriverOptionsError(
        f"--option {assignment}: expected KEY=VALUE, such as --option port=4000"
    )


def _described(name: str, field: FieldInfo) -> str:
    kind = _kind(field.annotation)
    if field.is_required():
        return f"{name} ({kind}, required)"
    default = field.default
    is_plain = isinstance(default, str | int | float)
    return f"{name} ({kind}, default {json.dumps(default)})" if is_plain else f"{name} ({kind})"


def _kind(annotation: Any) -> str:
    """Return a type in the words of the other messages about a config."""
    if get_origin(annotation) is Literal:
        return " or ".join(map(repr, get_args(annotation)))
    if get_origin(annotation) in (Union, UnionType):
        kinds = [_kind(one) for one in get_args(annotation) if one is not NoneType]
        return " or ".join(kinds)
    if annotation in _KINDS:
        return _KINDS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"table: {', '.join(annotation.model_fields)}"
    return "list" if get_origin(annotation) in (list, tuple) else "value"
