"""A bike of nobody's, beside daemons and root; tests/contracts has what every session does."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from drivers.registry import DriverStatus, load_drivers
from gateway.bike.link import LinkState
from gateway.calibrating.local import OwnBike, OwnDesk
from gateway.calibrating.session import CalibrationError, Origin
from gateway.config.schema import BikeConfig
from gateway.host.state_dir import locked_state_dir
from gateway.sampling.calibration_store import CalibrationStore
from tests.support.calibrations import record
from tests.support.virtual_clock import VirtualClock


def bike(**changed: Any) -> BikeConfig:
    fields = {"id": "bike-1", "racer_id": 1, "racer_name": "Ada", "class_id": 1, "driver": "fake"}
    return BikeConfig.model_validate({**fields, **changed})


def desk(state_dir: Path, **changed: Any) -> OwnDesk:
    return OwnDesk(bike(**changed), load_drivers()["fake"], state_dir)


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where everybody may go."""
    with TemporaryDirectory(prefix="alleycat-") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


async def test_beside_a_daemon_that_was_started_meanwhile_nothing_changes(tmp_path: Path) -> None:
    """It would not know of it."""
    one = desk(tmp_path)
    with (
        locked_state_dir(tmp_path),
        pytest.raises(CalibrationError, match="in use by another alleycat-gateway"),
    ):
        await one.save(record())
    assert not CalibrationStore(tmp_path).directory.exists()
    await one.save(record())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_what_root_saves_is_the_services(directory: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    one = desk(directory)
    for _ in range(2):
        file = await one.save(record())
    for made in (file, file.with_name("bike-1.json.1"), file.parent):
        assert (made.stat().st_uid, made.stat().st_gid) == (nobody.pw_uid, nobody.pw_gid)
        assert made.stat().st_mode & 0o077 == 0


async def test_a_state_dir_is_made_where_none_was_yet(tmp_path: Path) -> None:
    one = desk(tmp_path / "new")
    assert one.state.origin is Origin.BIKE
    assert (await one.save(record())).is_file()


async def test_a_damaged_file_is_said_and_can_be_rolled_back(tmp_path: Path) -> None:
    one = desk(tmp_path)
    await one.save(record())
    (await one.save(record())).write_text("{")
    one = desk(tmp_path, calibration=[(0, 0), (100, 100)])
    assert "Invalid JSON" in one.state.problem
    assert one.state.origin is Origin.CONFIG
    await one.rollback()
    assert (one.state.origin, one.state.problem) == (Origin.SAVED, "")


async def test_one_of_another_machine_is_said(tmp_path: Path) -> None:
    CalibrationStore(tmp_path).save(record(device="fake seed 9"))
    state = desk(tmp_path).state
    assert (state.origin, state.record) == (Origin.BIKE, None)
    assert "it is of fake seed 9, and this bike is fake seed 1" in state.problem


async def test_a_driver_that_cannot_be_loaded_is_a_lost_bike(tmp_path: Path) -> None:
    clock = VirtualClock()
    driver = DriverStatus("mine", problem="no module named mine")
    async with OwnBike(bike(driver="mine"), driver, tmp_path, clock) as session:
        await clock.run_for(1)
        assert session.link.state is LinkState.LOST
        assert "no module named mine" in session.link.reason
