"""What the kernel says of a process. `pid` is this one if it is not given."""

import os
from pathlib import Path


def cpu_s(pid: int) -> float:
    """User and system time of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def written_bytes(pid: int | None = None) -> int:
    """What it has had written to a disk; what goes to a tmpfs is not counted."""
    return _numbers(f"/proc/{pid or os.getpid()}/io")["write_bytes"]


def memory_bytes(pid: int) -> tuple[int, int]:
    """(RSS, PSS): all pages it has in memory; those it shares counted by their share."""
    sizes_kib = _numbers(f"/proc/{pid}/smaps_rollup")
    return sizes_kib["Rss"] * 1024, sizes_kib["Pss"] * 1024


def _numbers(path: str) -> dict[str, int]:
    """`name: number …` a line."""
    numbers = {}
    for line in Path(path).read_text().splitlines():
        name, _, rest = line.partition(":")
        value = rest.split()[:1]
        if value and value[0].isdigit():
            numbers[name] = int(value[0])
    return numbers
