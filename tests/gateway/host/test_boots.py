"""Which boot began when is known after a reboot, if its clock was set."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.host.boots import BOOTS_MAX, Boots, datable_boots
from gateway.host.state_file import StateFiles
from gateway.timing.clock import this_boot
from gateway.timing.clock_sync import ClockSource
from tests.support.files import written
from tests.support.virtual_clock import NS_PER_S, VirtualClock

WALL_MS = 1_780_000_000_250


def unset_clock(boot_id: str = "boot-1") -> VirtualClock:
    clock = VirtualClock(WALL_MS, 5 * NS_PER_S)
    clock.boot_id, clock.is_set = boot_id, False
    return clock


async def record(state_dir: Path, clock: VirtualClock) -> None:
    """Run as the daemon does, until a time server has set the clock and this is on disk."""
    clock.is_set = True
    running = asyncio.create_task(Boots(StateFiles(state_dir)).run(clock))
    while not running.done():
        await clock.run_for(1)
        await asyncio.sleep(0.001)


async def test_begin_of_a_boot_is_known_after_it_once_its_clock_was_set(tmp_path: Path) -> None:
    clock = unset_clock()
    running = asyncio.create_task(Boots(StateFiles(tmp_path)).run(clock))
    await clock.run_for(60)
    assert os.listdir(tmp_path) == []
    clock.step_wall(86_400_000)
    clock.is_set = True
    await clock.run_for(1)
    await written(tmp_path / "boots.json")
    running.cancel()
    later = Boots(StateFiles(tmp_path))
    assert later.began_ms("boot-1") == WALL_MS - 5_000 + 86_400_000
    assert later.was_set("boot-1")
    assert later.began_ms("boot-2") is None
    assert not later.was_set("boot-2")


async def test_time_server_corrects_what_was_recorded_of_the_boot(tmp_path: Path) -> None:
    clock = unset_clock()
    clock.is_set, clock.setter = True, ClockSource.HARDWARE
    running = asyncio.create_task(Boots(StateFiles(tmp_path)).run(clock))
    await clock.run_for(1)
    await written(tmp_path / "boots.json")
    assert Boots(StateFiles(tmp_path)).began_ms("boot-1") == WALL_MS - 5_000
    assert not Boots(StateFiles(tmp_path)).was_set("boot-1")
    clock.step_wall(-7_000)
    clock.setter = ClockSource.TIME_SERVER
    while not running.done():
        await clock.run_for(1)
        await asyncio.sleep(0.001)
    assert Boots(StateFiles(tmp_path)).began_ms("boot-1") == WALL_MS - 12_000
    assert Boots(StateFiles(tmp_path)).was_set("boot-1")


@pytest.mark.parametrize("occupy", [os.mkfifo, os.mkdir])
def test_boots_are_not_waited_for(tmp_path: Path, occupy: Callable[[Path], None]) -> None:
    occupy(tmp_path / "boots.json")
    assert datable_boots(tmp_path) == {this_boot()}


async def test_only_the_last_boots_are_remembered(tmp_path: Path) -> None:
    for number in range(BOOTS_MAX + 2):
        await record(tmp_path, unset_clock(f"boot-{number}"))
    await record(tmp_path, unset_clock("boot-2"))  # again, after a restart
    await record(tmp_path, unset_clock("the last"))
    found = list(json.loads((tmp_path / "boots.json").read_bytes()))
    expected = [f"boot-{number}" for number in range(4, BOOTS_MAX + 2)]
    assert found == [*expected, "boot-2", "the last"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"boot-1": {"began_ms": "soon", "source": "time_server"}}',
        '{"boot-1": {"began_ms": -1, "source": "time_server"}}',
        '{"boot-1": {"began_ms": 1e400, "source": "time_server"}}',
        '{"boot-1": {"began_ms": 99999999999999999999, "source": "time_server"}}',
        '{"boot-1": {"began_ms": 1780000000000, "source": "a guess"}}',
    ],
)
def test_damaged_file_is_logged_and_means_no_boots(tmp_path: Path, content: str) -> None:
    (tmp_path / "boots.json").write_text(content)
    with capture_logs() as logs:
        boots = Boots(StateFiles(tmp_path))
    assert boots.began_ms("boot-1") is None
    assert [one["event"] for one in logs] == ["times of earlier boots not restored"]
