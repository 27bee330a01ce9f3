"""One process per state directory, however the last one ended."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.host.state_dir import (
    StateDirError,
    as_owner_of,
    is_in_use,
    locked_state_dir,
    stay_owner_of,
    volatile_file_system,
)
from tests.support.children import killed_at_end

HOLD = """
import sys
from pathlib import Path
from gateway.host.state_dir import is_in_use, locked_state_dir
with locked_state_dir(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_state_dir_is_made_with_access_for_its_owner_only(tmp_path: Path) -> None:
    directory = tmp_path / "var" / "state"
    with locked_state_dir(directory):
        assert directory.stat().st_mode & 0o777 == 0o700


def test_state_dir_that_exists_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / "races.json").write_bytes(b"{}")
    with locked_state_dir(tmp_path):
        assert (tmp_path / "races.json").read_bytes() == b"{}"


def test_state_dir_in_use_is_refused_with_advice(tmp_path: Path) -> None:
    with locked_state_dir(tmp_path):
        with pytest.raises(StateDirError) as raised, locked_state_dir(tmp_path):
            pass
        text = str(raised.value)
        assert str(tmp_path) in text
        assert "in use by another alleycat-gateway" in text
        assert "its own state_dir and thing_name" in text


def test_state_dirs_are_locked_separately(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    with locked_state_dir(one), locked_state_dir(other):
        assert is_in_use(one)
        assert is_in_use(other)


def test_state_dir_is_unlocked_after_an_exception(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked_state_dir(tmp_path):
        raise KeyError
    with locked_state_dir(tmp_path):
        pass


def test_state_dir_is_unlocked_when_its_process_is_killed(tmp_path: Path) -> None:
    with killed_at_end(
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StateDirError), locked_state_dir(tmp_path):
            pass
    with locked_state_dir(tmp_path):
        pass


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_state_dir_that_cannot_be_made_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    expected = f"state_dir {tmp_path / name}: .*; expected a directory that this user can write to"
    with pytest.raises(StateDirError, match=expected), locked_state_dir(tmp_path / name):
        pass


def test_state_dir_use_can_be_asked_without_locking(tmp_path: Path) -> None:
    assert not is_in_use(tmp_path)
    assert not is_in_use(tmp_path / "not yet")
    with locked_state_dir(tmp_path):
        assert is_in_use(tmp_path)
    with locked_state_dir(tmp_path):
        pass


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where everybody may go."""
    with TemporaryDirectory(prefix="alleycat-") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


@root_only
def test_files_made_as_owner_are_the_owners_and_root_is_restored(directory: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    with as_owner_of(directory):
        (directory / "file").touch()
    made = (directory / "file").stat()
    assert (made.st_uid, made.st_gid) == (nobody.pw_uid, nobody.pw_gid)
    assert (os.geteuid(), os.getegid()) == (0, os.getgid())


@root_only
def test_state_dir_that_root_makes_is_of_the_owner_of_its_place(directory: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    with locked_state_dir(directory / "state"):
        assert (directory / "state").stat().st_uid == nobody.pw_uid


@root_only
def test_other_threads_of_root_stay_root(directory: Path) -> None:
    """A bike's serial port may be opened while a file is saved."""
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    private = directory / "private"
    private.mkdir(mode=0o700)
    with ThreadPoolExecutor(1) as other:
        other.submit(os.getpid).result()
        with as_owner_of(directory):
            with pytest.raises(PermissionError):
                (private / "file").touch()
            other.submit((private / "file").touch).result()


@root_only
def test_thread_stays_the_owner(directory: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    with ThreadPoolExecutor(1, initializer=stay_owner_of, initargs=(directory,)) as thread:
        for name in ("one", "two"):
            thread.submit((directory / name).touch).result()
    assert {path.stat().st_uid for path in directory.iterdir()} == {nobody.pw_uid}
    (directory / "three").touch()
    assert (directory / "three").stat().st_uid == 0


@root_only
def test_root_is_restored_after_an_error_as_owner(directory: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    with pytest.raises(PermissionError), as_owner_of(directory):
        Path("/etc/alleycat-was-here").touch()
    assert os.geteuid() == 0


def test_directory_that_does_not_exist_is_made_as_the_current_user(directory: Path) -> None:
    with as_owner_of(directory / "new"):
        (directory / "new").mkdir()
    assert (directory / "new").stat().st_uid == os.geteuid()


#: As `cat /proc/self/mountinfo` shows a Pi whose root is an overlay, with a data partition.
MOUNTS = """\
23 1 0:21 / / rw,noatime shared:1 - overlay overlay rw,lowerdir=/lower,upperdir=/upper
24 23 0:5 / /run rw,nosuid shared:2 - tmpfs tmpfs rw,size=781k
25 23 179:3 / /var/lib/alleycat\\040gateway rw shared:3 - ext4 /dev/mmcblk0p3 rw
26 23 179:4 / /data rw shared:4 - vfat /dev/sda1 rw
27 26 0:22 / /data/scratch rw shared:5 - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/var/lib/other", "overlay"),
        ("/var/lib/alleycat gateway", None),
        ("/var/lib/alleycat gateway/state", None),
        ("/run/alleycat", "tmpfs"),
        ("/runner", "overlay"),
        ("/data/state", None),
        ("/data/scratch/state", "tmpfs"),
    ],
)
def test_volatile_file_system_is_found_by_the_mount_of_a_directory(
    tmp_path: Path, directory: str, kind: str | None
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert volatile_file_system(Path(directory), mounts) == kind


def test_volatile_file_system_of_dev_shm_is_tmpfs() -> None:
    assert volatile_file_system(Path("/dev/shm/alleycat")) == "tmpfs"
