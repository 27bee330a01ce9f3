"""The plug is pulled in mid-outage: every second that was promised arrives after the next boot.

The disk of the state directory is one with a volatile cache (disk_log.py). A mark with the guest's
time is written to it every few milliseconds, behind the file system and past the page cache: by the
marks in the log we know what was promised when. All cuts are judged, and one of them is booted.
"""

import struct
import subprocess
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.buffer.log_format import DIRECTORY_NAME
from gateway.telemetry.message import telemetry_from_json
from gateway.timing.units import NS_PER_S
from tests.durability.arrivals import missing, promised
from tests.durability.cuts import kept_payloads
from tests.e2e.test_race import BIKES
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber
from tests.vm.conftest import Installed
from tests.vm.disk_log import Cut, cuts
from tests.vm.gateway import CODE, START_TIMEOUT_S, Gateway
from tests.vm.machine import STATE_FS_BYTES, Machine, make_state_disk, overlay, progress

pytestmark = pytest.mark.timeout(2400)

OUTAGE_S = 25.0
#: What takes milliseconds on hardware may take so long in emulation, on cores that others use too.
SLOW_S = 1.0
ARRIVE_TIMEOUT_S = 300.0
SYNC = "os.fdatasync(self._descriptor)"

MARK = struct.Struct("<8sQ")
MAGIC = b"the time"
MARKER = textwrap.dedent(f"""\
    import mmap, os, struct, time
    disk = os.open("/dev/vdb", os.O_WRONLY | os.O_DIRECT)
    sector = mmap.mmap(-1, 512)
    while True:
        sector[:{MARK.size}] = struct.pack("{MARK.format}", {MAGIC!r}, time.time_ns())
        os.pwrite(disk, sector, {STATE_FS_BYTES})
        time.sleep(0.02)
    """)


@dataclass(frozen=True, slots=True)
class Outage:
    """Of a machine whose plug was pulled; on the guest's clock, in seconds since the epoch."""

    raced_from_s: float
    offline_from_s: float
    #: The state directory's disk as it was before the machine was switched on, and what came then.
    disk: bytes
    log: bytes


@dataclass(frozen=True, slots=True)
class Judged:
    """A cut at the guest's time `at_s`: bikes and seconds that must be on the disk, and are not."""

    at_s: float
    promised: int
    broken: set[tuple[str, int]]


def race_into_the_dark(
    installed: Installed, broker: Mosquitto, subscriber: Subscriber, directory: Path, change: str
) -> Outage:
    """Race with a broker, without it, and pull the plug. `change` is done to the daemon first."""
    disk, log = make_state_disk(directory / "disk"), directory / "log"
    before = disk.read_bytes()
    log.touch()
    system = overlay(installed.system, directory / "system.qcow2")
    with Machine(directory / "dark", installed.image, system, disk, state_log=log) as machine:
        gateway = Gateway(machine)
        gateway.wait_until_it_runs()
        machine.run(f"cd {CODE}/gateway && {change}")
        gateway.restart()
        machine.write("/root/marker.py", MARKER)
        machine.run("systemd-run --quiet --unit=marker python3 /root/marker.py")
        gateway.connect(broker.port)
        subscriber.wait_for(lambda messages: len(messages) >= 10, START_TIMEOUT_S)
        raced_from_s = machine.now_s()  # both bikes are connected, however slow the machine is
        gateway.disconnect()
        offline_from_s = machine.now_s()
        progress(f"racing {OUTAGE_S:.0f} s without a broker")
        time.sleep(OUTAGE_S)
        machine.pull_the_plug()
    return Outage(raced_from_s, offline_from_s, before, log.read_bytes())


def marks(cut: Cut) -> Iterator[float]:
    """The guest's times in what was written since the cut's last flush."""
    for write in cut.lost:
        if write.at == STATE_FS_BYTES:
            magic, at_ns = MARK.unpack_from(write.data)
            assert magic == MAGIC
            yield at_ns / NS_PER_S


def judged(outage: Outage, directory: Path) -> Iterator[Judged]:
    """Each cut in the outage, just before the flush that would have saved more."""
    at_s = 0.0
    for cut in cuts(outage.disk, outage.log):
        at_s = max([at_s, *marks(cut)])
        seconds = promised(outage.offline_from_s, at_s - SLOW_S)
        if seconds:
            expected = {(bike, second) for bike in BIKES for second in seconds}
            yield Judged(at_s, len(expected), expected - on_disk(cut.disk, directory))


def on_disk(disk: bytes, directory: Path) -> set[tuple[str, int]]:
    """Bike and second of all that the product finds after such a cut."""
    file = directory / "cut"
    file.write_bytes(disk)
    checked = subprocess.run(["e2fsck", "-fy", file], check=False, capture_output=True)
    assert checked.returncode in (0, 1), checked.stdout.decode()
    with TemporaryDirectory(dir=directory) as found:
        command = ["debugfs", "-R", f"rdump / {found}", str(file)]
        subprocess.run(command, check=True, capture_output=True)
        messages = map(telemetry_from_json, kept_payloads(Path(found, DIRECTORY_NAME)))
        return {(message.bike_id, message.device_timestamp // 1000) for message in messages}


async def test_a_pulled_plug_costs_no_second_that_was_promised(
    installed: Installed, broker: Mosquitto, subscriber: Subscriber, tmp_path: Path
) -> None:
    unchanged = f"grep -q '{SYNC}' buffer/log_file.py"
    outage = race_into_the_dark(installed, broker, subscriber, tmp_path, unchanged)
    found = list(judged(outage, tmp_path))
    progress(f"{len(found)} cuts, the last with {found[-1].promised} messages promised")
    assert len(found) >= OUTAGE_S / 2
    assert found[-1].at_s - outage.offline_from_s > OUTAGE_S / 2, "the marks have ended"
    assert [cut for cut in found if cut.broken] == []

    *_, last = cuts(outage.disk, outage.log)
    disk = tmp_path / "disk"
    disk.write_bytes(last.disk)
    system = overlay(installed.system, tmp_path / "next.qcow2")
    with Machine(tmp_path / "next", installed.image, system, disk) as machine:
        Gateway(machine).connect(broker.port)
        expected = promised(outage.raced_from_s, found[-1].at_s - SLOW_S)
        assert await missing(subscriber, expected, ARRIVE_TIMEOUT_S) == []


def test_a_daemon_that_does_not_sync_is_found_out(
    installed: Installed, broker: Mosquitto, subscriber: Subscriber, tmp_path: Path
) -> None:
    change = f"sed -i 's/{SYNC}/pass/' buffer/log_file.py && ! grep -q '{SYNC}' buffer/log_file.py"
    outage = race_into_the_dark(installed, broker, subscriber, tmp_path, change)
    found = list(judged(outage, tmp_path))
    broken = [cut for cut in found if cut.broken]
    worst = max((len(cut.broken) for cut in broken), default=0)
    progress(f"without fsync {len(broken)} of {len(found)} cuts lose up to {worst} messages")
    assert broken
