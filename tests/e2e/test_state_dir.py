"""The real daemon and its state directory, whatever lies there and whatever becomes of it."""

import json
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.buffer.log_format import DIRECTORY_NAME
from gateway.status.client import ask_status
from gateway.status.concerns import concerns
from gateway.status.report import status_from_json
from tests.support.bad_disk import BadDisk, State
from tests.support.gateway_process import COMMAND, GatewayProcess
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.subscriber import Subscriber

FILES = ["races.json", "joined.json", "drivers.json", "buffer.db", "calibration/bike-1.json"]
SOCKETS = ["status.sock", "tail.sock", "calibration.sock", "buffer.sock", "ride.sock"]


def fifo(path: Path) -> None:
    os.mkfifo(path)


def full_directory(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()


def endless_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def noise(path: Path) -> None:
    path.write_bytes(os.urandom(100_000))


@pytest.mark.parametrize("occupy", [fifo, full_directory, endless_device, noise])
def test_gateway_races_whatever_lies_in_its_state_dir(
    gateway: GatewayProcess,
    broker: Mosquitto,
    subscriber: Subscriber,
    tmp_path: Path,
    occupy: Callable[[Path], None],
) -> None:
    state = tmp_path / "state"
    (state / "calibration").mkdir(parents=True)
    for name in [*FILES, DIRECTORY_NAME, *SOCKETS]:
        occupy(state / name)
    gateway.cloud["port"] = broker.port
    gateway.race_mode = "remote"
    gateway.start()
    gateway.wait_for_log("cloud connected")
    for name in FILES[:3]:
        assert (state / f"{name}.damaged-1").exists()
    gateway.terminate()
    gateway.race_mode = "continuous"
    gateway.start()
    subscriber.wait_for(lambda messages: len(messages) > 2)
    gateway.terminate()
    assert "Traceback" not in gateway.log


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    place = tmp_path / "var"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def absent(gateway: GatewayProcess, state: Path) -> None:
    pass


def empty(gateway: GatewayProcess, state: Path) -> None:
    state.mkdir()


def left_by_a_killed_gateway(gateway: GatewayProcess, state: Path) -> None:
    gateway.cloud["port"] = 1
    gateway.start()
    deadline = time.monotonic() + 20
    while not (state / "boots.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    gateway.kill()


@pytest.mark.parametrize("prepare", [absent, empty, left_by_a_killed_gateway])
def test_gateway_on_a_read_only_file_system_races_from_memory_and_reports_it(
    gateway: GatewayProcess,
    broker: Mosquitto,
    subscriber: Subscriber,
    tmp_path: Path,
    mounted: Path,
    prepare: Callable[[GatewayProcess, Path], None],
) -> None:
    runtime, state = tmp_path / "run", mounted / "alleycat-gateway"
    runtime.mkdir()
    gateway.environment = {
        "ALLEYCAT_STATE_DIR": str(state),
        "RUNTIME_DIRECTORY": str(runtime),  # as the service's unit has it
    }
    prepare(gateway, state)
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    gateway.cloud["port"] = broker.port
    gateway.start()
    subscriber.wait_for(lambda messages: len(messages) > 4)
    attention = concerns(status_from_json(ask_status(runtime / "status.sock")))
    found = [one for one in attention if one.text.startswith(f"disk: {state}")]
    assert [one.is_urgent for one in found] == [True]
    command = [*COMMAND, "check", "--json", "--config", str(gateway.config_file)]
    environment = {**os.environ, **gateway.environment}
    check = subprocess.run(command, env=environment, check=False, capture_output=True, timeout=60)
    assert check.returncode == 1
    [disk] = [one for one in json.loads(check.stdout)["findings"] if one["name"] == "disk"]
    assert "is on a read-only file system: messages are buffered in memory only" in disk["what"]
    gateway.terminate()
    assert "buffer not usable" in gateway.log
    assert "Traceback" not in gateway.log


def removed(state: Path) -> None:
    shutil.rmtree(state)


def renamed(state: Path) -> None:
    state.rename(state.with_name("elsewhere"))


def immutable(state: Path) -> None:
    """As a directory that belongs to another user by now: EPERM."""
    if subprocess.run(["chattr", "+i", state], check=False, capture_output=True).returncode:
        pytest.skip("only root may make a directory immutable, on most file systems")


@pytest.mark.parametrize("spoil", [removed, renamed, immutable])
def test_shutdown_succeeds_without_the_state_dir(
    gateway: GatewayProcess, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    gateway.cloud["port"] = 1
    gateway.start()
    try:
        spoil(tmp_path / "state")
        gateway.terminate()
    finally:
        subprocess.run(["chattr", "-i", tmp_path / "state"], check=False, capture_output=True)
    assert "Traceback" not in gateway.log


@pytest.mark.parametrize("fault", ["full", "read-only", "dead"])
def test_shutdown_succeeds_on_a_disk_that_refuses_changes(
    gateway: GatewayProcess, tmp_path: Path, fault: State
) -> None:
    disk = BadDisk(tmp_path, tmp_path / "state")
    gateway.environment |= disk.environment
    gateway.cloud["port"] = 1
    gateway.start()
    disk.set(fault)
    gateway.terminate()
    assert "Traceback" not in gateway.log


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """Where every user may go, unlike in pytest's own."""
    with TemporaryDirectory(prefix="alleycat-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of another user")
def test_files_of_a_gateway_that_root_runs_belong_to_the_owner_of_the_state_dir(
    authority: Authority, public_directory: Path
) -> None:
    state, nobody = public_directory / "state", pwd.getpwnam("nobody")
    state.mkdir()
    os.chown(state, nobody.pw_uid, nobody.pw_gid)
    gateway = GatewayProcess(public_directory, authority.issue("gateway-1"))
    gateway.cloud["port"] = 1
    gateway.race_join = "pedalling"
    gateway.start()
    expected = {DIRECTORY_NAME, "boots.json", "joined.json", *SOCKETS}
    deadline = time.monotonic() + 20
    while set(os.listdir(state)) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    gateway.kill()
    owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in state.iterdir()}
    assert owners == dict.fromkeys(expected, (nobody.pw_uid, nobody.pw_gid))
