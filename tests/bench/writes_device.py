"""What reaches the block device per committed tick, and the time of a commit, next to the floor.

On an ext4 of its own, in a file behind a loop device, so that the file system's journal counts too.
The floor: the same payloads, without checksums, into one file that was filled with zeros before; a
write and an fdatasync a tick. Needs root.

    python -m tests.bench.writes_device [--quick]
"""

import os
import statistics
import sys
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.buffer.log_format import DIRECTORY_NAME
from gateway.buffer.store import Batch, Record, Store
from tests.bench.messages import FIRST_RACE_ID, RACE_S, race_of
from tests.bench.row import Bench, Row, run_row
from tests.durability.loop_disk import loop_disk_in

BIKES = (1, 10, 100)
BYTES_LIMIT, TIME_LIMIT = 1.1, 1.2

#: The messages of one second.
Tick = list[Record]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a tick takes: bytes at the device, and seconds."""

    device_bytes: float
    commit_s: float

    def over(self, floor: "Cost") -> float:
        """Return this cost over the floor's, as a part of what is allowed."""
        by_bytes = self.device_bytes / floor.device_bytes / BYTES_LIMIT
        return max(by_bytes, self.commit_s / floor.commit_s / TIME_LIMIT)


def measure(bench: Bench) -> Row:
    """Measure the bytes at the device and the time per commit."""
    if os.geteuid() != 0:
        sys.exit("not measured: only root may mount a disk of its own")
    rounds = bench.scaled(5, 1)
    costs: dict[int, tuple[Cost, Cost]] = {}
    for bikes in BIKES:
        bench.progress(f"device: {rounds} × {RACE_S} ticks, bikes: {bikes}, and the floor")
        folders = [bench.folder(f"{name}-{bikes}") for name in ("ours", "floor")]
        pairs = [_costs(folders, _ticks(bikes)) for _ in range(rounds)]
        costs[bikes] = _median([ours for ours, _ in pairs]), _median([floor for _, floor in pairs])
    return _row(costs)


def _ticks(bikes: int) -> list[Tick]:
    messages = enumerate(race_of(bikes, RACE_S, FIRST_RACE_ID), start=1)
    records = [Record(id_, one.race_id, one.to_json()) for id_, one in messages]
    return [records[first : first + bikes] for first in range(0, len(records), bikes)]


def _costs(folders: list[Path], ticks: list[Tick]) -> tuple[Cost, Cost]:
    """Write ours and the floor in turn, a tick each, so that what else runs meets both alike."""
    with loop_disk_in(folders[0]) as one, loop_disk_in(folders[1]) as other:
        disks, writers = (one, other), (_ours(one.directory, ticks), _floor(other.directory, ticks))
        for writer in writers:
            next(writer)
        os.sync()
        before, took_s = [disk.written_bytes for disk in disks], [0.0, 0.0]
        for _ in ticks:
            for number, writer in enumerate(writers):
                began_s = time.perf_counter()
                next(writer)
                took_s[number] += time.perf_counter() - began_s
        os.sync()
        written = [disk.written_bytes - bytes_ for disk, bytes_ in zip(disks, before, strict=True)]
        for writer in writers:
            writer.close()
    ours, floor = (
        Cost(bytes_ / len(ticks), s / len(ticks)) for bytes_, s in zip(written, took_s, strict=True)
    )
    return ours, floor


def _ours(directory: Path, ticks: list[Tick]) -> Generator[None, None, None]:
    """Write the ticks; pause before each."""
    with closing(Store(directory / DIRECTORY_NAME, max_bytes=1 << 40)) as store:
        yield
        for tick in ticks:
            store.write(Batch(tick))
            yield


def _floor(directory: Path, ticks: list[Tick]) -> Generator[None, None, None]:
    """Write the ticks; pause before each."""
    size = sum(len(record.payload) for tick in ticks for record in tick)
    with (directory / "zeros").open("w+b", buffering=0) as file:
        file.write(bytes(size))
        os.fsync(file.fileno())
        file.seek(0)
        yield
        for tick in ticks:
            file.write(b"".join(record.payload for record in tick))
            os.fdatasync(file.fileno())
            yield


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.device_bytes for cost in costs),
        statistics.median(cost.commit_s for cost in costs),
    )


def _row(costs: dict[int, tuple[Cost, Cost]]) -> Row:
    of_limit = max(ours.over(floor) for ours, floor in costs.values())
    cells = [
        f"{bikes}: {ours.device_bytes / 1024:.1f} and {floor.device_bytes / 1024:.1f} KiB,"
        f" {ours.commit_s * 1e6:.0f} and {floor.commit_s * 1e6:.0f} µs"
        for bikes, (ours, floor) in costs.items()
    ]
    ratio = max(ours.device_bytes / floor.device_bytes for ours, floor in costs.values())
    time_ratio = max(ours.commit_s / floor.commit_s for ours, floor in costs.values())
    return Row(
        "writes_device",
        "bytes at the block device and time per committed tick over a zero-filled file's",
        f"≤ {BYTES_LIMIT} × and ≤ {TIME_LIMIT} ×",
        f"{ratio:.2f} × and {time_ratio:.2f} ×",
        f"by number of bikes, ours and the floor: {'; '.join(cells)}; ext4 behind a loop device",
        of_limit <= 1,
        of_limit,
        {
            f"{name}_{bikes}_bikes": value
            for bikes, (ours, floor) in costs.items()
            for name, value in (
                ("device_bytes_per_tick", ours.device_bytes),
                ("floor_device_bytes_per_tick", floor.device_bytes),
                ("commit_us", ours.commit_s * 1e6),
                ("floor_commit_us", floor.commit_s * 1e6),
            )
        },
    )


if __name__ == "__main__":
    run_row(measure)
