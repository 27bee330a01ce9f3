"""A config that cannot work stops the start: exit code 78, the key, the problem, what to write."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gateway_process import GatewayProcess, alleycat_gateway

EX_CONFIG = 78


def unknown_key(gateway: GatewayProcess) -> None:
    gateway.cloud["certificate_fiel"] = "x"


def wrong_type(gateway: GatewayProcess) -> None:
    gateway.cloud["port"] = "eight"


def missing_certificate(gateway: GatewayProcess) -> None:
    gateway.cloud["certificate_file"] = gateway.config_file.with_name("gone.pem")


def world_readable_key(gateway: GatewayProcess) -> None:
    key = gateway.config_file.with_name("open.pem")
    gateway.cloud["private_key_file"] = Path(shutil.copy(gateway.cloud["private_key_file"], key))
    key.chmod(0o644)


def plaintext_elsewhere(gateway: GatewayProcess) -> None:
    gateway.cloud["endpoint"] = "broker.example"
    gateway.cloud["plaintext"] = True


def key_of_another_certificate(gateway: GatewayProcess) -> None:
    gateway.cloud["certificate_file"] = gateway.cloud["ca_file"]


CASES: dict[Callable[[GatewayProcess], None], tuple[str, ...]] = {
    unknown_key: ("cloud.certificate_fiel", "unknown key", "did you mean 'certificate_file'"),
    wrong_type: ("cloud.port", "'eight'", "whole number"),
    missing_certificate: ("cloud.certificate_file", "No such file", "PEM"),
    world_readable_key: ("cloud.private_key_file", "0644", "chmod 600"),
    key_of_another_certificate: ("cloud.private_key_file", "expected the certificate's own key"),
    plaintext_elsewhere: ("cloud", "plaintext", "broker.example", "127.0.0.1", "private_key_file"),
}


@pytest.mark.parametrize("command", [["run", "--config"], ["config", "check"]], ids=" ".join)
@pytest.mark.parametrize("spoil", CASES, ids=lambda spoil: spoil.__name__)
def test_bad_config_exits_78_with_key_problem_and_expected_form(
    gateway: GatewayProcess, spoil: Callable[[GatewayProcess], None], command: list[str]
) -> None:
    spoil(gateway)
    gateway.write_config()
    ended = alleycat_gateway(*command, str(gateway.config_file))
    assert ended.returncode == EX_CONFIG
    for words in (str(gateway.config_file), *CASES[spoil]):
        assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "PRIVATE KEY-----\n" not in ended.stderr


def test_second_gateway_on_the_same_state_dir_is_refused(gateway: GatewayProcess) -> None:
    gateway.cloud["port"] = 1
    gateway.start()
    ended = alleycat_gateway("run", "--config", str(gateway.config_file))
    assert ended.returncode == 1
    assert "is in use by another alleycat-gateway" in ended.stderr
