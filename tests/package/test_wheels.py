"""wheels.txt pins what pyproject.toml asks for; nfpm.yaml asks for the Pythons that are built."""

import re
import tomllib
from itertools import pairwise

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from systemd.package.build import PYTHONS
from tests.package.debian import ROOT

PACKAGE = ROOT / "systemd" / "package"
WHEELS = (PACKAGE / "wheels.txt").read_text(encoding="utf-8")


def pins() -> dict[str, str]:
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==([\w.]+) \\$", WHEELS))


def test_every_runtime_dependency_is_pinned_to_a_version_it_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    # An ANT stick works without a network, too: its extra is small.
    packaged = project["dependencies"] + project["optional-dependencies"]["ant"]
    for dependency in map(Requirement, packaged):
        version = pins().get(canonicalize_name(dependency.name))
        assert version is not None, f"{dependency.name}: make wheels"
        assert dependency.specifier.contains(version), f"{dependency} {version}"


def test_every_pin_has_its_hashes() -> None:
    entries = re.split(r"(?m)^(?=[a-z0-9])", WHEELS)[1:]
    assert len(entries) == len(pins())
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_package_wants_the_pythons_it_is_built_for() -> None:
    recipe = (PACKAGE / "nfpm.yaml").read_text()
    minors = [int(python.removeprefix("3.")) for python in PYTHONS]
    wanted = [
        f"python3 (>= 3.{minors[0]})",
        *(f"python3 (<< 3.{low + 1}) | python3 (>= 3.{high})" for low, high in pairwise(minors)),
        f"python3 (<< 3.{minors[-1] + 1})",
    ]
    assert re.findall(r"- (python3 .*)", recipe) == wanted
