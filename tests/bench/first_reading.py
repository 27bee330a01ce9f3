"""The time from opening an FTMS bike to its first Reading: now, compared with an earlier commit.

Connections of both alternate, each side in a process of its own with the same small org.bluez, so
that a busy machine slows both down. The result is the ratio of the two times of each pair.

    python -m tests.bench.first_reading COMMIT [--pairs N]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import sqrt
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Pairs that are not counted: the first connections load modules and fill caches.
WARM_UP = 3
#: Half the width of an interval that contains the true median with 95 % certainty.
STANDARD_ERRORS = 1.96


class Side:
    """A process that connects with the `drivers` in a folder."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def connect(self) -> float:
        """Return the seconds to the first Reading."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def main() -> None:
    """Measure, and print the ratio with its spread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", help="the commit to compare with")
    parser.add_argument("--pairs", type=int, default=200, help="pairs of connections")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        _check_out(arguments.commit, Path(name))
        with _side(Path(name)) as before, _side(ROOT) as now:
            pairs = _measure(before, now, arguments.pairs)
    print(_summary(arguments.commit, pairs))


def _check_out(commit: str, folder: Path) -> None:
    """Put the `drivers` of the commit into the folder."""
    archive = subprocess.run(
        ["git", "archive", commit, "drivers"], cwd=ROOT, check=True, capture_output=True
    )
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")


@contextmanager
def _side(folder: Path) -> Iterator[Side]:
    """Run a process that finds `drivers` in the folder, and all else here."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.connecting"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield Side(process)


def _measure(before: Side, now: Side, count: int) -> list[tuple[float, float]]:
    """Return the two times of each pair, whose order alternates."""
    pairs = []
    for number in range(-WARM_UP, count):
        if number % 2:
            before_s, now_s = before.connect(), now.connect()
        else:
            now_s, before_s = now.connect(), before.connect()
        if number >= 0:
            pairs.append((before_s, now_s))
    return pairs


def _summary(commit: str, pairs: list[tuple[float, float]]) -> str:
    before_ms, now_ms = (1000 * statistics.median(times) for times in zip(*pairs, strict=True))
    ratios = sorted(now / before for before, now in pairs)
    middle, reach = len(ratios) // 2, round(STANDARD_ERRORS * sqrt(len(ratios)) / 2)
    low, high = ratios[max(0, middle - reach)], ratios[min(middle + reach, len(ratios) - 1)]
    return (
        f"first Reading of an FTMS bike: {now_ms:.0f} ms now, {before_ms:.0f} ms at {commit}; "
        f"ratio {ratios[middle]:.2f} (with 95 % certainty {low:.2f} to {high:.2f}; "
        f"{len(pairs)} pairs)"
    )


if __name__ == "__main__":
    main()
