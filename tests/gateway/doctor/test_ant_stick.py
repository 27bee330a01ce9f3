"""Against a stick in memory, below the real openant."""

from pathlib import Path

import pytest

from gateway.config.schema import BikeConfig
from gateway.doctor.ant_stick import check_ant_stick
from gateway.terminal.finding import Finding, State
from tests.support.ant_stick import AntStick, open_bus


def on(driver: str) -> BikeConfig:
    options = {"device_number": 11565} if driver == "ant" else {}
    return BikeConfig(
        id="bike-1", racer_id=1, racer_name="Ada", class_id=1, driver=driver, options=options
    )


async def test_ant_stick_that_answers_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_bus(tmp_path, monkeypatch) as bus:
        bus.plug_in(AntStick())
        found = await check_ant_stick([on("ant")])
    assert found == [Finding("ant", State.OK, "the ANT stick for bike-1 answers")]


async def test_missing_ant_stick_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_bus(tmp_path, monkeypatch):
        [found] = await check_ant_stick([on("ant")])
    assert found.state is State.FAILED
    assert "no ANT stick is plugged in" in found.what
    assert "lsusb" in found.remedy


async def test_ant_stick_is_not_checked_without_a_bike_on_it() -> None:
    assert await check_ant_stick([on("ble")]) == []
