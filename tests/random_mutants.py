"""`make test-the-tests RANDOM=10`: random faults in the core, which a module's own tests must find.

Each fault replaces one operator, constant or condition, or removes one statement. It is put into a
copy of the code, where the tests that mirror its module are run. `equivalent_mutants.toml` lists
faults that change nothing that a test could see, with the reason; they are not planted.

    python -m tests.random_mutants [--each N] [--seed N] [MODULE …]
"""

import argparse
import ast
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutants import COPIED, ROOT

#: Files and folders whose faults would lose or change telemetry. The store is not among them.
CORE = (
    *("gateway/bike", "gateway/race", "gateway/sampling", "gateway/telemetry", "gateway/timing"),
    *("gateway/cloud/publisher.py", "gateway/cloud/trials.py", "gateway/cloud/takeovers.py"),
    *("gateway/cloud/pace.py", "gateway/buffer/send_order.py", "drivers/protocols"),
)
#: Modules whose tests are in another place.
TESTS_ELSEWHERE = {
    "drivers/protocols/ant/speed_cadence.py": ("tests/drivers/protocols/ant/test_cadence.py",),
    "gateway/sampling/series.py": ("tests/gateway/sampling/test_sampler.py",),
    "gateway/timing/clock.py": ("tests/contracts/test_clock.py",),
}
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")
#: Up to here, a whole number is taken for a place or a count, which must be exact.
LARGEST_COUNT = 16
#: Processes that test at the same time.
AT_ONCE = 2
#: Tests are given up after this many times the time that they take without a fault, and SLACK_S.
PATIENCE = 3
SLACK_S = 10

OPERATORS: dict[type[ast.AST], type[Any]] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq},
    **{ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn},
    **{ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add},
    **{ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv},
    **{ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr},
    **{ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd},
}


#: A fault in the list of equivalent ones: its file, what was there, and what takes its place.
Change = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class RandomMutant:
    """A fault in `file`: the whole `code`, with `wrong` for `right`, which begins in `line`.

    `right` and `wrong` are whole lines without indentation, which is how a fault is recognized
    when the lines above it change.
    """

    file: str
    line: int
    right: str
    wrong: str
    code: str

    @property
    def change(self) -> Change:
        return self.file, self.right, self.wrong

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.right}  →  {self.wrong}"


def mutants_of(file: str) -> list[RandomMutant]:
    """Return all faults that can be put into a file, equivalent ones among them."""
    code = (ROOT / file).read_text(encoding="utf-8")
    return [_mutant(file, code, node, wrong) for node, wrong in _changes(ast.parse(code))]


def equivalents() -> set[Change]:
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    return {(one["file"], one["right"], one["wrong"]) for one in listed}


def _mutant(file: str, code: str, node: ast.expr | ast.stmt, wrong: str) -> RandomMutant:
    lines = code.encode().splitlines(keepends=True)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    first, last = node.lineno - 1, node.end_lineno - 1
    head, tail = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
    changed = head + wrong.encode() + tail
    right = b"".join(lines[first : last + 1])
    whole = b"".join([*lines[:first], changed, *lines[last + 1 :]]).decode()
    return RandomMutant(file, node.lineno, _in_one_line(right), _in_one_line(changed), whole)


def _in_one_line(lines: bytes) -> str:
    return " ".join(lines.decode().split())


