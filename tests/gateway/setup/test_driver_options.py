"""Options on the command line: TOML where it can be, text where it cannot."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from drivers import DriverOptions
from gateway.setup.driver_options import (
    DriverOptionsError,
    expected_options,
    merged,
    options_error,
    parsed_options,
)


class Nested(BaseModel):
    depth: int = 1


class Options(DriverOptions):
    port: int = Field(gt=0)
    host: str = "localhost"
    wire: Literal["a", "b"] = "a"
    scale: float | None = None
    file: Path | None = None
    is_loud: bool = False
    nested: Nested = Nested()
    names: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("assignment", "options"),
    [
        ("port=4000", {"port": 4000}),
        ("scale=0.5", {"scale": 0.5}),
        ("loud=true", {"loud": True}),
        ("host=127.0.0.1", {"host": "127.0.0.1"}),
        ("address=C0:FF:EE:12:34:56", {"address": "C0:FF:EE:12:34:56"}),
        ("file=/tmp/a = b.jsonl", {"file": "/tmp/a = b.jsonl"}),
        ('name="4000"', {"name": "4000"}),
        ("name=", {"name": ""}),
        ('name=Émile\'s "bike"', {"name": 'Émile\'s "bike"'}),
        ("names=['a', 'b']", {"names": ["a", "b"]}),
        ("faults.at_s=5", {"faults": {"at_s": 5}}),
    ],
)
def test_option_is_parsed_as_toml_or_text(assignment: str, options: object) -> None:
    assert parsed_options([assignment]) == options


def test_options_of_one_table_are_joined() -> None:
    assert parsed_options(["a.b=1", "c=2", "a.d=3"]) == {"a": {"b": 1, "d": 3}, "c": 2}


@pytest.mark.parametrize("assignment", ["port", "=4000", "a b=1", ""])
def test_option_that_is_no_assignment_is_refused(assignment: str) -> None:
    with pytest.raises(DriverOptionsError, match="expected KEY=VALUE, such as --option port=4000"):
        parsed_options([assignment])


def test_option_given_twice_is_refused() -> None:
    with pytest.raises(DriverOptionsError, match="port=1, port=2 contradict each other"):
        parsed_options(["port=1", "port=2"])


def test_merged_options_keep_the_other_keys_of_a_table() -> None:
    old = {"seed": 1, "faults": {"a": 1, "b": 2}}
    assert merged(old, {"faults": {"b": 3}}) == {"seed": 1, "faults": {"a": 1, "b": 3}}
    assert merged(old, {"faults": 4, "new": 5}) == {"seed": 1, "faults": 4, "new": 5}


def test_error_names_option_and_value_and_lists_what_the_driver_expects() -> None:
    with pytest.raises(ValidationError) as invalid:
        Options.model_validate({"port": "x", "hots": 1})
    lines = str(options_error(invalid.value, "udp", Options)).splitlines()
    assert lines == [
        "driver 'udp': option port: got 'x'; expected a whole number",
        "driver 'udp': option hots: unknown key; did you mean 'host'?",
        "driver 'udp' expects: port (whole number, required), host (text, default \"localhost\"), "
        "wire ('a' or 'b', default \"a\"), scale (number), file (file), "
        "is_loud (true or false, default false), nested (table: depth), names (list)",
    ]


def test_driver_without_options_is_described() -> None:
    assert expected_options("plain", DriverOptions) == "driver 'plain' has no options"
