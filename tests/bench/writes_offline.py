"""Bytes written to disk per committed tick, offline, with 1 and with 100 bikes.

In each tick every bike appends a message and the buffer commits. For comparison, the same payloads
are appended to a plain file and synced each tick: it too writes whole pages.

    python -m tests.bench.writes_offline [--quick]
"""

import asyncio
import os
from itertools import islice
from pathlib import Path

import structlog

from gateway.buffer.opening import open_buffer
from gateway.telemetry.message import Telemetry
from gateway.timing.clock import SystemClock
from tests.bench.messages import FIRST_RACE_ID, RACE_S, race_of
from tests.bench.processes import written_bytes
from tests.bench.row import Bench, Row, run_row

LIMIT_BYTES = 12 * 1024
ONE, MANY = 1, 100

#: The messages of one second.
Tick = list[Telemetry]


def measure(bench: Bench) -> Row:
    """Measure the bytes written per committed tick, offline."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    folder = bench.folder("ticks")
    races = bench.scaled(3, 1)
    ours, plain = {}, {}
    for bikes in (ONE, MANY):
        bench.progress(f"writes: {races * RACE_S} ticks offline, {bikes} bikes")
        ticks = _ticks(bikes, races)
        ours[bikes] = asyncio.run(_buffer_bytes(folder / f"buffer-{bikes}", ticks)) / len(ticks)
        plain[bikes] = _plain_bytes(folder / f"plain-{bikes}", ticks) / len(ticks)
    return _row(ours, plain, races * RACE_S)


def _ticks(bikes: int, races: int) -> list[Tick]:
    messages = (
        telemetry
        for race_id in range(FIRST_RACE_ID, FIRST_RACE_ID + races)
        for telemetry in race_of(bikes, RACE_S, race_id)
    )
    return [list(islice(messages, bikes)) for _ in range(races * RACE_S)]


async def _buffer_bytes(path: Path, ticks: list[Tick]) -> int:
    buffer = await open_buffer(path, SystemClock(), commit_interval_s=60, max_bytes=1 << 40)
    before = written_bytes()
    for tick in ticks:
        for telemetry in tick:
            buffer.append(telemetry)
        await buffer.commit(everything=True)
    written = written_bytes() - before
    await buffer.close()
    return written


def _plain_bytes(path: Path, ticks: list[Tick]) -> int:
    before = written_bytes()
    with path.open("wb") as file:
        for tick in ticks:
            file.write(b"".join(telemetry.to_json() + b"\n" for telemetry in tick))
            file.flush()
            os.fdatasync(file.fileno())
    return written_bytes() - before


def _row(ours: dict[int, float], plain: dict[int, float], ticks: int) -> Row:
    worst = max(ours.values())
    return Row(
        "writes_offline",
        "bytes written to disk per committed tick, offline, whatever the number of bikes",
        "≤ 12 KiB",
        f"{worst / 1024:.1f} KiB",
        f"{ours[ONE] / 1024:.1f} KiB with 1 bike, {ours[MANY] / 1024:.1f} KiB with 100;"
        f" a plain file {plain[ONE] / 1024:.1f} and {plain[MANY] / 1024:.1f} KiB",
        worst <= LIMIT_BYTES,
        worst / LIMIT_BYTES,
        {
            "bytes_per_tick_1_bike": ours[ONE],
            "bytes_per_tick_100_bikes": ours[MANY],
            "plain_file_bytes_per_tick_1_bike": plain[ONE],
            "plain_file_bytes_per_tick_100_bikes": plain[MANY],
            "ticks": ticks,
        },
    )


if __name__ == "__main__":
    run_row(measure)
