"""PEM files end up where the service's group can read them, and no other user the key."""

import os
import stat
from pathlib import Path

import pytest

from gateway.setup.service_files import NameTaken, ServiceFiles, readable_by_service


@pytest.fixture
def files(tmp_path: Path) -> ServiceFiles:
    (tmp_path / "etc").mkdir(mode=0o750)
    (tmp_path / "hidden").mkdir()
    return ServiceFiles(tmp_path / "etc", os.getegid(), (str(tmp_path / "hidden"),))


@pytest.fixture(autouse=True)
def _enterable(tmp_path: Path) -> None:
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_uid == os.geteuid() and directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o011)


def put(file: Path, mode: int) -> Path:
    file.write_text("PEM")
    file.chmod(mode)
    return file


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666])
def test_key_becomes_readable_by_the_group_and_by_no_other_user(
    files: ServiceFiles, mode: int
) -> None:
    key = put(files.directory / "my.key", mode)
    assert files.made_readable(key, is_secret=True) == key
    assert mode_of(key) & 0o047 == 0o040


def test_certificate_that_all_can_read_is_left_alone(files: ServiceFiles) -> None:
    certificate = put(files.directory / "ca.pem", 0o644)
    files.made_readable(certificate, is_secret=False)
    assert mode_of(certificate) == 0o644


def test_file_that_the_service_cannot_see_is_copied(files: ServiceFiles, tmp_path: Path) -> None:
    key = put(tmp_path / "hidden" / "my.key", 0o600)
    cloud: dict[str, object] = {"private_key_file": str(key), "endpoint": "x"}
    (step,) = readable_by_service(cloud, files)
    copy = files.directory / "my.key"
    assert step == f"copied {key} to {copy}, where the service can read it"
    assert cloud == {"private_key_file": str(copy), "endpoint": "x"}
    assert (copy.read_text(), mode_of(copy), mode_of(key)) == ("PEM", 0o640, 0o600)
    assert list(readable_by_service(cloud, files)) == [], "the second time nothing is left to do"


def test_file_in_a_directory_that_the_group_cannot_enter_is_copied(
    files: ServiceFiles, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    key = put(closed / "my.key", 0o640)
    assert files.made_readable(key, is_secret=True) == files.directory / "my.key"


def test_copy_never_replaces_another_file(files: ServiceFiles, tmp_path: Path) -> None:
    (files.directory / "my.key").write_text("other")
    key = put(tmp_path / "hidden" / "my.key", 0o600)
    with pytest.raises(NameTaken) as refused:
        files.made_readable(key, is_secret=True)
    assert str(refused.value) == (
        f"cannot copy {key} to {files.directory / 'my.key'}: a different file already has this "
        "name; rename your file, and run setup again"
    )
    assert (files.directory / "my.key").read_text() == "other"
