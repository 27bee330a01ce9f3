"""A bike belongs to one process; which may die without a word."""

import subprocess
import sys

import pytest

from drivers import BikeLost
from drivers.bike_lock import bike_lock
from tests.support.children import killed_at_end

HOLD = (
    "from drivers.bike_lock import bike_lock\n"
    "with bike_lock('C0:FF:EE:00:00:09'):\n"
    "    print('held', flush=True)\n"
    "    input()\n"
)


def test_bike_lock_is_held_by_one_process_until_it_dies() -> None:
    with killed_at_end(
        subprocess.Popen(
            [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(BikeLost, match="stop that one first"),
            bike_lock("C0:FF:EE:00:00:09"),
        ):
            raise AssertionError("held twice")
        with bike_lock("C0:FF:EE:00:00:08"):
            pass
    with bike_lock("C0:FF:EE:00:00:09"):
        pass


def test_bike_lock_is_separate_for_each_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    with bike_lock("C0:FF:EE:00:00:07"):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/another")
        with bike_lock("C0:FF:EE:00:00:07"):
            both_held = True
    assert both_held
