"""The drawing of all errors in gateway/host/errors.py, against the classes themselves."""

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from textwrap import dedent

import pytest

import gateway
from gateway.host import errors
from gateway.host.errors import GatewayError


@pytest.fixture(scope="module")
def modules() -> list[str]:
    """All of the gateway's, imported; but __main__, which would run it."""
    found = [
        module.name
        for module in pkgutil.walk_packages(gateway.__path__, "gateway.")
        if not module.name.endswith("__main__")
    ]
    for name in found:
        import_module(name)
    return found


def drawn(error: type[GatewayError], depth: int = 0) -> Iterator[str]:
    name = "    " * depth + error.__name__
    place = error.__module__.removeprefix("gateway.").replace(".", "/") + ".py"
    is_its_own = "exit_code" in getattr(error.__init__, "__annotations__", {})
    code = "any" if is_its_own else str(error.exit_code)
    yield f"{name:<28}{code:>4}  {place}"
    for below in sorted(error.__subclasses__(), key=lambda one: one.__name__):
        if below.__module__.startswith("gateway."):
            yield from drawn(below, depth + 1)


def test_error_tree_in_docstring_is_that_of_the_classes(modules: list[str]) -> None:
    del modules
    assert errors.__doc__ is not None
    begin = errors.__doc__.index("    GatewayError ")
    drawing = dedent(errors.__doc__[begin:].partition("\n\n")[0])
    assert drawing.splitlines() == list(drawn(GatewayError))


def test_class_named_error_is_a_gateway_error(modules: list[str]) -> None:
    """Others that are raised steer a dialogue, and do not leave it."""
    named = {
        cls
        for module in modules
        for name, cls in vars(import_module(module)).items()
        if inspect.isclass(cls) and cls.__module__ == module and name.endswith("Error")
    }
    assert [cls for cls in named if not issubclass(cls, GatewayError)] == []
