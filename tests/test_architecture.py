"""Every module has its tests, can be read at one sitting, and is named as no other."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
MODULES = sorted(
    str(path.relative_to(ROOT))
    for package in ("gateway", "drivers")
    for path in (ROOT / package).rglob("*.py")
)

FOLDER_MODULES = 20
MODULE_LINES = 400
FUNCTION_LINES = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(module: str) -> Iterator[Function]:
    for node in ast.walk(parse(ROOT / module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def does_something(function: Function) -> bool:
    """Return whether it is more than a declaration, such as a method of a Protocol."""
    return not all(
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        for statement in function.body
    )


@cache
def imports(path: Path) -> set[str]:
    """Return the dotted name of each module that the file imports, and of what it takes of them."""
    names = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def dotted(module: str) -> str:
    return module.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


@pytest.mark.parametrize("module", MODULES)
def test_module_with_code_has_its_test_file_or_is_tested_by_a_neighbour(module: str) -> None:
    if not any(map(does_something, functions(module))):
        return  # values, constants, declarations: nothing that could go wrong
    own_test = (TESTS / module).with_name(f"test_{Path(module).name}")
    neighbours = [*own_test.parent.rglob("test_*.py"), *(TESTS / "contracts").glob("test_*.py")]
    assert own_test.is_file() or any(dotted(module) in imports(test) for test in neighbours), (
        f"{module} has no {own_test.relative_to(ROOT)}, and no test file next to that, below it or "
        f"in tests/contracts imports {dotted(module)}"
    )


@pytest.mark.parametrize("module", MODULES)
def test_module_is_short(module: str) -> None:
    lines = len((ROOT / module).read_text(encoding="utf-8").splitlines())
    assert lines < MODULE_LINES, f"{module} has {lines} lines"


@pytest.mark.parametrize("module", MODULES)
def test_function_is_short(module: str) -> None:
    long = [
        f"{function.name}: {lines} lines"
        for function in functions(module)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    ]
    assert not long, f"{module}: longer than {FUNCTION_LINES} lines: {long}"


def test_folder_has_few_modules() -> None:
    counts = Counter(
        str(Path(module).parent) for module in MODULES if not module.endswith("__init__.py")
    )
    full = {folder: count for folder, count in counts.items() if count > FOLDER_MODULES}
    assert not full, f"more than {FOLDER_MODULES} modules: {full}"


def test_module_name_does_not_repeat_its_package() -> None:
    repeating = [
        module for module in MODULES if Path(module).stem.startswith(f"{Path(module).parent.name}_")
    ]
    assert not repeating, f"leave out the package's name: {repeating}"


def test_class_name_occurs_once() -> None:
    modules_by_class = defaultdict(list)
    for module in MODULES:
        for node in ast.walk(parse(ROOT / module)):
            if isinstance(node, ast.ClassDef):
                modules_by_class[node.name.lstrip("_")].append(module)
    shared = {name: modules for name, modules in modules_by_class.items() if len(modules) > 1}
    assert not shared, "classes of the same name:\n" + "\n".join(
        f"  {name}: {', '.join(modules)}" for name, modules in sorted(shared.items())
    )
