"""`tail` with a real socket: what it prints, when it ends, and how."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import app
from gateway.host.errors import NOT_RUNNING
from gateway.status.client import FILE_NAME as STATUS_FILE_NAME
from gateway.status.report import status_to_json
from gateway.tail.client import FILE_NAME
from gateway.tail.events import message_line
from tests.support.statuses import gateway_status
from tests.support.telemetry import message

PAYLOAD = message(1).to_json()
LINES = message_line("produced", PAYLOAD) + message_line("acknowledged", PAYLOAD)


@pytest.fixture(autouse=True)
def service_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Not this computer's own."""
    monkeypatch.setattr("gateway.host.sockets.SERVICE_DIRECTORY", tmp_path)
    monkeypatch.setattr("gateway.cli.service.SERVICE_CONFIG", tmp_path / "gateway.toml")
    return tmp_path


@contextmanager
def gateway(
    directory: Path, sent: bytes, *, stays: bool, socket_name: str = FILE_NAME
) -> Iterator[None]:
    """A daemon that sends these bytes to one reader, and then stays or stops."""
    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(directory / socket_name))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(sent)
                if stays:
                    done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["tail", *arguments])


def test_tail_prints_a_line_per_message_until_its_time_is_over(service_directory: Path) -> None:
    with gateway(service_directory, LINES, stays=True):
        result = invoke("--seconds", "1")
    header, line = result.stdout.splitlines()
    assert result.exit_code == 0
    assert header.split() == ["time", "race", "second", "bike", "racer", "rpm", "%", "W"]
    assert line.split()[2:5] == ["1", "bike-1", "Hayden"]
    assert line.endswith("  acknowledged")


def test_tail_json_prints_the_lines_of_the_gateway(service_directory: Path) -> None:
    with gateway(service_directory, LINES, stays=True):
        result = invoke("--json", "--seconds", "1")
    assert result.stdout_bytes == LINES
    assert [json.loads(line)["message"] for line in result.stdout.splitlines()] == [
        json.loads(PAYLOAD)
    ] * 2


def test_tail_ends_with_the_gateway(service_directory: Path) -> None:
    with gateway(service_directory, LINES, stays=False):
        result = invoke()
    assert result.exit_code == NOT_RUNNING
    assert "acknowledged" in result.stdout
    assert "the gateway has closed the connection" in result.stderr


def test_tail_without_messages_points_to_the_status(
    service_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cli.tail.SILENCE_S", 0.2)
    with gateway(service_directory, b"", stays=True):
        result = invoke("--seconds", "1")
    assert result.stderr.count("`alleycat-gateway status` shows") == 1


def test_tail_of_a_gateway_that_is_not_set_up_names_the_remedy(service_directory: Path) -> None:
    waiting = status_to_json(gateway_status(is_set_up=False)) + b"\n"
    with gateway(service_directory, waiting, stays=False, socket_name=STATUS_FILE_NAME):
        result = invoke()
    assert result.exit_code == NOT_RUNNING
    assert result.stderr.startswith("not set up yet: ")
    assert "alleycat-gateway setup" in result.stderr


def test_tail_of_a_running_gateway_without_messages_to_offer_exits_3(
    service_directory: Path,
) -> None:
    racing = status_to_json(gateway_status()) + b"\n"
    with gateway(service_directory, racing, stays=False, socket_name=STATUS_FILE_NAME):
        result = invoke()
    assert result.exit_code == NOT_RUNNING
    assert f"no socket at {service_directory}/{FILE_NAME}" in result.stderr


def test_tail_without_a_gateway_exits_3(service_directory: Path) -> None:
    result = invoke()
    assert result.exit_code == NOT_RUNNING
    assert f"no gateway answers: no socket at {service_directory}/{FILE_NAME}" in result.stderr
    assert "`systemctl status alleycat-gateway`" in result.stderr


def test_tail_with_a_config_ignores_the_service_of_another(
    service_directory: Path, tmp_path: Path
) -> None:
    config = tmp_path / "own.toml"
    config.write_text('state_dir = "state"\n', encoding="utf-8")
    service = status_to_json(gateway_status(state_dir="/var/lib/alleycat-gateway"))
    (service_directory / FILE_NAME).touch()
    with gateway(service_directory, service, stays=False, socket_name=STATUS_FILE_NAME):
        result = invoke("--config", str(config))
    assert result.exit_code == NOT_RUNNING
    assert "uses /var/lib/alleycat-gateway" in result.output


def test_tail_without_a_gateway_prints_no_header() -> None:
    result = invoke()
    assert result.exit_code == NOT_RUNNING
    assert result.stdout == ""
