"""The real daemon on a disk that is full, read-only, silent, or fails to sync.

The race goes on, what is live is sent within its second or two, and once the disk is well again
the promise holds as ever. Only what was never synced, of an outage of the broker within the
disk's, is lost when the process is killed as well.
"""

import asyncio
import errno
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from gateway.buffer.log_format import DIRECTORY_NAME, HEADER_BYTES, LogName, decode_record
from gateway.buffer.store import Batch, Record, Store
from gateway.simulation.demo.network import Network
from tests.durability.arrivals import ends, missing, promised
from tests.e2e.test_race import arrived, seconds_by_bike
from tests.support.bad_disk import BadDisk, State
from tests.support.buffer_files import log_files
from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.subscriber import Subscriber
from tests.support.telemetry import message

#: A live second is at the subscriber so soon after its end.
LIVE_WITHIN_S = 2
#: A disk that is well again is believed after so long: it is tried anew every second.
BELIEVED_AFTER_S = 3.0

#: What a disk reads or does not read, at once.
SECTOR_BYTES = 4096

FAULTS: tuple[State, ...] = ("full", "read-only", "fsync-fails", "fsync-stalls")


async def assert_live(subscriber: Subscriber, for_s: float) -> None:
    """For so long, every second of both bikes is there soon after its end."""
    until = time.monotonic() + for_s
    while time.monotonic() < until:
        due = int(time.time() - LIVE_WITHIN_S)
        for bike, seconds in seconds_by_bike(subscriber.messages).items():
            assert max(seconds, default=0) >= due, f"{bike} is not live"
        await asyncio.sleep(0.1)


async def start(gateway: GatewayProcess) -> float:
    """Start the daemon; the wall clock from which on every second is raced whole."""
    await asyncio.to_thread(gateway.start)
    return time.time() + 1


async def assert_promise_holds(
    gateway: GatewayProcess, network: Network, subscriber: Subscriber, since: float
) -> None:
    """In an outage the daemon is killed: nothing that is a second old is missing since `since`."""
    await network.cut()
    await asyncio.sleep(BELIEVED_AFTER_S)
    killed = time.time()
    gateway.kill()
    await start(gateway)
    await network.restore()
    assert await missing(subscriber, promised(since, killed)) == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_race_goes_on_during_a_disk_fault_and_the_promise_holds_later(
    gateway: GatewayProcess, network: Network, subscriber: Subscriber, disk: BadDisk, fault: State
) -> None:
    gateway.cloud["port"] = network.port
    raced = await start(gateway)
    await arrived(subscriber, raced + 1)
    disk.set(fault)
    await assert_live(subscriber, 1.5)
    await network.cut()
    await asyncio.sleep(3.5)
    await network.restore()
    waited = ends(raced, time.time())
    assert await missing(subscriber, waited, within_s=5) == [], "they waited in memory"
    await assert_live(subscriber, 2)
    disk.set("ok")
    await assert_promise_holds(gateway, network, subscriber, raced)
    assert list(disk.directory.glob("*damaged*")) == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_kill_during_a_disk_fault_loses_nothing_synced_before(
    gateway: GatewayProcess, network: Network, subscriber: Subscriber, disk: BadDisk, fault: State
) -> None:
    gateway.cloud["port"] = network.port
    raced = await start(gateway)
    await arrived(subscriber, raced + 1)
    await network.cut()
    await asyncio.sleep(3)
    disk.set(fault)
    broken = time.time()
    await asyncio.sleep(2.5)
    killed = time.time()
    gateway.kill()
    disk.set("ok")
    restarted = await start(gateway)
    await network.restore()
    assert await missing(subscriber, promised(raced, broken) | ends(restarted, restarted + 1)) == []
    if fault in ("full", "read-only"):
        lost = await missing(subscriber, promised(broken, killed), within_s=0)
        assert lost, "nothing can have been written"


async def test_silent_disk_with_a_backlog_does_not_delay_live_seconds(
    gateway: GatewayProcess, network: Network, subscriber: Subscriber, disk: BadDisk
) -> None:
    gateway.cloud["port"] = network.port
    await network.cut()
    raced = await start(gateway)
    await asyncio.sleep(3)
    killed = time.time()
    gateway.kill()
    await start(gateway)
    disk.set("fsync-stalls")
    await asyncio.sleep(2)
    await network.restore()
    await arrived(subscriber, time.time() + 1, timeout_s=5)
    await assert_live(subscriber, 4)
    disk.set("ok")
    assert await missing(subscriber, promised(raced, killed)) == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_gateway_started_on_a_bad_disk_races_and_later_keeps_the_promise(
    gateway: GatewayProcess, network: Network, subscriber: Subscriber, disk: BadDisk, fault: State
) -> None:
    gateway.cloud["port"] = network.port
    disk.set(fault)
    raced = await start(gateway)
    await arrived(subscriber, raced, timeout_s=5)
    await assert_live(subscriber, 2)
    disk.set("ok")
    await asyncio.sleep(BELIEVED_AFTER_S)
    await assert_promise_holds(gateway, network, subscriber, raced)


