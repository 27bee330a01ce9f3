"""Files that are, or are not, a certificate and its key."""

from pathlib import Path

import pytest

from gateway.config.pem import open_key_problem, pair_problem, pem_problem
from tests.support.mosquitto import Authority, Credentials


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    issued = Authority(tmp_path).issue("gateway-1")
    issued.private_key_file.chmod(0o600)
    return issued


def test_certificate_and_its_protected_key_have_no_problem(credentials: Credentials) -> None:
    certificate, key = credentials.certificate_file, credentials.private_key_file
    assert pem_problem(certificate, "CERTIFICATE") is None
    assert pem_problem(key, "PRIVATE KEY") is None
    assert open_key_problem(key) is None
    assert pair_problem(certificate, key) is None


def test_key_in_place_of_a_certificate_is_described(credentials: Credentials) -> None:
    found = pem_problem(credentials.private_key_file, "CERTIFICATE")
    assert found is not None
    assert "contains no certificate; expected PEM" in found


@pytest.mark.parametrize(("name", "words"), [(None, "missing; set it"), ("gone", "No such file")])
def test_pem_file_that_is_not_there_is_described(
    tmp_path: Path, name: str | None, words: str
) -> None:
    found = pem_problem(tmp_path / name if name else None, "CERTIFICATE")
    assert found is not None
    assert words in found


def test_key_that_every_user_can_read_is_described(credentials: Credentials) -> None:
    credentials.private_key_file.chmod(0o644)
    found = open_key_problem(credentials.private_key_file)
    assert found is not None
    assert "every user can access" in found
    assert "mode 0644" in found


def test_key_of_another_certificate_is_described(tmp_path: Path, credentials: Credentials) -> None:
    other = Authority(tmp_path / "other").issue("gateway-2")
    found = pair_problem(credentials.certificate_file, other.private_key_file)
    assert found is not None
    assert "does not match cloud.certificate_file" in found
