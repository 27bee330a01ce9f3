"""Every module has its test file and stays small enough to be read at one sitting."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    str(path.relative_to(ROOT))
    for package in ("gateway", "drivers")
    for path in (ROOT / package).rglob("*.py")
)

MODULE_LINES = 400
FUNCTION_LINES = 40

#: Modules without a test file of their own, and where they are tested instead.
ELSEWHERE = {
    "drivers/ble/session.py": "tests/drivers/ble/test_driver.py",
    "drivers/contract.py": "tests/contracts/test_driver.py",
    "drivers/discovery.py": "a contract: tests/gateway/cli/test_scan.py",
    "drivers/protocols/__init__.py": "tests/captures/test_captures.py",
    "drivers/protocols/base.py": "a contract: every test of a protocol",
    "drivers/reading.py": "two values without behaviour: every test of a protocol",
    "drivers/serial_line/session.py": "tests/drivers/serial_line/test_driver.py",
    "gateway/__main__.py": "tests/gateway/cli/test_app.py",
    "gateway/buffer/status.py": "values without behaviour: tests/gateway/buffer/test_buffer.py",
    "gateway/terminal/finding.py": "a value without behaviour: every test of a check",
    "gateway/calibrating/guided/capture.py": "tests/gateway/calibrating/guided/test_resistance.py",
    "gateway/calibrating/session.py": "tests/contracts/test_calibration_session.py",
    "gateway/cli/decoded_capture.py": "tests/gateway/cli/test_replay.py",
    "gateway/cli/calibrate/session.py": "tests/gateway/cli/calibrate/test_resistance.py",
    "gateway/cli/exits.py": "tests/e2e/test_bad_config.py",
    "gateway/timing/clock.py": "tests/contracts/test_clock.py",
    "gateway/config/problems.py": "tests/gateway/config/test_schema.py",
    "gateway/simulation/demo/session.py": "tests/e2e/test_demo.py",
    "gateway/simulation/cloud/process.py": "tests/gateway/simulation/cloud/test_client.py",
    "gateway/simulation/fleet/errors.py": "two names: tests/gateway/simulation/fleet/test_plan.py",
    "gateway/simulation/fleet/session.py": "tests/e2e/test_fleet.py",
    "gateway/provisioning/identity.py": "tests/gateway/provisioning/test_steps.py",
    "gateway/cloud/iot_client.py": "tests/gateway/cloud/test_iot_core.py",
    "gateway/cloud/iot_requests.py": "tests/gateway/provisioning/test_aws.py",
    "gateway/race/commands.py": "tests/gateway/race/test_commanded.py",
    "gateway/setup/dialogue.py": "tests/gateway/cli/test_setup.py",
    "gateway/cloud/uplink.py": "tests/contracts/test_uplink.py",
}


def parse(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def own_test(module: str) -> Path:
    path = Path(module)
    return ROOT / "tests" / path.with_name(f"test_{path.name}")


def says_nothing(module: str) -> bool:
    """A package's front door: a docstring, imports, __all__."""
    return all(
        isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
        for node in parse(module).body
    )


def functions(module: str) -> Iterator[tuple[str, int]]:
    """(name, lines) of each, with its docstring and without its decorators."""
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("module", [name for name in MODULES if name not in ELSEWHERE])
def test_a_module_has_its_test_file(module: str) -> None:
    assert own_test(module).is_file() or says_nothing(module)


@pytest.mark.parametrize("module", ELSEWHERE)
def test_the_exceptions_are_true(module: str) -> None:
    assert module in MODULES
    assert not own_test(module).is_file(), "has its own test now: take it off the list"
    reason = ELSEWHERE[module]
    assert ":" in reason or (ROOT / reason).is_file()


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_short(module: str) -> None:
    lines = len((ROOT / module).read_text(encoding="utf-8").splitlines())
    assert lines < MODULE_LINES


@pytest.mark.parametrize("module", MODULES)
def test_a_function_is_short(module: str) -> None:
    assert [one for one in functions(module) if one[1] > FUNCTION_LINES] == []
