"""Against a real D-Bus with a small org.bluez on it, and rfkill's files in a directory."""

from pathlib import Path

import pytest

from drivers.ble.bluez import BlueZ
from gateway.config.schema import BikeConfig
from gateway.doctor.bluetooth import RFKILL, check_bluetooth
from gateway.terminal.finding import Finding, State
from gateway.timing.clock import SystemClock
from tests.support.bluez import Bluez, DBusDaemon


def bike(driver: str = "ble", **options: object) -> BikeConfig:
    return BikeConfig(
        id="bike-1", racer_id=1, racer_name="Ada", class_id=1, driver=driver, options=options
    )


async def found(*bikes: BikeConfig, root: Path = Path("/nowhere")) -> Finding:
    (finding,) = await check_bluetooth(bikes or [bike()], root)
    return finding


def switch(root: Path, kind: str, *, soft: int = 0, hard: int = 0) -> Path:
    directory = root / RFKILL / f"rfkill{len(list(root.rglob('type')))}"
    directory.mkdir(parents=True)
    for name, value in {"type": kind, "soft": soft, "hard": hard}.items():
        (directory / name).write_text(f"{value}\n")
    return root


async def test_an_adapter_that_is_on_is_well(bluez: Bluez) -> None:
    assert await found() == Finding("bluetooth", State.OK, "bluetoothd is running, and hci0 is on")


async def test_adapter_that_is_off_is_a_failure_with_its_remedy(bluez: Bluez) -> None:
    bluez.hci0.power(on=False)
    await bluez.settle()
    finding = await found()
    assert (finding.state, finding.remedy) == (State.FAILED, "bluetoothctl power on")
    assert finding.what == "the Bluetooth adapter hci0 is off"


async def test_second_adapter_that_is_on_is_enough(bluez: Bluez) -> None:
    bluez.hci0.power(on=False)
    bluez.add_adapter()
    await bluez.settle()
    assert (await found()).what == "bluetoothd is running, and hci1 is on"


async def test_adapter_named_by_a_bike_must_exist(bluez: Bluez) -> None:
    finding = await found(bike(adapter="hci7"))
    assert finding.what == "there is no Bluetooth adapter hci7, only hci0"


async def test_missing_adapter_is_reported(bluez: Bluez) -> None:
    bluez.hci0.unplug()
    await bluez.settle()
    assert (await found()).what == "there is no Bluetooth adapter"


async def test_stopped_bluetoothd_is_a_failure(bluez: Bluez) -> None:
    await bluez.kill()
    finding = await found()
    assert finding.state is State.FAILED
    assert finding.what.startswith(
        "bluetoothd is not running: run `sudo systemctl enable --now bluetooth`"
    )
    assert finding.remedy == "if it does not start, `systemctl status bluetooth` shows the reason"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("org.freedesktop.DBus.Error.AccessDenied", ""),
        ("BlueZ does not answer", "sudo systemctl restart bluetooth"),
    ],
)
async def test_one_problem_has_one_command(
    monkeypatch: pytest.MonkeyPatch, error: str, remedy: str
) -> None:
    async def fail(_: BlueZ) -> dict[str, bool]:
        raise OSError(error)

    monkeypatch.setattr(BlueZ, "adapters", fail)
    finding = await found()
    assert finding.state is State.FAILED
    assert finding.remedy.partition(";")[0] == remedy


async def test_a_machine_without_dbus_needs_bluez(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/socket")
    finding = await found()
    assert finding.what.startswith("D-Bus, which BlueZ needs, is not running")
    assert finding.remedy.startswith("sudo apt install bluez")


async def test_rfkill_is_told_before_the_adapter_that_it_has_switched_off(
    bluez: Bluez, tmp_path: Path
) -> None:
    bluez.hci0.power(on=False)
    await bluez.settle()
    finding = await found(root=switch(switch(tmp_path, "wlan"), "bluetooth", soft=1))
    assert finding.what == "Bluetooth is blocked by rfkill"
    assert finding.remedy == "sudo rfkill unblock bluetooth && bluetoothctl power on"


async def test_hardware_switch_is_told_from_a_soft_block(bluez: Bluez, tmp_path: Path) -> None:
    finding = await found(root=switch(tmp_path, "bluetooth", soft=1, hard=1))
    assert "hardware switch" in finding.what


async def test_blocked_wifi_does_not_matter_to_bluetooth(bluez: Bluez, tmp_path: Path) -> None:
    assert (await found(root=switch(tmp_path, "wlan", soft=1))).state is State.OK


async def test_bluetooth_is_not_checked_without_a_bike_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/socket")
    assert (await found(bike("fake"))).what == "no bike uses Bluetooth"


async def test_has_owner_tells_which_names_are_on_the_bus(
    dbus_daemon: DBusDaemon, bluez: Bluez
) -> None:
    assert await BlueZ(SystemClock()).has_owner("org.bluez")
    assert not await BlueZ(SystemClock()).has_owner("org.freedesktop.ModemManager1")
