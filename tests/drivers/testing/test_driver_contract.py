"""The contract tests find a driver that breaks the contract, each with the right test."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.plugins import register_plugin

ROOT = Path(__file__).parents[3]

#: A driver whose bike is an object that the test controls, and a bad habit for each option.
DRIVER = """
import asyncio
from contextlib import aclosing, asynccontextmanager

from drivers import BikeLost, DriverOptions, Reading


class World:
    is_there, is_babbling = True, False


class TrainedOptions(DriverOptions):
    habit: str = ""


class TrainedBike:
    Options = TrainedOptions

    def __init__(self, options, clock):
        self.habit, self.clock = options.habit, clock
        self.stale_after_s = 600 if self.habit == "stale" else 3.0

    @asynccontextmanager
    async def open_bike(self):
        if not World.is_there and self.habit != "waits":
            raise BikeLost("" if self.habit == "speechless" else "it is switched off")
        if self.habit == "leaks":
            asyncio.create_task(asyncio.sleep(100))
        if self.habit == "clings":
            yield self.readings()
            return
        async with aclosing(self.readings()) as readings:
            yield readings

    async def readings(self):
        is_stubborn = self.habit == "stubborn"
        last_ns = heard_ns = self.clock.monotonic_ns()
        while True:
            try:
                await asyncio.sleep(0.005)
            except asyncio.CancelledError:
                if not is_stubborn:
                    raise
                # Only once: asyncio itself waits forever for a task that always goes on.
                is_stubborn = False
            now_ns = self.clock.monotonic_ns()
            is_mute = World.is_babbling or not World.is_there
            if not is_mute or (self.habit == "patient" and World.is_babbling):
                heard_ns = now_ns
            if now_ns - heard_ns > 10_000_000_000:
                raise BikeLost("silent for 10 s")
            if is_mute:
                continue
            if self.habit == "text":
                yield Reading(now_ns, cadence_rpm="abc")
            elif self.habit == "empty":
                yield Reading(now_ns)
            else:
                yield Reading(last_ns if self.habit == "frozen" else now_ns, cadence_rpm=80)
"""

TESTS = """
import pytest
from drivers.testing import BikeUnderTest, DriverContract
from trained_driver import World


@pytest.fixture
def bike(request):
    async def come_back():
        World.is_there, World.is_babbling = True, False

    def set_to(**values):
        for name, value in values.items():
            setattr(World, name, value)

    set_to(is_there=True, is_babbling=False)
    yield BikeUnderTest(
        "trained",
        {"habit": request.config.getoption("--habit")},
        vanish=lambda: set_to(is_there=False),
        come_back=come_back,
        babble=lambda: set_to(is_babbling=True),
    )


class TestTrainedBike(DriverContract):
    pass
"""

CONFTEST = """
import drivers.testing.driver_contract as suite

suite.PATIENCE_S = 3


def pytest_addoption(parser):
    parser.addoption("--habit", default="")
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("package")
    register_plugin(directory, "trained", DRIVER, "TrainedBike")
    (directory / "test_trained.py").write_text(TESTS)
    (directory / "conftest.py").write_text(CONFTEST)
    return directory


def failing(package: Path, habit: str) -> set[str]:
    """Return the names of the contract tests that fail for a driver with this habit."""
    result = subprocess.run(
        [*(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--habit={habit}")],
        cwd=package,
        env={"PYTHONPATH": f"{package}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert re.search(r"\d+ passed", result.stdout), result.stdout + result.stderr
    return set(re.findall(r"FAILED .*::test_(\w+)", result.stdout))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("habit", "test"),
    [
        ("text", "readings_are_valid_and_have_a_value"),
        ("empty", "readings_are_valid_and_have_a_value"),
        ("frozen", "readings_do_not_all_have_the_same_instant"),
        ("stale", "staleness_limit_is_in_range"),
        ("clings", "bike_is_released_and_can_be_opened_again"),
        ("stubborn", "driver_ends_promptly_when_cancelled"),
        ("leaks", "driver_ends_promptly_when_cancelled"),
        ("speechless", "bike_that_is_away_is_lost"),
        ("patient", "bike_that_sends_nothing_meaningful_is_lost"),
    ],
)
def test_contract_finds_the_bad_habit_of_a_driver(package: Path, habit: str, test: str) -> None:
    assert test in failing(package, habit)


@pytest.mark.slow
@pytest.mark.parametrize("habit", ["", "waits"])
def test_contract_passes_a_driver_that_keeps_it(package: Path, habit: str) -> None:
    assert failing(package, habit) == set()
