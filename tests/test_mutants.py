"""The seeded faults still fit the code; that the tests find them: `make test-the-tests`."""

import pytest

from tests.mutants import MUTANTS, ROOT, Mutant, mutated


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_changes_the_code_and_names_tests_that_exist(mutant: Mutant) -> None:
    code = (ROOT / mutant.file).read_text(encoding="utf-8")
    changed = mutated(mutant, code)
    if mutant.file.endswith(".py"):
        compile(changed, mutant.file, "exec")
    assert (ROOT / mutant.tests).exists()
