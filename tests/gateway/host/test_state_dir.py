"""One process per state directory, however the last one ended."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.host.state_dir import StateDirError, is_in_use, locked_state_dir
from tests.support.children import killed_at_end

HOLD = """
import sys
from pathlib import Path
from gateway.host.state_dir import is_in_use, locked_state_dir
with locked_state_dir(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_directory_is_made_and_is_ours_alone(tmp_path: Path) -> None:
    directory = tmp_path / "var" / "state"
    with locked_state_dir(directory):
        assert directory.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_is_there_keeps_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "buffer.db").write_bytes(b"messages")
    with locked_state_dir(tmp_path):
        assert (tmp_path / "buffer.db").read_bytes() == b"messages"


def test_a_second_holder_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    with locked_state_dir(tmp_path):
        with pytest.raises(StateDirError) as raised, locked_state_dir(tmp_path):
            pass
        text = str(raised.value)
        assert str(tmp_path) in text
        assert "in use by another alleycat-gateway" in text
        assert "its own state_dir and thing_name" in text


def test_two_directories_are_two_locks(tmp_path: Path) -> None:
    with locked_state_dir(tmp_path / "a"), locked_state_dir(tmp_path / "b"):
        pass


def test_leaving_releases_it_even_by_an_exception(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked_state_dir(tmp_path):
        raise KeyError
    with locked_state_dir(tmp_path):
        pass


def test_a_killed_process_leaves_no_lock_behind(tmp_path: Path) -> None:
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
def test_what_cannot_be_a_directory_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    expected = f"state_dir {tmp_path / name}: .*; expected a directory this user may write"
    with pytest.raises(StateDirError, match=expected), locked_state_dir(tmp_path / name):
        pass


def test_whether_it_is_held_can_be_asked_without_holding_it(tmp_path: Path) -> None:
    assert not is_in_use(tmp_path)
    assert not is_in_use(tmp_path / "not yet")
    with locked_state_dir(tmp_path):
        assert is_in_use(tmp_path)
    with locked_state_dir(tmp_path):
        pass
