"""Certificate files that are replaced on disk, at once or half by half."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.cloud import credential_files
from gateway.cloud.credential_files import CredentialFiles
from gateway.cloud.credentials import Credentials, read_credentials
from gateway.cloud.uplink import CredentialsError
from gateway.config.cloud import CloudConfig
from tests.support.mosquitto import Authority


class Disk:
    """The files of gateway-1, and another pair that may replace them."""

    def __init__(self, directory: Path) -> None:
        self._authority = Authority(directory / "ca")
        self.certificate, self.key = directory / "cert.pem", directory / "key.pem"
        self.ca = directory / "ca.pem"
        shutil.copy(self._authority.ca_file, self.ca)
        self.write_certificate("first")
        self.write_key("first")
        self.cloud = CloudConfig(
            endpoint="127.0.0.1",
            ca_file=self.ca,
            certificate_file=self.certificate,
            private_key_file=self.key,
        )

    def write_certificate(self, name: str) -> None:
        shutil.copy(self._authority.issue(name).certificate_file, self.certificate)

    def write_key(self, name: str) -> None:
        shutil.copy(self._authority.issue(name).private_key_file, self.key)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_unchanged_files_are_no_replacement(disk: Disk) -> None:
    files = CredentialFiles(disk.cloud)
    assert files.replacement() is None
    assert files.problem is None


def test_unchanged_files_are_not_read_again(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[CloudConfig] = []

    def read(cloud: CloudConfig) -> Credentials | None:
        reads.append(cloud)
        return read_credentials(cloud)

    monkeypatch.setattr(credential_files, "read_credentials", read)
    files = CredentialFiles(disk.cloud)
    files.replacement()
    reads.clear()
    files.replacement()
    assert not reads
    shutil.copy(disk.ca, disk.ca.with_suffix(".new"))
    disk.ca.with_suffix(".new").rename(disk.ca)
    files.replacement()
    assert len(reads) == 1


def test_file_that_is_put_back_is_no_replacement(disk: Disk) -> None:
    files = CredentialFiles(disk.cloud)
    files.replacement()
    aside = disk.key.with_suffix(".aside")
    disk.key.rename(aside)
    assert files.replacement() is None
    assert files.problem is not None
    aside.rename(disk.key)
    assert files.replacement() is None
    assert files.problem is None


def test_replaced_pair_is_returned_and_reported_until_it_is_loaded(disk: Disk) -> None:
    files = CredentialFiles(disk.cloud)
    disk.write_certificate("second")
    disk.write_key("second")
    found = files.replacement()
    assert found is not None
    assert found.certificate == disk.certificate.read_bytes()
    assert found.key == disk.key.read_bytes()
    assert files.problem is not None
    assert "were replaced" in files.problem
    assert "systemctl reload" in files.problem
    files.loaded = found
    assert files.replacement() is None
    assert files.problem is None


def test_load_returns_the_newest_files_that_can_be_used(disk: Disk) -> None:
    files = CredentialFiles(disk.cloud)
    first = files.load()
    disk.write_certificate("second")
    assert files.load() is first
    disk.write_key("second")
    second = files.load()
    assert second is files.loaded
    assert second is not first
    assert files.problem is None


def half_a_pair(disk: Disk) -> None:
    disk.write_certificate("second")


def half_a_key(disk: Disk) -> None:
    disk.key.write_bytes(disk.key.read_bytes()[:100])


def half_a_certificate(disk: Disk) -> None:
    disk.certificate.write_bytes(disk.certificate.read_bytes()[:100])


def no_key(disk: Disk) -> None:
    disk.key.unlink()


def empty_certificate(disk: Disk) -> None:
    disk.certificate.write_bytes(b"")


def damaged_ca(disk: Disk) -> None:
    disk.ca.write_bytes(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")


def fifo(disk: Disk) -> None:
    """Opened without care, it would stop every race until another process writes into it."""
    disk.certificate.unlink()
    os.mkfifo(disk.certificate)


def huge_key(disk: Disk) -> None:
    os.truncate(disk.key, 1 << 40)


@pytest.mark.parametrize(
    "spoil",
    [
        half_a_pair,
        half_a_key,
        half_a_certificate,
        no_key,
        empty_certificate,
        damaged_ca,
        fifo,
        huge_key,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_unusable_files_replace_nothing_and_are_reported_once(
    disk: Disk, spoil: Callable[[Disk], None]
) -> None:
    files = CredentialFiles(disk.cloud)
    loaded = files.loaded
    spoil(disk)
    with capture_logs() as logs:
        assert files.replacement() is None
        assert files.replacement() is None
    assert files.loaded is loaded
    assert files.problem is not None
    assert files.problem.startswith("the changed certificate files are not in use: ")
    assert str(disk.key.parent) in files.problem
    assert [log["event"] for log in logs] == [files.problem]


def test_pair_written_half_by_half_is_a_replacement_in_the_end(disk: Disk) -> None:
    files = CredentialFiles(disk.cloud)
    disk.write_certificate("second")
    assert files.replacement() is None
    disk.write_key("second")
    assert files.replacement() is not None


def test_missing_files_are_an_error_at_the_start(disk: Disk) -> None:
    disk.key.unlink()
    with pytest.raises(CredentialsError, match=r"key\.pem"):
        CredentialFiles(disk.cloud)


def test_broker_without_tls_needs_no_files() -> None:
    files = CredentialFiles(CloudConfig(endpoint="127.0.0.1", port=1883, plaintext=True))
    assert files.loaded is None
    assert files.replacement() is None


def test_private_key_is_not_part_of_the_text_of_credentials(disk: Disk) -> None:
    assert "PRIVATE" not in repr(CredentialFiles(disk.cloud).loaded)
