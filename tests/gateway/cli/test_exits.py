"""An error becomes a line on stderr and an exit code, through the command itself."""

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import schema
from gateway.cli.app import app
from gateway.cli.exits import fail
from gateway.host.errors import BAD_CONFIG, FAILED, INTERRUPTED, USAGE, GatewayError
from gateway.status import report


class Misconfigured(GatewayError):
    exit_code = BAD_CONFIG


def result_of(raised: BaseException, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Of a verb in which that is raised."""

    def schema_of_it() -> None:
        raise raised

    monkeypatch.setattr(report, "status_schema", schema_of_it)
    return CliRunner().invoke(app, ["schema", schema.Schema.STATUS])


@pytest.mark.parametrize(
    ("error", "code"),
    [(GatewayError("it fails"), FAILED), (Misconfigured("key: no such key"), BAD_CONFIG)],
)
def test_gateway_error_becomes_its_text_and_its_exit_code(
    error: GatewayError, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = result_of(error, monkeypatch)
    assert (result.exit_code, result.stderr, result.stdout) == (code, f"{error}\n", "")


def test_error_is_an_error_in_the_journal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.host.journal.is_journal", lambda: True)
    result = result_of(GatewayError("gateway.toml: 1 problem\n  key: unknown"), monkeypatch)
    assert result.stderr == "<3>gateway.toml: 1 problem\n<3>  key: unknown\n"


def test_ctrl_c_becomes_an_exit_code_that_shells_know(monkeypatch: pytest.MonkeyPatch) -> None:
    result = result_of(KeyboardInterrupt(), monkeypatch)
    assert (result.exit_code, result.stderr) == (INTERRUPTED, "interrupted\n")


def test_unforeseen_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ZeroDivisionError()
    assert result_of(error, monkeypatch).exception is error


def test_fail_raises_an_error_with_that_exit_code() -> None:
    with pytest.raises(GatewayError, match="expected another") as raised:
        fail("expected another", USAGE)
    assert raised.value.exit_code == USAGE
