"""Every module has its tests, can be read at one sitting, and is named as no other."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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


def is_tested(module: str) -> bool:
    """Return whether there is a test file of its own, or one near that which imports it."""
    own_test = (TESTS / module).with_name(f"test_{Path(module).name}")
    near = [*own_test.parent.rglob("test_*.py"), *(TESTS / "contracts").glob("test_*.py")]
    return own_test.is_file() or any(dotted(module) in imports(test) for test in near)


def test_module_with_code_is_tested_in_the_same_place() -> None:
    # The others have values, constants, declarations: nothing that could go wrong.
    with_code = [module for module in MODULES if any(map(does_something, functions(module)))]
    untested = [module for module in with_code if not is_tested(module)]
    assert not untested, (
        "neither the test file of the same name, nor one next to it, below it or in "
        f"tests/contracts, imports: {untested}"
    )


def test_console_is_the_one_that_prints_foreign_text_harmlessly() -> None:
    ours = "gateway/terminal/console.py"
    raw = [
        module
        for module in MODULES
        if module != ours
        and any(
            isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Console")
            for node in ast.walk(parse(ROOT / module))
        )
        and "gateway.terminal.console.Console" not in imports(ROOT / module)
    ]
    assert not raw, f"these create a Console of rich; expected that of {ours}: {raw}"


def test_module_is_short() -> None:
    lines = {
        module: len((ROOT / module).read_text(encoding="utf-8").splitlines()) for module in MODULES
    }
    long = {module: count for module, count in lines.items() if count >= MODULE_LINES}
    assert not long, f"{MODULE_LINES} lines or more: {long}"


def test_function_is_short() -> None:
    long = {
        f"{module}: {function.name}": lines
        for module in MODULES
        for function in functions(module)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    }
    assert not long, f"longer than {FUNCTION_LINES} lines: {long}"


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
