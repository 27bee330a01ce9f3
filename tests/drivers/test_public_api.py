"""Authors of drivers import from `drivers` alone, and find everything there, with its types."""

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hatchling.builders.wheel import WheelBuilder

import drivers.testing
from drivers import contract, discovery

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "example-driver"


@pytest.mark.parametrize(
    ("file", "package"), [("udp_bike.py", drivers), ("test_udp_bike.py", drivers.testing)]
)
def test_the_example_driver_imports_public_names_alone(file: str, package: ModuleType) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse((EXAMPLE / file).read_text())):
        if isinstance(node, ast.Import):
            modules = {alias.name.partition(".")[0] for alias in node.names}
            assert modules.isdisjoint({"drivers", "gateway"}), ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module == package.__name__:
                imported |= {alias.name for alias in node.names}
                continue
            assert not module.startswith(("drivers.", "gateway")), ast.unparse(node)
    assert imported
    assert imported <= set(package.__all__)


def test_the_gateway_runs_without_pytest() -> None:
    code = "import gateway.daemon, drivers.registry, sys; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("module", [contract, discovery])
def test_every_name_of_the_driver_contract_is_public(module: object) -> None:
    own = {
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == getattr(module, "__name__", "")
        and not name.startswith("_")
    }
    assert own
    assert own <= set(drivers.__all__)


@pytest.mark.parametrize("package", ["drivers", "gateway"])
def test_the_wheel_marks_the_package_as_typed(package: str) -> None:
    files = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert f"{package}/py.typed" in files
