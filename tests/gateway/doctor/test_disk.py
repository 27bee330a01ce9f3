"""Against real directories, real mounts where root may make them, and real buffers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.buffer.store import Record
from gateway.config.schema import Config
from gateway.doctor.disk import check_disk
from gateway.terminal.finding import Finding, State
from tests.support.buffer_files import fill_buffer
from tests.support.gateways import config
from tests.support.telemetry import message

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")


def settings(state_dir: Path, *, bikes: int = 1, max_size_mib: int = 512) -> Config:
    made = config(state_dir, [{}] * bikes)
    buffer = made.buffer.model_copy(update={"max_size_mib": max_size_mib})
    return made.model_copy(update={"buffer": buffer})


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    """Everything on a real disk, whatever this computer has."""
    file = tmp_path / "mountinfo"
    file.write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    return file


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "in memory"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory], check=True)
    yield directory
    subprocess.run(["umount", "--lazy", directory], check=True)


def buffer_with(state_dir: Path, messages: int, quarantined: int = 0) -> None:
    records = [Record(n, 7, message(n, 7).to_json()) for n in range(1, messages + 1)]
    refused = [(record, "0x87") for record in records[:quarantined]]
    fill_buffer(state_dir, records[quarantined:], refused)


def test_disk_room_is_reported_in_time_of_racing(tmp_path: Path, mounts: Path) -> None:
    (finding,) = check_disk(settings(tmp_path, bikes=50, max_size_mib=512), mounts)
    assert finding == Finding(
        "disk", State.OK, f"{tmp_path}: room for 34 h of racing without a network"
    )


def test_little_room_is_a_warning_that_names_what_bounds_it(tmp_path: Path, mounts: Path) -> None:
    (finding,) = check_disk(settings(tmp_path, bikes=2, max_size_mib=1), mounts)
    assert finding.state is State.WARNING
    assert "room for 55 min" in finding.what
    assert finding.remedy == "raise buffer.max_size_mib"


def test_state_dir_that_can_be_made_is_well(tmp_path: Path, mounts: Path) -> None:
    directory = tmp_path / "not" / "yet"
    assert [one.state for one in check_disk(settings(directory), mounts)] == [State.OK]
    assert not directory.exists(), "it only looks"


def test_file_in_place_of_the_state_dir_is_reported(tmp_path: Path, mounts: Path) -> None:
    (tmp_path / "state").touch()
    (finding,) = check_disk(settings(tmp_path / "state"), mounts)
    assert finding.what == f"{tmp_path / 'state'} is a file, not a directory"


@ROOT_ONLY
def test_state_dir_in_memory_is_a_failure(tmpfs: Path) -> None:
    (finding,) = check_disk(settings(tmpfs / "state"))
    assert finding.state is State.FAILED
    assert "is on tmpfs: buffered messages are lost when the power fails" in finding.what
    assert "overlay file system" in finding.remedy


@ROOT_ONLY
def test_read_only_disk_is_reported(tmpfs: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tmpfs], check=True)
    (finding,) = check_disk(settings(tmpfs))
    assert f"{tmpfs} is on a read-only file system" in finding.what
    assert finding.remedy.endswith(f"sudo mount -o remount,rw {tmpfs}")


@pytest.mark.slow
@ROOT_ONLY
def test_state_dir_without_write_permission_is_reported(tmp_path: Path) -> None:
    """As nobody: root may write everywhere."""
    program = (
        "import os, sys; from pathlib import Path\n"
        "from gateway.doctor.disk import check_disk\n"
        "from tests.support.gateways import config\n"
        "os.setgroups([]); os.setuid(65534)\n"
        "for name in sys.argv[1:]: print(check_disk(config(Path(name), [{}]))[0].what)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, "/usr", "/usr/state"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines() == [
        "no permission to write to /usr",
        "/usr/state does not exist, and there is no permission to create it in /usr",
    ]


def test_waiting_and_quarantined_messages_are_counted(tmp_path: Path, mounts: Path) -> None:
    buffer_with(tmp_path, 5, quarantined=2)
    _, waiting, quarantined = check_disk(settings(tmp_path), mounts)
    assert waiting == Finding("buffer", State.OK, "3 messages waiting to be sent")
    assert quarantined.state is State.WARNING
    assert quarantined.what.startswith("2 messages in quarantine")


def test_damaged_buffer_is_a_failure(tmp_path: Path, mounts: Path) -> None:
    (tmp_path / "buffer").write_bytes(b"no directory")
    _, finding = check_disk(settings(tmp_path), mounts)
    assert finding.state is State.FAILED
    assert finding.what == f"{tmp_path}/buffer is not a directory; expected a gateway's buffer"
    assert finding.remedy == ""
