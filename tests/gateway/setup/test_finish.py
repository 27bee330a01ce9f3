"""What `setup` does after the config is written."""

import io
import tomllib
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from gateway.config.editor import Machine
from gateway.setup import finish, service_control, service_ports
from gateway.setup.answers import Answers, Current
from gateway.setup.finish import (
    allow_ports,
    bike_to_calibrate,
    next_steps,
    restart_verb,
    show_race,
    start_service,
    try_connection,
)
from gateway.status.snapshot import GatewayStatus
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.statuses import gateway_status

OLD = Current({}, is_new=False)
CONFIG = """
thing_name = "gateway-7"
state_dir = "state"
[cloud]
endpoint = "127.0.0.1"
port = {port}
ca_file = "{mine.ca_file}"
certificate_file = "{mine.certificate_file}"
private_key_file = "{mine.private_key_file}"
[[bikes]]
id = "bike-001"
racer_id = 3
racer_name = "Ada"
class_id = 2
driver = "fake"
"""
SERIAL = 'driver = "serial"\noptions = { port = "/dev/ttyUSB0", protocol = "peloton" }'
POINTS = "calibration = [[100, 0], [1000, 100]]"


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def uart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The service's config, with a bike on a UART; its drop-in would be serial-ports.conf here."""
    file = tmp_path / "gateway.toml"
    mine = Authority(tmp_path / "ca").issue("gateway-7")
    uart = SERIAL.replace("ttyUSB0", "ttyS1")
    file.write_text(CONFIG.format(port=1, mine=mine).replace('driver = "fake"', uart))
    monkeypatch.setattr(finish, "is_service_config", lambda checked: checked == file)
    monkeypatch.setattr(service_control, "can_control", lambda: True)
    monkeypatch.setattr(service_ports, "DROP_IN", tmp_path / "serial-ports.conf")
    return file


