"""The drop-in that lets the service use ports which its unit does not allow."""

import re
from pathlib import Path

import pytest

from gateway.config.schema import BikeConfig
from gateway.setup.service_ports import IN_UNIT, allow_ports, other_ports
from tests.systemd.test_unit import UNIT


def bike(port: str, driver: str = "serial") -> BikeConfig:
    options = {"port": port, "protocol": "peloton"}
    return BikeConfig(
        id="bike-1", racer_id=1, racer_name="Ada", class_id=1, driver=driver, options=options
    )


def test_unit_allows_the_ports_that_the_drop_in_leaves_out() -> None:
    allowed = re.findall(r"(?m)^DeviceAllow=char-(\w+) rw$", UNIT.read_text())
    assert tuple(allowed) == IN_UNIT


@pytest.mark.parametrize("port", ["/dev/serial0", "/dev/ttyAMA0", "/dev/ttyS1", "/dev/ttySC0"])
def test_uart_is_a_port_that_the_unit_does_not_allow(port: str) -> None:
    assert other_ports([bike(port), bike(port)]) == [port]


@pytest.mark.parametrize(
    "port",
    [
        "/dev/ttyUSB0",
        "/dev/ttyACM1",
        "/dev/serial/by-id/usb-FTDI-if00-port0",
        "socket://10.0.0.2:4000",
        "",
        "/srv/port",
        "/dev/two words",
        "/dev/ttyS1\nExecStartPre=/bin/evil",
        "/dev/%n",
    ],
)
def test_adapter_or_what_is_no_plain_device_is_left_out(port: str) -> None:
    assert other_ports([bike(port)]) == []


def test_port_of_another_driver_is_left_out() -> None:
    assert other_ports([bike("/dev/ttyS1", driver="ble")]) == []


def test_link_to_an_adapter_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.realpath", lambda _: "/dev/ttyUSB3")
    assert other_ports([bike("/dev/bike")]) == []


def test_drop_in_follows_the_ports_of_the_config(tmp_path: Path) -> None:
    drop_in = tmp_path / "unit.d/serial-ports.conf"
    assert allow_ports(["/dev/serial0", "/dev/ttyS1"], drop_in)
    assert re.findall(r"(?m)^[^#].*$", drop_in.read_text()) == [
        "[Service]",
        "DeviceAllow=/dev/serial0 rw",
        "DeviceAllow=/dev/ttyS1 rw",
    ]
    assert drop_in.stat().st_mode & 0o777 == 0o644
    assert not allow_ports(["/dev/serial0", "/dev/ttyS1"], drop_in)
    assert allow_ports(["/dev/ttyS1"], drop_in)
    assert allow_ports([], drop_in)
    assert not drop_in.exists()
    assert not allow_ports([], drop_in)
