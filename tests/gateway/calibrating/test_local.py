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
from gateway.calibrating.local import LocalSession
from gateway.calibrating.state import CalibrationError, Origin
from gateway.config.schema import BikeConfig
from gateway.host.state_dir import locked_state_dir
from gateway.sampling.calibration_store import CalibrationStore
from tests.support.calibrations import record
from tests.support.virtual_clock import VirtualClock


def bike(**changed: Any) -> BikeConfig:
    fields = {"id": "bike-1", "racer_id": 1, "racer_name": "Ada", "class_id": 1, "driver": "fake"}
    return BikeConfig.model_validate({**fields, **changed})


def saved(state_dir: Path, **changed: Any) -> LocalSession:
    driver = load_drivers()["fake"]
    return LocalSession(bike(**changed), driver, state_dir, VirtualClock(), is_live=False)


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where everybody may go."""
    with TemporaryDirectory(prefix="alleycat-") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


async def test_local_session_changes_nothing_once_a_daemon_runs(tmp_path: Path) -> None:
    """It would not know of it."""
    async with saved(tmp_path) as session:
        with (
            locked_state_dir(tmp_path),
            pytest.raises(CalibrationError, match="in use by another alleycat-gateway"),
        ):
            await session.save(record())
        assert not CalibrationStore(tmp_path).directory.exists()
        await session.save(record())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_local_session_of_root_saves_files_of_the_service(directory: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    async with saved(directory) as session:
        for _ in range(2):
            file = await session.save(record())
    for made in (file, file.with_name("bike-1.json.1"), file.parent):
        assert (made.stat().st_uid, made.stat().st_gid) == (nobody.pw_uid, nobody.pw_gid)
        assert made.stat().st_mode & 0o077 == 0


async def test_local_session_makes_a_missing_state_dir(tmp_path: Path) -> None:
    async with saved(tmp_path / "new") as session:
        assert session.state.origin is Origin.BIKE
        assert (await session.save(record())).is_file()


async def test_damaged_calibration_is_a_problem_and_can_be_rolled_back(tmp_path: Path) -> None:
    async with saved(tmp_path) as session:
        await session.save(record())
        (await session.save(record())).write_text("{")
    async with saved(tmp_path, calibration=[(0, 0), (100, 100)]) as session:
        assert "Invalid JSON" in session.state.problem
        assert session.state.origin is Origin.CONFIG
        await session.rollback()
        assert (session.state.origin, session.state.problem) == (Origin.SAVED, "")


async def test_calibration_of_another_machine_is_a_problem(tmp_path: Path) -> None:
    CalibrationStore(tmp_path).save(record(device="fake seed 9"))
    async with saved(tmp_path) as session:
        state = session.state
    assert (state.origin, state.record) == (Origin.BIKE, None)
    assert "it was made on fake seed 9, but this bike is fake seed 1" in state.problem


async def test_local_session_with_a_broken_driver_has_a_lost_bike(tmp_path: Path) -> None:
    clock = VirtualClock()
    driver = DriverStatus("mine", problem="no module named mine")
    async with LocalSession(bike(driver="mine"), driver, tmp_path, clock) as session:
        await clock.run_for(1)
        assert session.link.state is LinkState.LOST
        assert "no module named mine" in session.link.reason
