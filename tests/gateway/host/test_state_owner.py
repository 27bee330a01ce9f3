"""Root's files in a state_dir are its owner's."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.host.state_owner import as_owner_of

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where everybody may go."""
    with TemporaryDirectory(prefix="alleycat-") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


@root_only
def test_what_root_makes_is_the_owners_and_root_is_root_again(directory: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    with as_owner_of(directory):
        (directory / "file").touch()
    made = (directory / "file").stat()
    assert (made.st_uid, made.st_gid) == (nobody.pw_uid, nobody.pw_gid)
    assert (os.geteuid(), os.getegid()) == (0, os.getgid())


@root_only
def test_root_is_root_again_after_an_error(directory: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    with pytest.raises(PermissionError), as_owner_of(directory):
        Path("/etc/alleycat-was-here").touch()
    assert os.geteuid() == 0


def test_a_directory_that_is_not_there_yet_is_made_by_who_asks(directory: Path) -> None:
    with as_owner_of(directory / "new"):
        (directory / "new").mkdir()
    assert (directory / "new").stat().st_uid == os.geteuid()
