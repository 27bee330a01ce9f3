"""The kernel's figures for a process; for this one, if no `pid` is given."""

import os
from pathlib import Path


def cpu_s(pid: int) -> float:
    """Return user and system time of all threads of the process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def written_bytes(pid: int | None = None) -> int:
    """Return the bytes that it has had written to a disk; writes to a tmpfs do not count."""
    return _numbers(f"/proc/{pid or os.getpid()}/io")["write_bytes"]


def memory_bytes(pid: int) -> tuple[int, int]:
    """Return (RSS, PSS): all its pages in memory; PSS counts shared ones by their share."""
    sizes_kib = _numbers(f"/proc/{pid}/smaps_rollup")
    return sizes_kib["Rss"] * 1024, sizes_kib["Pss"] * 1024


def _numbers(path: str) -> dict[str, int]:
    """Return the numbers by name from lines of `name: number …`."""
    numbers = {}
    for line in Path(path).read_text().splitlines():
        name, _, rest = line.partition(":")
        value = rest.split()[:1]
        if value and value[0].isdigit():
            numbers[name] = int(value[0])
    return numbers
