"""`config check`: what is wrong in a config, without starting the daemon."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import app

BAD_CONFIG = 78

GOOD = """
thing_name = "gateway-1"

[cloud]
endpoint = "127.0.0.1"
plaintext = true

[[bikes]]
id = "bike-001"
racer_id = 7
racer_name = "Hayden"
class_id = 1
driver = "fake"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


def check(file: Path, content: str | None = None) -> Result:
    if content is not None:
        file.write_text(content, encoding="utf-8")
    return CliRunner().invoke(app, ["config", "check", str(file)])


def test_config_check_without_a_file_checks_that_of_the_service() -> None:
    result = CliRunner().invoke(app, ["config", "check"])
    assert "/etc/alleycat-gateway/gateway.toml: " in result.output


def test_config_check_of_a_good_file_names_thing_endpoint_and_bikes(file: Path) -> None:
    result = check(file, GOOD)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{file}: ok: gateway-1 → 127.0.0.1; bikes: bike-001 (fake)\n"


def test_config_check_makes_and_changes_no_file(file: Path) -> None:
    check(file, f'state_dir = "state"\n{GOOD}')
    assert list(file.parent.iterdir()) == [file]


def test_config_warning_goes_to_stderr_and_is_no_failure(file: Path) -> None:
    result = check(file, GOOD.replace("Hayden", "Maximilian"))
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: bikes[0].racer_name: 'Maximilian' is longer")
    assert "ok" in result.stdout


def test_config_that_is_not_set_up_is_named_on_stderr(file: Path) -> None:
    result = check(file, GOOD.replace("plaintext", "port = 1883\nplaintext"))
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: not set up yet")
    assert result.stderr.endswith("sudo alleycat-gateway setup\n")


@pytest.mark.parametrize(
    ("content", "complaints"),
    [
        (GOOD.replace("endpoint", "endpont"), ["cloud.endpont: unknown key", "cloud.endpoint"]),
        (GOOD.replace('"fake"', '"fkae"'), ["bikes[0].driver: 'fkae' is unknown"]),
        ("thing_name", ["file: not TOML"]),
        ("a = " + "[" * 5000, ["file: not TOML: lists or tables are nested more than 32 deep"]),
        (None, ["file: No such file or directory; expected a TOML file"]),
    ],
)
def test_bad_config_is_exit_code_78_with_every_problem(
    file: Path, content: str | None, complaints: list[str]
) -> None:
    result = check(file, content)
    assert (result.exit_code, result.stdout) == (BAD_CONFIG, "")
    for complaint in (str(file), *complaints):
        assert complaint in result.stderr
