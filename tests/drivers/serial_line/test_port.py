"""Serial ports as they are: real ttys, unplugged, hung, busy, forbidden; and serial servers."""

import asyncio
import errno
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from drivers import BikeLost
from drivers.clock import MachineClock
from drivers.protocols.base import SerialLine
from drivers.serial_line import port as serial_port
from drivers.serial_line.port import SerialPort, open_port
from tests.support.pty_bike import PtyBike
from tests.support.virtual_clock import VirtualClock

LINE = SerialLine(baud_rates=(9600,))
CLOCK = MachineClock()
DEVICE_GROUPS = Path("/sys/fs/cgroup/devices")
OPEN_PTMX = """
import asyncio
from tests.drivers.serial_line.test_port import CLOCK, LINE, open_port
asyncio.run(open_port("/dev/ptmx", 9600, LINE, CLOCK).__aenter__())
"""


@pytest.fixture
async def bike(tmp_path: Path) -> AsyncIterator[PtyBike]:
    """Answers everything with itself."""
    bike = PtyBike(tmp_path / "usb-FTDI_1234-port0", answer=lambda data: data).plug_in()
    yield bike
    bike.unplug()


def write_much(port: SerialPort) -> None:
    for _ in range(10_000):
        port.write(b"x" * 64)


def open_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_port_carries_bytes_both_ways(bike: PtyBike) -> None:
    async with open_port(str(bike.port), 9600, LINE, CLOCK) as port:
        port.write(b"hello")
        assert await port.read() == b"hello"


async def test_bytes_from_before_the_opening_are_not_read(bike: PtyBike) -> None:
    bike.say(b"old")
    async with open_port(str(bike.port), 9600, LINE, CLOCK) as port:
        bike.say(b"new")
        assert await port.read() == b"new"


async def test_unplugged_port_is_a_lost_bike_with_its_name(bike: PtyBike) -> None:
    async with open_port(str(bike.port), 9600, LINE, CLOCK) as port:
        bike.unplug()
        with pytest.raises(BikeLost, match="usb-FTDI_1234-port0 was lost"):
            await asyncio.wait_for(port.read(), 5)


async def test_port_unplugged_before_a_write_is_a_lost_bike(bike: PtyBike) -> None:
    async with open_port(str(bike.port), 9600, LINE, CLOCK) as port:
        bike.unplug()
        port.write(b"anybody?")
        with pytest.raises(BikeLost, match="was lost"):
            await asyncio.wait_for(port.read(), 5)


async def test_port_that_takes_no_bytes_is_a_lost_bike(bike: PtyBike) -> None:
    bike.stop_taking()
    async with open_port(str(bike.port), 9600, LINE, CLOCK) as port:
        with pytest.raises(BikeLost, match="accepts no data"):
            write_much(port)


async def test_closing_a_port_does_not_wait_for_unsent_bytes(bike: PtyBike) -> None:
    bike.stop_taking()
    async with asyncio.timeout(20) as limit:
        async with open_port(str(bike.port), 9600, LINE, CLOCK) as port:
            with suppress(BikeLost):
                write_much(port)
    assert not limit.expired()


async def test_port_is_never_open_twice(bike: PtyBike) -> None:
    async with open_port(str(bike.port), 9600, LINE, CLOCK):
        with pytest.raises(BikeLost, match="open in another program"):
            async with open_port(str(bike.port), 9600, LINE, CLOCK):
                raise AssertionError("opened twice")


async def test_missing_port_is_a_lost_bike(tmp_path: Path) -> None:
    with pytest.raises(BikeLost, match="does not exist: is the cable plugged in"):
        async with open_port(str(tmp_path / "none"), 9600, LINE, CLOCK):
            raise AssertionError("opened")


async def test_port_that_the_sandbox_forbids_is_a_lost_bike_with_that_reason(
    bike: PtyBike, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device policy of a control group fails with EPERM, and wrong owners with EACCES."""

    def forbidden(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(serial_port._Tty, "open", forbidden)
    with pytest.raises(BikeLost, match=r"DeviceAllow=.*whatever its group and mode") as lost:
        async with open_port(str(bike.port), 9600, LINE, CLOCK):
            raise AssertionError("opened")
    assert "adduser" not in str(lost.value)


@pytest.mark.skipif(
    os.geteuid() != 0 or not DEVICE_GROUPS.is_dir(),
    reason="needs root, and the device policy of control groups, version 1",
)
def test_port_that_a_control_group_forbids_is_reported_as_such() -> None:
    device = os.stat("/dev/ptmx").st_rdev
    group = DEVICE_GROUPS / f"alleycat-test-{os.getpid()}"
    group.mkdir()
    try:
        (group / "devices.deny").write_text(f"c {os.major(device)}:{os.minor(device)} rwm")
        join = f"echo $$ > {group}/cgroup.procs && exec {sys.executable} -c '{OPEN_PTMX}'"
        ended = subprocess.run(["sh", "-c", join], capture_output=True, text=True, check=False)
    finally:
        group.rmdir()
    assert "BikeLost: /dev/ptmx is not a device that the service may use" in ended.stderr


async def test_file_that_is_no_port_is_a_lost_bike(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BikeLost, match="cannot be opened"):
        async with open_port(str(tmp_path / "file"), 9600, LINE, CLOCK):
            raise AssertionError("opened")


async def test_port_that_hangs_on_opening_is_a_lost_bike_until_it_opens(
    bike: PtyBike, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock()
    broken = threading.Event()

    class Hanging(serial_port._Tty):
        def open(self) -> None:
            broken.wait()
            super().open()

    with monkeypatch.context() as patch:
        patch.setattr(serial_port, "_Tty", Hanging)
        opening = asyncio.create_task(open_port(str(bike.port), 9600, LINE, clock).__aenter__())
        await clock.run_for(serial_port.OPEN_S)
        with pytest.raises(BikeLost, match="did not open within"):
            await opening
    for _ in range(3):
        with pytest.raises(BikeLost, match="has not finished: unplug"):
            async with open_port(str(bike.port), 9600, LINE, CLOCK):
                raise AssertionError("opened")
    broken.set()
    for thread in threading.enumerate():
        if thread.name.startswith("open "):
            await asyncio.to_thread(thread.join)
    async with open_port(str(bike.port), 9600, LINE, CLOCK) as port:
        port.write(b"hello")
        assert await port.read() == b"hello"


async def test_closed_port_leaves_no_descriptor_open(bike: PtyBike) -> None:
    before = open_fds()
    for _ in range(100):
        async with open_port(str(bike.port), 9600, LINE, CLOCK):
            pass
    assert open_fds() == before


class TestSerialServer:
    async def test_serial_server_carries_bytes_both_ways(self) -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read(100))
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        number = server.sockets[0].getsockname()[1]
        async with server, open_port(f"socket://127.0.0.1:{number}", 9600, LINE, CLOCK) as port:
            port.write(b"hello")
            assert await port.read() == b"hello"
            with pytest.raises(BikeLost, match="closed by the other side"):
                await port.read()

    async def test_missing_serial_server_is_a_lost_bike(self, unused_tcp_port: int) -> None:
        address = f"127.0.0.1:{unused_tcp_port}"
        with pytest.raises(BikeLost, match=f"serial server {address} cannot be reached"):
            async with open_port(f"socket://{address}", 9600, LINE, CLOCK):
                raise AssertionError("opened")
