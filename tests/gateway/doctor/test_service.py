"""Against a real status socket, and a state directory that a gateway holds."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.doctor.service import is_connected, running_service
from gateway.host import sockets
from gateway.host.state_dir import locked_state_dir
from gateway.sampling.calibration import ResistanceSource
from gateway.status.client import FILE_NAME
from gateway.status.concerns import concerns
from gateway.status.line import status_line
from gateway.status.report import status_to_json
from gateway.status.snapshot import GatewayStatus
from gateway.terminal.finding import Finding, State
from tests.support.hostile import HOSTILE, MARK, forbidden_in
from tests.support.statuses import bike_status, buffer_status, gateway_status, offline

THING = gateway_status().thing_name
CLOUD = replace(gateway_status().cloud, endpoint="x.example")


@pytest.fixture(autouse=True)
def _no_service_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SERVICE_DIRECTORY", tmp_path / "run")


@contextmanager
def serving(directory: Path, line: bytes) -> Iterator[None]:
    """One visitor is told."""
    directory.mkdir(exist_ok=True)

    def serve() -> None:
        client, _ = server.accept()
        with client:
            client.sendall(line)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(directory / FILE_NAME))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def test_no_service_runs_where_the_state_dir_is_free(tmp_path: Path) -> None:
    assert running_service(tmp_path, THING) is None
    assert running_service(tmp_path / "not yet", THING) is None


@pytest.mark.parametrize("place", ["run", "."])
def test_running_service_is_asked_wherever_it_serves_its_status(tmp_path: Path, place: str) -> None:
    status = gateway_status(accepted=1234)
    with serving(tmp_path / place, status_to_json(status)):
        findings = running_service(tmp_path, THING)
    assert findings == [
        Finding("service", State.OK, f"the gateway is running: {status_line(status)}"),
        Finding("topic", State.OK, "1,234 messages accepted since the start"),
    ]


def test_concerns_of_a_running_service_are_failures(tmp_path: Path) -> None:
    status = gateway_status(buffer=buffer_status(problem="disk I/O error", notes=("one",)))
    with serving(tmp_path, status_to_json(status)):
        findings = running_service(tmp_path, THING)
    assert findings is not None
    wrong = [(one.what, one.remedy) for one in findings if one.state is State.FAILED]
    assert wrong == [(concern.problem, concern.remedy) for concern in concerns(status)]
    assert wrong[0][0] == "disk: disk I/O error"


def test_missing_calibration_of_a_running_service_is_a_warning(tmp_path: Path) -> None:
    sample = bike_status().sample
    assert sample is not None
    sample = replace(sample, resistance_source=ResistanceSource.UNCALIBRATED)
    status = gateway_status(bike_status(sample=sample))
    with serving(tmp_path, status_to_json(status)):
        findings = running_service(tmp_path, THING, lambda words: f"<{words}>")
    assert findings is not None
    assert [one.state for one in findings] == [State.OK, State.WARNING, State.OK]
    assert "<calibrate bike-001>" in findings[1].remedy


def test_silent_service_that_holds_the_state_dir_counts_as_running(tmp_path: Path) -> None:
    with locked_state_dir(tmp_path):
        (finding,) = running_service(tmp_path, THING) or []
    assert (finding.state, finding.what) == (
        State.FAILED,
        "the gateway is running, but does not report its status",
    )


def test_service_with_another_state_dir_is_ignored(tmp_path: Path) -> None:
    other = gateway_status(state_dir=str(tmp_path / "other"))
    with serving(tmp_path / "run", status_to_json(other)):
        assert running_service(tmp_path, "another-name") is None


def test_service_of_the_same_name_with_another_state_dir_is_a_failure(tmp_path: Path) -> None:
    other = gateway_status(state_dir=str(tmp_path / "other"))
    with serving(tmp_path / "run", status_to_json(other)):
        (finding,) = running_service(tmp_path, THING) or []
    assert finding.state is State.FAILED
    assert finding.what == f"another gateway, which uses {tmp_path}/other, also runs as {THING}"


def test_names_of_another_process_are_on_one_line(tmp_path: Path) -> None:
    bike = replace(bike_status(), bike_id=HOSTILE, resistance_doubt=HOSTILE)
    own = gateway_status(bike, thing_name=HOSTILE, state_dir=str(tmp_path))
    with serving(tmp_path, status_to_json(own)):
        findings = running_service(tmp_path, THING) or []
    namesake = gateway_status(thing_name=HOSTILE, state_dir=f"{tmp_path}{HOSTILE}")
    with serving(tmp_path / "run", status_to_json(namesake)):
        (tmp_path / FILE_NAME).unlink()
        findings += running_service(tmp_path, HOSTILE) or []
    assert sum(MARK in finding.what for finding in findings) >= 2
    assert not any(forbidden_in(finding.what) or "\n" in finding.what for finding in findings)


@pytest.mark.parametrize("place", ["run", "."])
def test_gateway_under_its_former_name_is_to_be_restarted(tmp_path: Path, place: str) -> None:
    status = gateway_status(state_dir=str(tmp_path))
    with serving(tmp_path / place, status_to_json(status)):
        renamed, running, *_ = running_service(tmp_path, "new-name") or []
    assert (renamed.state, renamed.what, renamed.remedy) == (
        State.WARNING,
        f"the gateway runs as {THING}, but the config names it new-name",
        "restart it to apply the config",
    )
    assert running.what.startswith("the gateway is running: ")


def test_service_of_another_version_is_a_failure(tmp_path: Path) -> None:
    with serving(tmp_path, b'{"format": 99}\n'):
        (finding,) = running_service(tmp_path, THING) or []
    assert finding.state is State.FAILED
    assert "another version of the gateway" in finding.what


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become nobody")
def test_unreadable_state_dir_tells_to_ask_as_root(
    tmp_path: Path,
) -> None:
    program = (
        "import os; from pathlib import Path\n"
        "from gateway.doctor.service import running_service\n"
        "os.setgroups([]); os.setuid(65534)\n"
        f"print(running_service(Path({os.fspath(tmp_path / 'state')!r}), 'x')[0].remedy)"
    )
    (tmp_path / "state").mkdir(mode=0o700)
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "run this check as root: sudo alleycat-gateway check\n"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(gateway_status(cloud=CLOUD), True, id="connected"),
        pytest.param(gateway_status(cloud=CLOUD, is_set_up=False), False, id="waits"),
        pytest.param(gateway_status(cloud=offline()), False, id="offline"),
        pytest.param(
            gateway_status(cloud=replace(CLOUD, endpoint="other.example")),
            False,
            id="another cloud",
        ),
        pytest.param(gateway_status(cloud=CLOUD, thing_name="x"), False, id="another name"),
    ],
)
def test_connection_is_that_of_a_gateway_with_this_name_and_broker(
    tmp_path: Path, status: GatewayStatus, *, expected: bool
) -> None:
    with serving(tmp_path, status_to_json(status)):
        assert is_connected(tmp_path, THING, "x.example") is expected


def test_gateway_without_a_status_has_no_known_connection(tmp_path: Path) -> None:
    with locked_state_dir(tmp_path):
        assert not is_connected(tmp_path, THING, "x.example")
    with serving(tmp_path, b'{"format": 99}\n'):
        assert not is_connected(tmp_path, THING, "x.example")
