"""The health of the board: its temperature and its power supply."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

#: The temperature in °C from which the Pi's firmware slows the processor down (Raspberry Pi
#: documentation, "Frequency management and thermal control").
SLOWED_AT_C = 80.0


@dataclass(frozen=True, slots=True)
class PiHealth:
    """The health of the board. A value that the board does not report is null."""

    temperature_c: Annotated[
        float | None, Field(description="temperature of the processor in °C")
    ] = None
    is_undervolted: Annotated[
        bool | None,
        Field(
            description="whether the voltage was too low in the last few seconds; the Pi then "
            "slows down, and USB devices may drop out"
        ),
    ] = None

    @property
    def is_slowed_by_heat(self) -> bool:
        return self.temperature_c is not None and self.temperature_c >= SLOWED_AT_C


def read_pi_health(root: Path = Path("/")) -> PiHealth:
    """Read the board's health from /sys: the service has no /dev/vcio, which vcgencmd needs.

    /sys/devices/platform/soc/soc:firmware/get_throttled contains more, but is not read: reading it
    puts a warning with a stack trace into the kernel's log, and it was removed in 2025
    (raspberrypi/linux #6697). The hwmon sensor has replaced it.
    """
    millidegrees = _number(root / "sys/class/thermal/thermal_zone0/temp")
    return PiHealth(
        temperature_c=None if millidegrees is None else round(millidegrees / 1000, 1),
        is_undervolted=_is_undervolted(root / "sys/class/hwmon"),
    )


def _is_undervolted(sensors: Path) -> bool | None:
    """Read the sensor rpi_volt (Documentation/hwmon/raspberrypi-hwmon.rst), if there is one."""
    for name in sensors.glob("hwmon*/name"):
        with suppress(OSError):
            if name.read_text(encoding="ascii", errors="replace").strip() == "rpi_volt":
                alarm = _number(name.with_name("in0_lcrit_alarm"))
                return None if alarm is None else alarm != 0
    return None


def _number(file: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(file.read_text(encoding="ascii"))
    return None
