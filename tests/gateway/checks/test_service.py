"""Against a real unix socket, and a state directory that another process holds."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.checks import service
from gateway.checks.finding import Finding, State
from gateway.checks.service import SOCKET_NAME, running_service
from gateway.state_lock import locked_state_dir


@pytest.fixture(autouse=True)
def _no_service_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "RUNTIME_DIRECTORY", tmp_path / "run")


NAMED = {"thing_name": "gateway-1"}


@contextmanager
def serving(path: Path, *parts: bytes) -> Iterator[None]:
    """One visitor is told all of it."""
    path.parent.mkdir(exist_ok=True)

    def serve() -> None:
        client, _ = server.accept()
        with client:
            for part in parts:
                client.sendall(part)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(path))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def told(**status: object) -> bytes:
    return json.dumps(status).encode() + b"\n"


def test_nobody_runs_where_nobody_holds_the_directory(tmp_path: Path) -> None:
    assert running_service(tmp_path, "gateway-1") is None
    assert running_service(tmp_path / "not yet", "gateway-1") is None


@pytest.mark.parametrize("place", ["run", "."])
def test_one_that_runs_is_asked_wherever_it_serves_its_status(tmp_path: Path, place: str) -> None:
    status = told(
        line="racing 7 · cloud connected", attention=[], gateway={"accepted": 1234, **NAMED}
    )
    with serving(tmp_path / place / SOCKET_NAME, status[:20], status[20:]):
        findings = running_service(tmp_path, "gateway-1")
    assert findings == [
        Finding("service", State.OK, "it runs: racing 7 · cloud connected"),
        Finding("topic", State.OK, "1,234 messages were accepted since its start"),
    ]


def test_whatever_it_wants_looked_at_has_failed(tmp_path: Path) -> None:
    concerns = ["cloud offline for 12 min: no route to host", "bike-1 lost for 3 s: is off"]
    with serving(tmp_path / SOCKET_NAME, told(line="x", attention=concerns, gateway=NAMED)):
        findings = running_service(tmp_path, "gateway-1")
    assert findings is not None
    assert [one.what for one in findings if one.state is State.FAILED] == concerns


def test_one_that_holds_the_directory_and_says_nothing_runs_all_the_same(tmp_path: Path) -> None:
    with locked_state_dir(tmp_path):
        (finding,) = running_service(tmp_path, "gateway-1") or []
    assert (finding.state, finding.what) == (State.FAILED, "it runs, but does not say how it is")


def test_a_service_of_another_name_is_somebody_else(tmp_path: Path) -> None:
    status = told(line="x", attention=[], gateway={"thing_name": "gateway-2"})
    with serving(tmp_path / "run" / SOCKET_NAME, status):
        assert running_service(tmp_path, "gateway-1") is None


def test_what_is_no_status_is_no_word(tmp_path: Path) -> None:
    with serving(tmp_path / SOCKET_NAME, b"[]\n"):
        assert running_service(tmp_path, "gateway-1") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become nobody")
def test_whoever_may_not_look_is_told_to_ask_as_root_and_connects_to_nothing(
    tmp_path: Path,
) -> None:
    program = (
        "import os; from pathlib import Path\n"
        "from gateway.checks.service import running_service\n"
        "os.setgroups([]); os.setuid(65534)\n"
        f"print(running_service(Path({os.fspath(tmp_path / 'state')!r}), 'x')[0].remedy)"
    )
    (tmp_path / "state").mkdir(mode=0o700)
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "ask as root: sudo alleycat-gateway check\n"
