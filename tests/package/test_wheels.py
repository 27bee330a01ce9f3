"""wheels.txt pins what the tests use, tools.txt what builds the package; nfpm.yaml fits both."""

import re
import tomllib
from itertools import pairwise

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from systemd.package.build import PYTHONS
from tests.package.debian import ROOT

PACKAGE = ROOT / "systemd" / "package"
PINNED = ("wheels.txt", "tools.txt")
WHEELS, TOOLS = ((PACKAGE / name).read_text(encoding="utf-8") for name in PINNED)
CONSTRAINTS = (ROOT / ".ci/constraints.txt").read_text(encoding="utf-8")


def pins(text: str = WHEELS) -> dict[str, str]:
    """The versions in a file of requirements, by package."""
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==([\w.]+)(?: [;\\].*)?$", text))


def test_every_runtime_dependency_is_pinned_to_a_version_it_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    # An ANT stick works without a network, too: its extra is small.
    packaged = project["dependencies"] + project["optional-dependencies"]["ant"]
    for dependency in map(Requirement, packaged):
        version = pins().get(canonicalize_name(dependency.name))
        assert version is not None, f"{dependency.name}: make wheels"
        assert dependency.specifier.contains(version), f"{dependency} {version}"


def test_the_package_contains_the_versions_that_the_tests_use() -> None:
    tested = pins(CONSTRAINTS)
    other = {name: (pin, tested.get(name)) for name, pin in pins().items()}
    assert {name: both for name, both in other.items() if both[0] != both[1]} == {}, "make wheels"


@pytest.mark.parametrize("file", PINNED)
def test_every_pin_has_its_hashes(file: str) -> None:
    text = (PACKAGE / file).read_text(encoding="utf-8")
    entries = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]
    assert len(entries) == len(pins(text)) > 0
    assert all("--hash=sha256:" in entry for entry in entries)


def test_every_tool_is_pinned() -> None:
    named = re.findall(r"(?m)^[a-z]+$", (PACKAGE / "tools.in").read_text(encoding="utf-8"))
    assert {"hatchling", "nfpm", "uv"} == set(named) <= set(pins(TOOLS)), "make wheels"
    assert pins(TOOLS)["hatchling"] == pins(CONSTRAINTS)["hatchling"], "make wheels"


def test_the_package_wants_the_pythons_it_is_built_for() -> None:
    recipe = (PACKAGE / "nfpm.yaml").read_text()
    minors = [int(python.removeprefix("3.")) for python in PYTHONS]
    wanted = [
        f"python3 (>= 3.{minors[0]})",
        *(f"python3 (<< 3.{low + 1}) | python3 (>= 3.{high})" for low, high in pairwise(minors)),
        f"python3 (<< 3.{minors[-1] + 1})",
    ]
    assert re.findall(r"- (python3 .*)", recipe) == wanted