def test_uart_is_allowed_to_the_service_once_with_a_restart(
    uart: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    reloads: list[bool] = []
    monkeypatch.setattr(service_control, "reload_units", lambda: reloads.append(True))
    console = Console(file=screen, width=200)
    assert allow_ports(console, uart)
    assert "DeviceAllow=/dev/ttyS1 rw\n" in service_ports.DROP_IN.read_text()
    assert "The service may now use /dev/ttyS1: see " in screen.getvalue()
    assert not allow_ports(console, uart)
    assert reloads == [True]


def test_uart_of_another_config_changes_nothing_of_the_service(
    uart: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(file=screen, width=200)
    assert not allow_ports(console, uart.rename(uart.with_name("other.toml")))
    monkeypatch.setattr(service_control, "can_control", lambda: False)
    assert not allow_ports(console, uart)
    assert not service_ports.DROP_IN.exists()
    assert screen.getvalue() == ""


def test_drop_in_that_cannot_be_written_is_reported(
    uart: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    (uart.parent / "file").touch()
    drop_in = uart.parent / "file" / "serial-ports.conf"
    monkeypatch.setattr(service_ports, "DROP_IN", drop_in)
    assert not allow_ports(Console(file=screen, width=200), uart)
    assert f"cannot write {drop_in}: " in screen.getvalue()


def test_connection_and_topic_are_tried_as_check_does(tmp_path: Path, screen: io.StringIO) -> None:
    authority = Authority(tmp_path / "ca")
    file = tmp_path / "gateway.toml"
    with Mosquitto(tmp_path / "broker", authority) as broker:
        file.write_text(CONFIG.format(port=broker.port, mine=authority.issue("gateway-7")))
        assert try_connection(Console(file=screen, width=200), file, is_given=True)
    text = screen.getvalue()
    assert f"Testing the connection to 127.0.0.1:{broker.port}" in text
    assert "the broker accepts gateway-7" in text
    assert "was accepted" in text


def test_connection_that_fails_is_reported(tmp_path: Path, screen: io.StringIO) -> None:
    mine = Authority(tmp_path / "ca").issue("gateway-7")
    file = tmp_path / "gateway.toml"
    file.write_text(CONFIG.format(port=1, mine=mine))
    assert not try_connection(Console(file=screen, width=200), file, is_given=True)
    assert "127.0.0.1:1: Connection refused" in screen.getvalue()


def test_broker_without_tls_is_tried_only_if_the_user_has_named_it(
    tmp_path: Path, screen: io.StringIO
) -> None:
    file = tmp_path / "gateway.toml"
    cloud, bikes = CONFIG.split("ca_file", maxsplit=1)[0], CONFIG[CONFIG.index("[[bikes]]") :]
    file.write_text(f"{cloud.format(port=1)}plaintext = true\n{bikes}")
    console = Console(file=screen, width=200)
    assert try_connection(console, file, is_given=False)
    assert screen.getvalue() == ""
    assert not try_connection(console, file, is_given=True)


def test_reload_is_enough_for_a_rider_but_not_for_a_cloud() -> None:
    assert restart_verb(Answers(racer={"racer_name": "Bo"}), OLD) == "reload-or-restart"
    assert restart_verb(Answers(cloud={"endpoint": "x.example"}), OLD) == "restart"
    assert restart_verb(Answers(state_dir=Path("state")), OLD) == "restart"
    assert restart_verb(Answers(), Current({}, is_new=True)) == "restart"


def test_failed_start_names_the_log(monkeypatch: pytest.MonkeyPatch, screen: io.StringIO) -> None:
    monkeypatch.setattr(service_control, "apply", lambda _: "Job failed.")
    assert not start_service(Console(file=screen, width=200), "restart")
    assert "restart alleycat-gateway failed: Job failed.; read the log: sudo" in screen.getvalue()


@pytest.mark.parametrize(
    ("status", "words"),
    [(gateway_status(), "all well"), (None, "does not answer; read the log: sudo journalctl")],
)
def test_started_service_shows_its_status(
    status: GatewayStatus | None, words: str, monkeypatch: pytest.MonkeyPatch, screen: io.StringIO
) -> None:
    def first_status() -> GatewayStatus | None:
        assert screen.getvalue() == "Starting the service …\n", "no blank screen meanwhile"
        return status

    monkeypatch.setattr(service_control, "apply", lambda _: None)
    monkeypatch.setattr(service_control, "first_status", first_status)
    assert start_service(Console(file=screen), "restart") is (status is not None)
    assert words in screen.getvalue()


@pytest.mark.parametrize(
    ("options", "machine", "expected"),
    [
        pytest.param('driver = "fake"', None, None, id="fake"),
        pytest.param(SERIAL, None, "bike-001", id="not calibrated"),
        pytest.param(f"{SERIAL}\n{POINTS}", None, None, id="calibrated"),
        pytest.param(f"{SERIAL}\n{POINTS}", Machine("serial", {}), "bike-001", id="another bike"),
    ],
)
def test_bike_without_a_calibration_of_its_own_is_to_be_calibrated(
    options: str, machine: Machine | None, expected: str | None, tmp_path: Path
) -> None:
    mine = Authority(tmp_path / "ca").issue("gateway-7")
    file = tmp_path / "gateway.toml"
    text = CONFIG.format(port=1, mine=mine).replace('driver = "fake"', options)
    file.write_text(text)
    current = Current(tomllib.loads(text), is_new=False)
    assert bike_to_calibrate(file, Answers(machine=machine), current) == expected


@pytest.mark.parametrize(
    ("bike_id", "typed", "expected"),
    [
        ("bike-001", "\n", [("calibrate", "bike-001"), ("status", "--watch")]),
        ("bike-001", "n\n", [("status", "--watch")]),
        (None, "", [("status", "--watch")]),
    ],
)
def test_setup_of_a_started_service_ends_with_the_race(
    bike_id: str | None, typed: str, expected: list[tuple[str, ...]], screen: io.StringIO
) -> None:
    ran: list[tuple[str, ...]] = []
    app = typer.Typer()

    @app.command()
    def command() -> None:
        show_race(Console(file=screen), bike_id, lambda *words: ran.append(words))

    assert CliRunner().invoke(app, [], input=typed).exit_code == 0
    assert ran == expected


def test_next_steps_offer_the_calibration_of_a_new_bike(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    steps = next_steps(file, "restart", is_started=False, bike_id="bike-001")
    assert [step.split("alleycat-gateway ")[1].split()[0] for step in steps] == [
        "check",
        "run",
        "calibrate",
        "status",
    ]
    assert all(step.endswith(f"--config {file}") for step in steps)
    steps = next_steps(file, "restart", is_started=True, bike_id=None)
    assert steps == ["alleycat-gateway status --watch"]
