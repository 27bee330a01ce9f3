"""The check that bluetoothd is running, with an adapter that is on."""

from collections.abc import Sequence
from pathlib import Path

from drivers.ble.bluez import BlueZ, first_that_is_on
from drivers.ble.errors import NOT_RUNNING, reason_of
from drivers.clock import MachineClock
from gateway.config.schema import BikeConfig
from gateway.terminal.finding import Finding, failed, ok

NAME = "bluetooth"
RFKILL = "sys/class/rfkill"

SWITCH_ON = "bluetoothctl power on"
USE_SWITCH = "turn on this computer's Bluetooth switch, or turn off its airplane-mode switch"
UNBLOCK = "sudo rfkill unblock bluetooth && bluetoothctl power on"
PLUG_IN = "plug in a USB Bluetooth adapter; `bluetoothctl list` shows the adapters"
RESTART = (
    "sudo systemctl restart bluetooth; if that does not help, see `systemctl status bluetooth`"
)
#: The remedy after a reason that names the command to run.
IF_NOT_STARTED = "if it does not start, `systemctl status bluetooth` shows the reason"
NO_BUS = "sudo apt install bluez && sudo systemctl enable --now bluetooth"


async def check_bluetooth(bikes: Sequence[BikeConfig], root: Path = Path("/")) -> list[Finding]:
    """Check every adapter that one of the bikes names, or else the first that is on."""
    needing = [bike for bike in bikes if bike.driver == "ble"]
    if not needing:
        return [ok(NAME, "no bike uses Bluetooth")]
    hard, soft = _blocked(root)
    if hard:
        return [failed(NAME, "Bluetooth is switched off by a hardware switch", USE_SWITCH)]
    if soft:
        return [failed(NAME, "Bluetooth is blocked by rfkill", UNBLOCK)]
    try:
        adapters = await BlueZ(MachineClock()).adapters()
    except OSError as error:
        return [_no_answer(error)]
    if not adapters:
        return [failed(NAME, "there is no Bluetooth adapter", PLUG_IN)]
    wanted = {str(name) for bike in needing if (name := bike.options.get("adapter"))}
    names = sorted(wanted) or [first_that_is_on(adapters)]
    return [_adapter(name, adapters) for name in names]


def _no_answer(error: OSError) -> Finding:
    """Return the finding, with a remedy that does not contradict a command in the reason."""
    reason, remedy = reason_of(error), RESTART
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        remedy = NO_BUS
    elif reason.startswith(NOT_RUNNING):
        remedy = IF_NOT_STARTED
    elif " run `" in reason:
        remedy = ""
    return failed(NAME, reason, remedy)


def _adapter(name: str, adapters: dict[str, bool]) -> Finding:
    if name not in adapters:
        there = ", ".join(sorted(adapters))
        remedy = f"plug in that adapter, or change the bike's option adapter to one of: {there}"
        return failed(NAME, f"there is no Bluetooth adapter {name}, only {there}", remedy)
    if not adapters[name]:
        return failed(NAME, f"the Bluetooth adapter {name} is off", SWITCH_ON)
    return ok(NAME, f"bluetoothd is running, and {name} is on")


def _blocked(root: Path) -> tuple[bool, bool]:
    """Return (hard_blocked, soft_blocked) over all Bluetooth rfkill devices.

    Source: the sysfs ABI of rfkill.
    """
    hard = soft = False
    for switch in sorted((root / RFKILL).glob("rfkill*")):
        if _read(switch / "type") == "bluetooth":
            hard |= _read(switch / "hard") == "1"
            soft |= _read(switch / "soft") == "1"
    return hard, soft


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return ""
