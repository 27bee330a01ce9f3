"""The result of a run of all rows, and the machine that it ran on."""

import os
import platform
import sqlite3
import subprocess
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from tests.bench.row import Row
from tests.support.mosquitto import find_mosquitto


@dataclass(frozen=True, slots=True)
class Report:
    """A report with all rows that could be measured. `machine`: its properties by name."""

    machine: dict[str, str]
    is_quick: bool
    rows: list[Row]

    @property
    def load_before(self) -> float:
        """The load average before the first row."""
        return float(self.machine["load before"])

    @property
    def targets(self) -> list[Row]:
        return [row for row in self.rows if row.reached is not None]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, report: dict[str, Any]) -> Self:
        rows = [Row(**row) for row in report["rows"]]
        return cls(report["machine"], report["is_quick"], rows)


def describe_machine(directory: Path) -> dict[str, str]:
    """Return the machine's properties by name; `directory` is where the benchmarks write."""
    return {
        "load before": f"{os.getloadavg()[0]:.1f}",
        "date": time.strftime("%Y-%m-%d"),
        "processor": f"{os.cpu_count()} × {_processor()}",
        "system": f"{platform.system()} {platform.release()}, {_file_system(directory)}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "awscrt": version("awscrt"),
        "mosquitto": _output(find_mosquitto(), "-h")
        .partition("\n")[0]
        .removeprefix("mosquitto version "),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _file_system(directory: Path) -> str:
    return _output("df", "--output=fstype", str(directory)).rpartition("\n")[2]


def _output(*command: str) -> str:
    """Return the output of a command, "" if it cannot be run."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()
