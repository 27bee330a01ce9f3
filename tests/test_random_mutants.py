"""The random faults: which there are, and that those listed as equivalent still fit the code."""

import ast
from pathlib import Path

import pytest

from tests import random_mutants
from tests.mutants import ROOT
from tests.random_mutants import core_modules, equivalents, mutants_of, own_tests


def wrongs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> list[str]:
    """Return the faults of a module with this code, as the lines that take its place."""
    (tmp_path / "module.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(random_mutants, "ROOT", tmp_path)
    return [one.wrong for one in mutants_of("module.py")]


@pytest.mark.parametrize(
    ("code", "faults"),
    [
        ("a < b", ["(a <= b)", "pass"]),
        ("x = a is None and b", ["x = (a is None or b)", "x = (a is not None) and b"]),
        ("x = a - 3", ["x = (a + 3)", "x = a - 4", "x = a - 2"]),
        ("LIMIT = 60", ["LIMIT = 120", "LIMIT = 30"]),
        ("LIMIT_S = 0.5", ["LIMIT_S = 1.0", "LIMIT_S = 0.25"]),
        ("x = not y", ["x = (y)"]),
        ("f(is_live=True)", ["pass", "f(is_live=False)"]),
        ("self.x = y", ["pass"]),
        ("count += n", ["count -= n", "pass"]),
        ("raise ValueError", ["pass"]),
        ("x = a if b else c", ["x = a if (not (b)) else c"]),
        ('"é"; f(1)', ['"é"; pass', '"é"; f(2)', '"é"; f(0)']),
    ],
)
def test_fault_changes_an_operator_a_number_or_a_condition_or_removes_a_statement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, faults: list[str]
) -> None:
    assert sorted(wrongs(tmp_path, monkeypatch, code)) == sorted(faults)


@pytest.mark.parametrize(
    "code",
    [
        'log.info("sent", seconds=3)',
        'self._log.info("sent", seconds=3)',
        '"""A docstring of 3 lines."""',
        "x: int | None",
        "Value = int | str",
        "assert a < 3",
        'x = f"{3:02}"',
    ],
)
def test_types_logging_assertions_and_texts_have_no_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    assert wrongs(tmp_path, monkeypatch, code) == []


def test_each_fault_of_a_module_compiles_and_changes_its_code() -> None:
    file = "gateway/sampling/constant.py"
    original = ast.dump(ast.parse((ROOT / file).read_text(encoding="utf-8")))
    for mutant in mutants_of(file):
        assert ast.dump(ast.parse(mutant.code)) != original, str(mutant)


def test_core_modules_have_tests_of_their_own() -> None:
    modules = core_modules([])
    assert "gateway/cloud/publisher.py" in modules
    for file in modules:
        assert own_tests(file), f"{file} has no tests of its own"
        assert all((ROOT / one).is_file() for one in own_tests(file))


def test_tests_of_a_module_are_not_those_of_another_with_a_longer_name() -> None:
    assert own_tests("gateway/bike/bike.py") == ("tests/gateway/bike/test_bike.py",)


def test_equivalent_faults_can_be_planted_and_have_a_reason() -> None:
    listed = equivalents()
    possible = {one.change for file, _, _ in listed for one in mutants_of(file)}
    assert listed - possible == set()
