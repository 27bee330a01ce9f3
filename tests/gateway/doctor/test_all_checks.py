"""All checks of one config, in order: which are made, and which of them are not."""

import asyncio
from pathlib import Path

import pytest

from drivers.registry import load_drivers
from gateway.buffer.store import Record
from gateway.config.command_line import SERVICE_CONFIG, command_line
from gateway.config.packaged import config_path
from gateway.doctor import all_checks
from gateway.doctor.all_checks import Report, _with_file, check_all
from gateway.host import sockets
from gateway.host.device_policy import DevicePolicy
from gateway.host.state_dir import locked_state_dir
from gateway.terminal.finding import State, failed, ok, warning
from systemd.package.first_config import first_config
from tests.support.buffer_files import fill_buffer
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.telemetry import message

CONFIG = """
thing_name = "gateway-1"
state_dir = "state"
[cloud]
endpoint = "127.0.0.1"
{cloud}
[[bikes]]
id = "bike-1"
racer_id = 1
racer_name = "Ada"
class_id = 1
driver = "fake"
"""


@pytest.fixture(autouse=True)
def _no_service_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SERVICE_DIRECTORY", tmp_path / "run")


def written(tmp_path: Path, cloud: str = "plaintext = true\nport = 1") -> Path:
    file = tmp_path / "gateway.toml"
    file.write_text(CONFIG.format(cloud=cloud))
    return file


def names(report: Report) -> list[str]:
    return [one.name for one in report.findings]


async def test_checks_all_pass_against_a_broker_with_mutual_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    mine = authority.issue("gateway-1")
    with Mosquitto(tmp_path / "broker", authority) as broker:
        report = await check_all(
            written(
                tmp_path,
                f'port = {broker.port}\nca_file = "{mine.ca_file}"\n'
                f'certificate_file = "{mine.certificate_file}"\n'
                f'private_key_file = "{mine.private_key_file}"',
            ),
            load_drivers(),
        )
    assert names(report) == [
        "config",
        "clock",
        "disk",
        "certificate",
        "certificate",
        "bluetooth",
        "serial",
        "endpoint",
        "cloud",
    ]
    assert report.is_well, report.findings
    assert report.versions["alleycat-gateway"]


async def test_checks_of_a_bad_config_make_no_connection(tmp_path: Path) -> None:
    report = await check_all(written(tmp_path, 'ca_file = "gone.pem"'), load_drivers())
    assert not report.config_is_well
    assert "disk" in names(report)
    assert not {"endpoint", "serial"} & set(names(report))


async def test_checks_without_a_config_are_config_and_clock_alone(tmp_path: Path) -> None:
    assert names(await check_all(tmp_path / "gone.toml", load_drivers())) == ["config", "clock"]


async def test_checks_make_no_connection_while_a_gateway_runs(tmp_path: Path) -> None:
    with locked_state_dir(tmp_path / "state"):
        report = await check_all(written(tmp_path), load_drivers())
    assert names(report)[-1] == "service"
    assert "endpoint" not in names(report)


async def test_commands_in_remedies_name_the_file_that_was_checked(tmp_path: Path) -> None:
    file = written(tmp_path)
    refused = Record(1, 7, message(1, 7).to_json())
    fill_buffer(tmp_path / "state", quarantined=[(refused, "0x87")])
    report = await check_all(file, load_drivers())
    remedies = {one.name: one.remedy for one in report.findings}
    assert remedies["certificate"].endswith(command_line("setup", file))
    assert remedies["endpoint"].endswith(command_line("setup", file))
    assert remedies["buffer"].endswith(command_line("buffer quarantine", file))


async def test_commands_in_remedies_need_no_sudo_for_a_config_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    report = await check_all(written(tmp_path), load_drivers())
    remedies = [one.remedy for one in report.findings if "alleycat-gateway setup" in one.remedy]
    assert remedies
    assert not any("sudo" in remedy for remedy in remedies)


async def test_checks_name_an_uncalibrated_rig_before_the_race(tmp_path: Path) -> None:
    file = written(tmp_path)
    serial = 'driver = "serial"\noptions = { port = "/dev/ttyUSB0", protocol = "lines" }\n'
    file.write_text(file.read_text().replace('driver = "fake"\n', serial))
    report = await check_all(file, load_drivers())
    (finding,) = (one for one in report.findings if one.name == "calibration")
    assert finding.state is State.WARNING
    assert finding.remedy == f"run: {command_line('calibrate bike-1', file)}"


async def test_sandbox_counts_for_the_config_of_the_service_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/dev/ptmx is a terminal of every Linux that no unit allows."""
    file = written(tmp_path)
    serial = 'driver = "serial"\noptions = { port = "/dev/ptmx", protocol = "lines" }\n'
    file.write_text(file.read_text().replace('driver = "fake"\n', serial))
    closed = DevicePolicy(is_closed=True, allowed=("char-ttyUSB rw",))
    monkeypatch.setattr(all_checks, "service_policy", lambda: closed)
    forbidden = "bike-1: the service's unit does not allow it to use /dev/ptmx (DeviceAllow=)"
    report = await check_all(file, load_drivers())
    assert forbidden not in [one.what for one in report.findings]
    monkeypatch.setattr(all_checks, "is_service_config", lambda checked: checked == file)
    report = await check_all(file, load_drivers())
    assert forbidden in [one.what for one in report.findings]


def test_report_with_warnings_alone_is_well() -> None:
    assert Report([ok("a", "b"), warning("a", "b", "c")], {}).is_well
    report = Report([failed("disk", "b")], {})
    assert (report.is_well, report.config_is_well) == (False, True)


def test_checks_change_no_file(tmp_path: Path) -> None:
    file = written(tmp_path)
    report = asyncio.run(check_all(file, load_drivers()))
    assert report.findings[-1].state is State.FAILED, "nobody listens on port 1"
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


async def test_checks_of_a_gateway_that_is_not_set_up_end_with_the_setup(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_text(first_config(config_path("gateway.toml").read_text(encoding="utf-8")))
    report = await check_all(file, load_drivers())
    assert names(report)[-1] == "setup"
    assert not {"certificate", "endpoint", "service"} & set(names(report))
    assert report.findings[-1].state is State.FAILED
    assert report.findings[-1].remedy == f"run: {command_line('setup', file)}"


def test_command_for_the_config_of_the_service_needs_no_option() -> None:
    advice = warning("calibration", "not calibrated", "run: alleycat-gateway calibrate bike-1")
    command = command_line("calibrate bike-1", SERVICE_CONFIG)
    assert _with_file(advice, SERVICE_CONFIG).remedy == f"run: {command}"
    assert "--config" not in command


def test_command_as_root_keeps_its_sudo(tmp_path: Path) -> None:
    advice = failed("service", "no permission", "run this as root: sudo alleycat-gateway check")
    file = tmp_path / "gateway.toml"
    assert _with_file(advice, file).remedy == (
        f"run this as root: sudo alleycat-gateway check --config {file}"
    )
