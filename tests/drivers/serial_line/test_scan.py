"""Bikes on serial ports are found whatever they speak; what cannot be looked at is said."""

import fcntl
import os
from pathlib import Path

import pytest

from drivers import BikeLost
from drivers.clock import MachineClock
from drivers.discovery import FoundBike
from drivers.serial_line.driver import SerialBike
from drivers.serial_line.port import PortInfo, list_usb_ports
from drivers.serial_line.scan import TRIES, scan_ports
from tests.support.pty_bike import PtyBike
from tests.support.serial_bikes import BIKES

#: Long enough for each try, the listening of a Peloton included.
SECONDS = 2.5 * len(TRIES)


async def found(*bikes: PtyBike) -> list[FoundBike]:
    ports = [PortInfo(str(bike.port), f"product {bike.port.name}") for bike in bikes]
    return [bike async for bike in scan_ports(SECONDS, MachineClock(), ports)]


def plug_in(directory: Path, protocol: str) -> PtyBike:
    bike = BIKES[protocol]()
    return PtyBike(directory / protocol, bike.answer, bike.says).plug_in()


@pytest.mark.slow
async def test_serial_bikes_of_every_protocol_are_found_at_once(tmp_path: Path) -> None:
    bikes = [plug_in(tmp_path, protocol) for protocol in BIKES]
    bikes.append(PtyBike(tmp_path / "modem", lambda _: b"ERROR\r\n").plug_in())
    scanned = {one.where: one for one in await found(*bikes)}
    for bike in bikes:
        bike.unplug()
    assert set(scanned) == {str(bike.port) for bike in bikes[:-1]}
    for protocol in BIKES:
        one = scanned[str(tmp_path / protocol)]
        assert f"speaks {protocol} at " in one.why
        assert one.reading is not None
        assert SerialBike.Options.model_validate(one.options).protocol == protocol


async def test_port_in_use_is_reported_by_the_scan(tmp_path: Path) -> None:
    bike = plug_in(tmp_path, "lines")
    other = os.open(bike.port, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(BikeLost, match="is open in another program"):
        await found(bike)
    os.close(other)
    bike.unplug()


async def test_scan_without_ports_finds_no_bikes() -> None:
    assert await found() == []


def test_only_usb_ports_are_listed() -> None:
    assert all("ttyS" not in info.port and "ttyAMA" not in info.port for info in list_usb_ports())
