"""Temperature and power supply, from files as a Pi's kernel has them."""

from pathlib import Path

import pytest

from gateway.host.board import PiHealth, read_pi_health


def pi(root: Path, temp: str = "61224\n", alarm: str = "0\n") -> Path:
    """A Pi whose first sensors are others."""
    files = {
        "sys/class/thermal/thermal_zone0/temp": temp,
        "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
        "sys/class/hwmon/hwmon1/name": "nvme\n",
        "sys/class/hwmon/hwmon2/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon2/in0_lcrit_alarm": alarm,
    }
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="ascii")
    return root


def test_pi_health_has_temperature_and_power_supply(tmp_path: Path) -> None:
    assert read_pi_health(pi(tmp_path)) == PiHealth(temperature_c=61.2, is_undervolted=False)


def test_pi_health_tells_an_undervolted_pi(tmp_path: Path) -> None:
    assert read_pi_health(pi(tmp_path, alarm="1\n")).is_undervolted is True


def test_pi_health_is_unknown_on_a_machine_without_sensors(tmp_path: Path) -> None:
    assert read_pi_health(tmp_path) == PiHealth(None, None)


@pytest.mark.parametrize("content", ["", "n/a\n"])
def test_pi_health_is_unknown_for_unreadable_values(tmp_path: Path, content: str) -> None:
    assert read_pi_health(pi(tmp_path, temp=content, alarm=content)) == PiHealth(None, None)


def test_pi_health_can_be_read_on_this_machine() -> None:
    assert isinstance(read_pi_health(), PiHealth)


@pytest.mark.parametrize(
    ("temperature_c", "is_slowed"), [(None, False), (79.9, False), (80.0, True)]
)
def test_pi_is_slowed_by_heat_from_80_degrees_on(
    temperature_c: float | None, is_slowed: bool
) -> None:
    assert PiHealth(temperature_c).is_slowed_by_heat is is_slowed


def test_pi_health_does_not_read_get_throttled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    read_text = Path.read_text

    def recorded(path: Path, **kwargs: str) -> str:
        read.append(path)
        return read_text(path, **kwargs)

    monkeypatch.setattr(Path, "read_text", recorded)
    read_pi_health(pi(tmp_path))
    assert read
    assert not [path for path in read if "get_throttled" in str(path)]
