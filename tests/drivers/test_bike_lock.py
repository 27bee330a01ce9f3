"""A bike belongs to one process; which may die without a word."""

import shutil
import socket
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


@pytest.mark.skipif(shutil.which("ss") is None, reason="needs ss of iproute2")
def test_command_in_the_message_names_the_process_that_holds_a_bike() -> None:
    with killed_at_end(
        subprocess.Popen(
            [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BikeLost) as lost, bike_lock("C0:FF:EE:00:00:09"):
            raise AssertionError("held twice")
        command = str(lost.value).rpartition("run: sudo ")[2]
        found = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
        (line,) = (line for line in found.stdout.splitlines() if "C0:FF:EE:00:00:09" in line)
        assert f"pid={other.pid}," in line


@pytest.mark.parametrize("length", [64, 65, 200])
def test_bike_of_a_long_name_is_locked_and_told_from_others(length: int) -> None:
    name = "é" * length
    with bike_lock(f"{name}1"):
        with pytest.raises(BikeLost, match="is in use"), bike_lock(f"{name}1"):
            raise AssertionError("held twice")
        with bike_lock(f"{name}2"):
            pass


def test_bike_that_the_system_cannot_lock_is_not_said_to_be_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class NoSocket(socket.socket):
        def bind(self, address: object) -> None:
            raise PermissionError(1, f"Operation not permitted: {address!r}")

    monkeypatch.setattr(socket, "socket", NoSocket)
    with pytest.raises(BikeLost, match="cannot be reserved: Operation"), bike_lock("C0"):
        raise AssertionError("held")


def test_bike_lock_is_separate_for_each_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    with bike_lock("C0:FF:EE:00:00:07"):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/another")
        with bike_lock("C0:FF:EE:00:00:07"):
            both_held = True
    assert both_held