@pytest.mark.parametrize("fault", FAULTS)
async def test_backlog_on_a_bad_disk_is_sent_once_the_disk_has_recovered(
    gateway: GatewayProcess, network: Network, subscriber: Subscriber, disk: BadDisk, fault: State
) -> None:
    gateway.cloud["port"] = network.port
    await network.cut()
    raced = await start(gateway)
    await asyncio.sleep(3)
    killed = time.time()
    gateway.kill()
    disk.set(fault)
    restarted = await start(gateway)
    await network.restore()
    await arrived(subscriber, restarted, timeout_s=5)
    await assert_live(subscriber, 2)
    disk.set("ok")
    healed = time.time()
    assert await missing(subscriber, promised(raced, killed) | ends(restarted, healed)) == []


@pytest.mark.parametrize("is_killed", [False, True], ids=["stopped", "killed"])
async def test_unreadable_sector_loses_only_its_own_messages(
    gateway: GatewayProcess,
    network: Network,
    subscriber: Subscriber,
    disk: BadDisk,
    *,
    is_killed: bool,
) -> None:
    gateway.cloud["port"] = network.port
    ridden = [message(second) for second in range(1, 301)]
    store = Store(disk.directory / DIRECTORY_NAME, 1 << 30)
    for one in ridden:
        store.write(Batch([Record(one.second, one.race_id, one.to_json())]))
    if not is_killed:
        store.close()
    [file] = log_files(disk.directory)
    unreadable = {
        one.uuid
        for one, (first, end) in zip(ridden, records_in(file), strict=False)
        if first < 2 * SECTOR_BYTES and end > SECTOR_BYTES
    }
    assert unreadable
    disk.spoil_sector(file, SECTOR_BYTES)
    await start(gateway)
    expected = {one.uuid for one in ridden} - unreadable
    await asyncio.to_thread(
        subscriber.wait_for, lambda messages: expected <= {one.uuid for one in messages}
    )
    assert unreadable.isdisjoint(one.uuid for one in subscriber.messages)
    status = alleycat_gateway("status", "--json", "--config", str(gateway.config_file))
    assert json.loads(status.stdout)["gateway"]["buffer"]["lost"] == len(unreadable)


def records_in(log: Path) -> Iterator[tuple[int, int]]:
    """Yield where each record of a log begins and ends."""
    name, content, at = LogName.parse(log.name), log.read_bytes(), HEADER_BYTES
    assert name is not None
    while decoded := decode_record(content, at, name.salt):
        _, _, end = decoded
        yield at, end
        at = end


#: Prints the errno of each of: a new file, an existing one, a write, a sync.
PROBE = """
import os, sys
def errno_of(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
    return 0
old = sys.argv[1]
writable = os.open(old, os.O_RDWR)
open(os.environ["BAD_DISK_CONTROL"], "w").write(sys.argv[2])
print(
    errno_of(os.open, old + ".new", os.O_WRONLY | os.O_CREAT),
    errno_of(os.open, old, os.O_RDWR),
    errno_of(os.pwrite, writable, b"x", 0),
    errno_of(os.fsync, writable),
)
"""


@pytest.mark.parametrize(
    ("state", "errnos"),
    [
        ("ok", (0, 0, 0, 0)),
        ("full", (errno.ENOSPC, 0, errno.ENOSPC, 0)),
        ("read-only", (errno.EROFS, errno.EROFS, errno.EROFS, 0)),
        ("dead", (errno.EIO, errno.EIO, errno.EIO, errno.EIO)),
        ("fsync-fails", (0, 0, 0, errno.EIO)),
        ("fsync-lies", (0, 0, 0, 0)),
    ],
)
def test_bad_disk_fails_as_its_state_demands(
    tmp_path: Path, state: State, errnos: tuple[int, ...]
) -> None:
    bad, good = tmp_path / "bad", tmp_path / "good"
    for directory in (bad, good):
        directory.mkdir()
        (directory / "old").touch()
    disk = BadDisk(tmp_path, bad)
    for directory, expected in ((bad, errnos), (good, (0, 0, 0, 0))):
        disk.set("ok")
        probe = subprocess.run(
            [sys.executable, "-c", PROBE, directory / "old", state],
            env=disk.environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert tuple(map(int, probe.stdout.split())) == expected


def test_bad_disk_knows_each_of_its_states(tmp_path: Path) -> None:
    disk = BadDisk(tmp_path, tmp_path)
    (tmp_path / "old").touch()
    for state in get_args(State):
        disk.set(state)
        read = [sys.executable, "-c", "import sys; open(sys.argv[1])", str(tmp_path / "old")]
        assert subprocess.run(read, env=disk.environment, check=False).returncode == 0
