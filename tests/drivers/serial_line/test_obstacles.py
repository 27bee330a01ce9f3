"""What keeps a port from the bike, in a tree laid out as Linux does in /sys."""

from pathlib import Path

import pytest

from drivers.serial_line.obstacles import console_on, why_missing

PORT = "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0"
CABLE = f"{PORT} does not exist: is the cable plugged in?"


def plug_in(root: Path, device: str, ids: tuple[str, str], driver: str) -> None:
    """Lay out a USB device of one interface, with the driver that has it."""
    devices = root / "sys/bus/usb/devices"
    interface = devices / f"{device}:1.0"
    interface.mkdir(parents=True)
    (devices / device).mkdir()
    for name, value in zip(("idVendor", "idProduct"), ids, strict=True):
        (devices / device / name).write_text(f"{value}\n")
    (interface / "driver").symlink_to(f"../../../../bus/usb/drivers/{driver}")


def install_brltty(root: Path, place: str = "usr/bin/brltty") -> None:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).touch()


def test_missing_port_asks_for_the_cable_while_nothing_else_is_known(tmp_path: Path) -> None:
    assert why_missing(PORT, tmp_path) == CABLE


@pytest.mark.parametrize("place", ["bin/brltty", "usr/bin/brltty"])
def test_missing_port_names_brltty_which_has_taken_the_adapter(tmp_path: Path, place: str) -> None:
    plug_in(tmp_path, "1-1.2", ("1a86", "7523"), "usbfs")
    install_brltty(tmp_path, place)
    why = why_missing(PORT, tmp_path)
    assert "another program, probably brltty, has taken the USB adapter 1a86:7523" in why
    assert "`sudo apt remove brltty`, then unplug the cable and plug it in again" in why


def test_missing_port_does_not_blame_brltty_where_it_is_not_installed(tmp_path: Path) -> None:
    plug_in(tmp_path, "1-1", ("10c4", "ea60"), "usbfs")
    why = why_missing(PORT, tmp_path)
    assert "another program has taken the USB adapter 10c4:ea60" in why
    assert "brltty" not in why


@pytest.mark.parametrize(
    ("ids", "driver"),
    [
        (("1a86", "7523"), "ch341"),  # works: the missing port is another one
        (("0fcf", "1008"), "usbfs"),  # an ANT stick
    ],
)
def test_device_that_is_as_it_should_be_is_not_blamed(
    tmp_path: Path, ids: tuple[str, str], driver: str
) -> None:
    plug_in(tmp_path, "1-1", ids, driver)
    install_brltty(tmp_path)
    assert why_missing(PORT, tmp_path) == CABLE


def test_adapter_unplugged_meanwhile_is_passed_over(tmp_path: Path) -> None:
    plug_in(tmp_path, "1-1", ("1a86", "7523"), "usbfs")
    (tmp_path / "sys/bus/usb/devices/1-1/idVendor").unlink()
    assert why_missing(PORT, tmp_path) == CABLE


@pytest.mark.parametrize("port", ["/dev/serial0", "/dev/ttyAMA0", "/dev/ttyAMA10", "/dev/ttyS0"])
def test_missing_uart_is_to_be_switched_on(tmp_path: Path, port: str) -> None:
    why = why_missing(port, tmp_path)
    assert why.startswith(f"{port} does not exist: switch this UART on")
    assert "cable" not in why


def console(root: Path, active: str) -> None:
    file = root / "sys/class/tty/console/active"
    file.parent.mkdir(parents=True)
    file.write_text(f"{active}\n")


def used(port: str, root: Path) -> tuple[str, str]:
    use = console_on(port, root)
    assert use is not None
    return use


@pytest.mark.parametrize("file", ["boot/firmware/cmdline.txt", "boot/cmdline.txt"])
def test_serial_console_is_named_with_the_file_that_makes_it_one(tmp_path: Path, file: str) -> None:
    console(tmp_path, "tty1 ttyS0")
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    what, remedy = used("/dev/ttyS0", tmp_path)
    assert what == "/dev/ttyS0 is the serial console of this computer"
    assert f"from /{file} " in remedy


def test_serial_console_is_found_behind_a_link(tmp_path: Path) -> None:
    console(tmp_path, "ttyAMA0")
    link = tmp_path / "serial0"
    link.symlink_to("/dev/ttyAMA0")
    assert "from the kernel's command line" in used(str(link), tmp_path)[1]


def test_login_prompt_without_a_console_is_named_with_its_unit(tmp_path: Path) -> None:
    console(tmp_path, "tty1")
    slices = tmp_path / "sys/fs/cgroup/system.slice/system-serial\\x2dgetty.slice"
    (slices / "serial-getty@ttyS0.service").mkdir(parents=True)
    assert used("/dev/ttyS0", tmp_path) == (
        "/dev/ttyS0 has a login prompt",
        "run: sudo systemctl disable --now serial-getty@ttyS0.service",
    )


@pytest.mark.parametrize("active", ["tty1", "tty1 ttyS01", ""])
def test_port_that_linux_does_not_use_is_free(tmp_path: Path, active: str) -> None:
    console(tmp_path, active)
    assert console_on("/dev/ttyS0", tmp_path) is None
    assert console_on("/dev/ttyS0", tmp_path / "nowhere") is None