def _changes(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Yield each node that can be changed, with the code that takes its place."""
    for node in _walk(tree):
        match node:
            case ast.If(test=test) | ast.IfExp(test=test):
                yield test, f"(not {_code(test)})"
            case ast.UnaryOp(op=ast.Not() | ast.USub()):
                yield node, _code(node.operand)
            case ast.Constant(value=bool()):
                yield node, str(not node.value)
            case ast.Constant(value=int() | float() as number):
                yield from ((node, str(other)) for other in _other_numbers(number))
            case ast.Compare() | ast.BoolOp() | ast.BinOp() | ast.AugAssign():
                yield from ((node, other) for other in _other_operators(node))
        if isinstance(node, ast.stmt) and _is_removable(node):
            yield node, "pass"


def _other_operators(
    node: ast.Compare | ast.BoolOp | ast.BinOp | ast.AugAssign,
) -> Iterator[str]:
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            ops = [*node.ops[:place], OPERATORS[type(op)](), *node.ops[place + 1 :]]
            yield _code(ast.Compare(node.left, ops, node.comparators))
    elif type(node.op) in OPERATORS:
        fields = {name: getattr(node, name) for name in node._fields}
        other = type(node)(**{**fields, "op": OPERATORS[type(node.op)]()})
        yield ast.unparse(other) if isinstance(node, ast.AugAssign) else _code(other)


def _other_numbers(number: int | float) -> tuple[int | float, int | float]:
    """Return neighbours of a number that counts; a measured one changes to its double and half."""
    if number == 0 or (isinstance(number, int) and number <= LARGEST_COUNT):
        return number + 1, number - 1
    return number * 2, number // 2 if isinstance(number, int) else number / 2


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run, but no types, logging, assertions or parts of f-strings."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_left_alone(child):
                yield from _walk(child)


def _is_left_alone(node: ast.AST) -> bool:
    match node:
        # `frozen` only prevents mistakes, which mypy finds.
        case ast.JoinedStr() | ast.Assert() | ast.keyword(arg="frozen"):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=called))):
            return ast.unparse(called).split(".")[-1].lstrip("_") == "log"
        # `A | B` of types, which only names them.
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.BinOp(op=ast.BitOr())):
            return not name.isupper()
    return False


def _is_removable(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=value):
            return not isinstance(value, ast.Constant)
        # To forget a name changes nothing, and without a local name a function only breaks.
        case ast.Assign(targets=[target]) | ast.Delete(targets=[target, *_]):
            return not isinstance(target, ast.Name | ast.Tuple)
        case ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break():
            return True
        case ast.Return(value=None):
            return True
    return False


def _code(node: ast.AST) -> str:
    return f"({ast.unparse(node)})"


def own_tests(file: str) -> tuple[str, ...]:
    """Return the tests that mirror a module: test_<module>.py and test_<module>_<part>.py."""
    if file in TESTS_ELSEWHERE:
        return TESTS_ELSEWHERE[file]
    source = ROOT / file
    tests = sorted((ROOT / "tests" / file).parent.glob(f"test_{source.stem}*.py"))
    return tuple(
        str(one.relative_to(ROOT))
        for one in tests
        if one.stem == f"test_{source.stem}"
        or (
            one.stem.startswith(f"test_{source.stem}_")
            and not source.with_name(f"{one.stem.removeprefix('test_')}.py").exists()
        )
    )


def core_modules(wanted: Sequence[str]) -> list[str]:
    """Return the modules of the core, or those of them whose paths contain a wanted part."""
    paths = [ROOT / one for one in CORE]
    files = [one for path in paths for one in ([path] if path.is_file() else path.rglob("*.py"))]
    names = sorted(str(one.relative_to(ROOT)) for one in files if one.name != "__init__.py")
    return [name for name in names if not wanted or any(part in name for part in wanted)]


def _try_module(file: str, each: int, seed: int) -> Counter[str]:
    known = equivalents()
    mutants = [one for one in mutants_of(file) if one.change not in known]
    chosen = random.Random(f"{seed} {file}").sample(mutants, min(each, len(mutants)))
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        copy = _copy(Path(directory))
        began_s = time.monotonic()
        if _run(copy, file, None) != 0:
            print(f"{file}: its tests fail without a fault, or there are none", flush=True)
            return Counter(broken=1)
        needed_s = time.monotonic() - began_s
        results: Counter[str] = Counter(tried=0, found=0)
        for mutant in chosen:
            (copy / file).write_text(mutant.code, encoding="utf-8")
            is_missed = _run(copy, file, PATIENCE * needed_s + SLACK_S) == 0
            results.update(tried=1, found=not is_missed)
            if is_missed:
                print(f"MISSED {mutant}", flush=True)
    found, tried = results["found"], results["tried"]
    print(f"{file}: {found} of {tried} found; its tests take {needed_s:.0f} s", flush=True)
    return results


def _copy(directory: Path) -> Path:
    for name in COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, directory / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, directory / name)
    return directory


def _run(copy: Path, file: str, limit_s: float | None) -> int | None:
    """Return the exit code of the tests of a module; None if they took too long.

    The first run, without a limit, compiles what the others import. Those compile nothing, because
    a compiled fault could be taken for the next one, which has the same size and time.
    """
    options = ["-q", "-x", "-p", "no:cacheprovider", "--hypothesis-profile=counterexample"]
    # On a busy computer, 300 examples may take longer than pytest lets a single test take.
    options += ["-m", "not slow", "--timeout=0"]
    command = [sys.executable, "-m", "pytest", *options, *own_tests(file)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if limit_s is None:
        del environment["PYTHONDONTWRITEBYTECODE"]
    else:
        for compiled in (copy / file).parent.glob(f"__pycache__/{Path(file).stem}.*.pyc"):
            compiled.unlink()
    with subprocess.Popen(
        command,
        cwd=copy,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as tests:
        try:
            return tests.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(tests.pid, signal.SIGKILL)
            return None


def main() -> int:
    parser = argparse.ArgumentParser(description="Plant random faults in the core.")
    parser.add_argument("modules", nargs="*", help="parts of the paths of modules; default: all")
    parser.add_argument("--each", type=int, default=10, help="faults per module (10)")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    options = parser.parse_args()
    modules = core_modules(options.modules)
    print(
        f"seed {options.seed}, {options.each} faults in each of {len(modules)} modules", flush=True
    )
    with ThreadPoolExecutor(AT_ONCE) as trials:
        tried = list(trials.map(lambda one: _try_module(one, options.each, options.seed), modules))
    print("\n| module | tried | found |\n|---|---|---|")
    for module, results in zip(modules, tried, strict=True):
        print(f"| `{module}` | {results['tried']} | {results['found']} |")
    total = sum(tried, Counter())
    print(f"\n{total['found']} of {total['tried']} found: {total['found'] / total['tried']:.1%}")
    return 1 if total["broken"] or total["found"] < total["tried"] else 0


if __name__ == "__main__":
    sys.exit(main())
