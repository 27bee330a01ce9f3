"""Drivers by name; a broken plugin is a status with a reason, and never a crash."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
from pydantic import ValidationError

from drivers import BikeLost, Clock, DriverOptions, Reading
from drivers.captures.replay import Replay
from drivers.contract import DriverType
from drivers.fake import FakeBike
from drivers.registry import GROUP, DriverStatus, load_drivers, make_driver
from tests.support.clock import ManualClock

PLUGIN = "plugin_of_somebody"


class Tacx:
    """A third party's driver."""

    class Options(DriverOptions):
        port: int = 1

    stale_after_s = 2.0

    def __init__(self, options: DriverOptions, clock: Clock) -> None:
        if getattr(options, "port", 0) == 13:
            raise OSError("no such port")

    @asynccontextmanager
    async def open_bike(self) -> AsyncIterator[AsyncIterator[Reading]]:
        raise BikeLost("not today")
        yield


TACX = DriverStatus("tacx", driver=cast(DriverType, Tacx))


def install(monkeypatch: pytest.MonkeyPatch, value: str, **names: object) -> None:
    """Register `value` as driver `plugin`, from a module that has `names`."""
    module = ModuleType(PLUGIN)
    vars(module).update(names)
    monkeypatch.setitem(sys.modules, PLUGIN, module)
    points = [
        EntryPoint("fake", "drivers.fake:FakeBike", GROUP),
        EntryPoint("plugin", value, GROUP),
    ]
    monkeypatch.setattr("drivers.registry.entry_points", lambda group: points)


def test_built_in_drivers_are_registered() -> None:
    drivers = load_drivers()
    assert (drivers["fake"].driver, drivers["replay"].driver) == (FakeBike, Replay)
    assert drivers["fake"].problem is drivers["replay"].problem is None


def test_a_plugin_is_a_driver_like_the_built_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, f"{PLUGIN}:Tacx", Tacx=Tacx)
    status = load_drivers()["plugin"]
    assert (status.driver, status.problem) == (Tacx, None)
    assert isinstance(make_driver(status, {"port": 2}, ManualClock()), Tacx)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("no_such_module:Bike", "no_such_module:Bike: ModuleNotFoundError: No module named"),
        (f"{PLUGIN}:Bike", f"{PLUGIN}:Bike: AttributeError"),
        (f"{PLUGIN}:function", "Options"),
        (f"{PLUGIN}:WithWrongOptions", "Options"),
    ],
    ids=["no module", "no class", "not a driver", "options of another kind"],
)
def test_a_broken_plugin_is_a_status_and_the_others_load(
    monkeypatch: pytest.MonkeyPatch, value: str, problem: str
) -> None:
    names = {"function": print, "WithWrongOptions": type("WithWrongOptions", (), {"Options": dict})}
    install(monkeypatch, value, **names)
    drivers = load_drivers()
    assert drivers["fake"].driver is FakeBike
    assert drivers["plugin"].driver is None
    assert problem in (drivers["plugin"].problem or "")


@pytest.mark.parametrize(
    ("module", "source", "error"),
    [
        ("plugin_that_divides", "1 / 0", "ZeroDivisionError: division by zero"),
        ("plugin_that_exits", "import sys; sys.exit('no licence')", "SystemExit: no licence"),
    ],
)
def test_plugin_that_fails_at_import_is_a_status_with_the_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str, source: str, error: str
) -> None:
    (tmp_path / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    install(monkeypatch, f"{module}:Bike")
    assert load_drivers()["plugin"] == DriverStatus("plugin", problem=f"{module}:Bike: {error}")


def test_driver_is_imported_when_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "plugin_with_a_library.py").write_text("from drivers.fake import FakeBike")
    monkeypatch.syspath_prepend(tmp_path)
    install(monkeypatch, "plugin_with_a_library:FakeBike")
    drivers = load_drivers()
    assert (len(drivers), [*drivers]) == (2, ["fake", "plugin"])
    assert "plugin" in drivers
    assert "other" not in drivers
    assert "plugin_with_a_library" not in sys.modules
    assert drivers["plugin"].driver is FakeBike
    assert drivers.get("other") is None


async def test_the_bike_of_a_broken_plugin_is_lost_with_the_reason() -> None:
    status = DriverStatus("tacx", problem="ImportError: no module 'usb'")
    bike = make_driver(status, {"any": "thing"}, ManualClock())
    with pytest.raises(BikeLost, match="driver 'tacx' cannot be loaded: ImportError: no module"):
        async with bike.open_bike():
            pass


async def test_the_bike_of_a_plugin_that_cannot_be_made_is_lost_with_the_reason() -> None:
    bike = make_driver(TACX, {"port": 13}, ManualClock())
    with pytest.raises(BikeLost, match="OSError: no such port"):
        async with bike.open_bike():
            pass


@pytest.mark.parametrize("options", [{"port": "x"}, {"prot": 1}])
def test_wrong_options_are_refused_by_name(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(options))):
        make_driver(TACX, options, ManualClock())
