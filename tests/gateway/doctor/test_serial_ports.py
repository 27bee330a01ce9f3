"""Against real ttys (ptys), a real D-Bus with a ModemManager on it, and udev's files."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dbus_fast.aio import MessageBus

from drivers.protocols import PROTOCOLS
from drivers.serial_line.port import open_port
from gateway.config.schema import BikeConfig
from gateway.doctor.serial_ports import IGNORED, MODEM_MANAGER, UDEV_DATA, check_serial_ports
from gateway.host.device_policy import DevicePolicy
from gateway.terminal.finding import Finding, State
from gateway.timing.clock import SystemClock
from tests.support.bluez import DBusDaemon
from tests.support.pty_bike import PtyBike


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Path]:
    bike = PtyBike(tmp_path / "usb-peloton").plug_in()
    yield bike.port
    bike.unplug()


@pytest.fixture(autouse=True)
def _no_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/socket")


@pytest.fixture
async def modem_manager(
    dbus_daemon: DBusDaemon, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", dbus_daemon.address)
    bus = await MessageBus(bus_address=dbus_daemon.address).connect()
    await bus.request_name(MODEM_MANAGER)
    yield
    bus.disconnect()
    await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


def on(port: Path | str, driver: str = "serial") -> BikeConfig:
    options = {"port": str(port), "protocol": "peloton"}
    return BikeConfig(
        id="bike-1", racer_id=1, racer_name="Ada", class_id=1, driver=driver, options=options
    )


async def found(port: Path | str, root: Path = Path("/nowhere")) -> list[Finding]:
    return await check_serial_ports([on(port)], DevicePolicy(), root)


async def test_serial_port_that_opens_is_well(port: Path) -> None:
    assert await found(port) == [
        Finding("serial", State.OK, f"bike-1: {port} can be opened"),
    ]


async def test_missing_serial_port_is_reported_with_its_remedy(tmp_path: Path) -> None:
    (finding,) = await found(tmp_path / "gone")
    assert finding.what == f"bike-1: {tmp_path / 'gone'} does not exist: is the cable plugged in?"
    assert "/dev/serial/by-id" in finding.remedy


async def test_serial_port_in_use_is_reported(port: Path) -> None:
    line = PROTOCOLS["peloton"].line
    assert line is not None
    async with open_port(str(port), 19200, line, SystemClock()):
        (finding,) = await found(port)
    assert f"{port} is open in another program" in finding.what


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become nobody")
def test_forbidden_serial_port_is_reported_with_the_group() -> None:
    master, slave = os.openpty()
    tty = os.ttyname(slave)
    os.chmod(tty, 0o600)
    program = (
        "import asyncio, os\n"
        "from gateway.doctor.serial_ports import check_serial_ports\n"
        "from gateway.config.schema import BikeConfig\n"
        "from gateway.host.device_policy import DevicePolicy\n"
        f"bike = BikeConfig.model_validate({on(tty).model_dump()!r})\n"
        "os.setgroups([]); os.setuid(65534)\n"
        "print(asyncio.run(check_serial_ports([bike], DevicePolicy()))[0].what)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "sudo adduser USER dialout" in ended.stdout
    os.close(master)
    os.close(slave)


@pytest.mark.usefixtures("modem_manager")
async def test_modem_manager_is_a_warning_for_a_port_without_udev_mark(
    port: Path,
) -> None:
    _, finding = await found(port)
    assert finding.state is State.WARNING
    assert finding.what.startswith(f"ModemManager is running: it writes to {port}")


@pytest.mark.usefixtures("modem_manager")
async def test_modem_manager_is_no_warning_for_a_port_with_udev_mark(
    port: Path, tmp_path: Path
) -> None:
    device = os.stat(port).st_rdev
    data = tmp_path / UDEV_DATA / f"c{os.major(device)}:{os.minor(device)}"
    data.parent.mkdir(parents=True)
    data.write_text(f"S:serial/by-id/x\n{IGNORED}\n")
    assert [one.state for one in await found(port, tmp_path)] == [State.OK]


async def test_port_that_the_service_may_not_use_is_reported_although_it_opens_here(
    port: Path,
) -> None:
    policy = DevicePolicy(is_closed=True, allowed=("char-mem rw",))
    bike = on("/dev/ptmx")  # of the driver ptmx; pseudo-terminals themselves are always allowed
    assert await check_serial_ports([bike], policy) == [
        Finding(
            "serial",
            State.FAILED,
            "bike-1: the service's unit does not allow it to use /dev/ptmx (DeviceAllow=)",
            "run: sudo alleycat-gateway setup",
        )
    ]
    assert [one.state for one in await check_serial_ports([on(port)], policy)] == [State.OK]


async def test_serial_console_is_a_warning_for_a_port_that_opens(tmp_path: Path) -> None:
    active = tmp_path / "sys/class/tty/console/active"
    active.parent.mkdir(parents=True)
    master, slave = os.openpty()
    port = Path(os.ttyname(slave))
    active.write_text(f"tty0 {port.name}\n")
    _, finding = await found(port, tmp_path)
    assert finding.state is State.WARNING
    assert finding.what == (
        f"{port} is the serial console of this computer, which disturbs the bike"
    )
    assert finding.remedy.startswith("remove its console=…")
    active.write_text("tty0\n")
    assert len(await found(port, tmp_path)) == 1
    os.close(master)
    os.close(slave)


async def test_unreachable_serial_server_is_reported() -> None:
    (finding,) = await found("socket://127.0.0.1:1")
    assert finding.what.startswith("bike-1: serial server 127.0.0.1:1 cannot be reached")


async def test_serial_ports_are_not_checked_without_a_bike_on_them() -> None:
    (finding,) = await check_serial_ports([on("/nowhere", driver="ble")], DevicePolicy())
    assert finding == Finding("serial", State.OK, "no bike uses a serial port")
