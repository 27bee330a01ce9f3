"""One row of the table, which has its own module and runs in its own process."""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.bench.processes import written_bytes

INTERRUPTED = 130
#: Bytes written to find out whether a directory is on a disk.
PROBE = b"\0" * 65536

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """A target and the measured value, in words, with their ratio.

    `value`: the figure that counts. `reached`: None if there is no target. `of_limit`: measured
    value over limit, so the target is reached up to 1; None if the limit is 0 or there is none.
    `details`: all numbers, named with their units.
    """

    name: str
    what: str
    target: str
    value: str
    context: str  # what the value is compared with, and other facts
    reached: bool | None
    of_limit: float | None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """The size of a row's measurement and its directories, on a real disk.

    `directory` is the row's own; `shared` is kept for the next row.
    """

    quick: bool
    directory: Path
    shared: Path
    began_s: float = field(default_factory=time.monotonic)

    def scaled(self, full: T, quick: T) -> T:
        return quick if self.quick else full

    def progress(self, text: str) -> None:
        elapsed_s = time.monotonic() - self.began_s
        print(f"  {elapsed_s:5.1f} s  {text}", file=sys.stderr, flush=True)

    def folder(self, name: str) -> Path:
        folder = self.directory / name
        folder.mkdir()
        return folder


def run_row(measure: Callable[[Bench], Row]) -> None:
    """Run the command line of one row: print the row as one line of JSON."""
    parser = argparse.ArgumentParser(description=measure.__doc__)
    parser.add_argument("--quick", action="store_true", help="a smaller run")
    parser.add_argument("--directory", type=Path, help="working directory, on a real disk")
    arguments = parser.parse_args()
    # The parent may have ignored SIGINT, as a shell does for its background jobs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with (
            working_directory(arguments.directory) as shared,
            tempfile.TemporaryDirectory(dir=shared) as own,
        ):
            print(json.dumps(asdict(measure(Bench(arguments.quick, Path(own), shared)))))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


@contextmanager
def working_directory(given: Path | None) -> Iterator[Path]:
    """Yield `given`, or a temporary directory on a real disk, which is removed afterwards."""
    if given is not None:
        yield given
        return
    for parent in (Path(tempfile.gettempdir()), Path("/var/tmp"), Path.cwd()):
        with tempfile.TemporaryDirectory(prefix="alleycat-bench-", dir=parent) as name:
            if _is_on_disk(Path(name)):
                yield Path(name)
                return
    sys.exit(
        "no directory on a real disk: tried the temporary directory, /var/tmp and this directory"
    )


def _is_on_disk(directory: Path) -> bool:
    """Return whether the kernel counts writes there, as it does not for a tmpfs."""
    before_bytes = written_bytes()
    (directory / "probe").write_bytes(PROBE)
    return written_bytes() - before_bytes >= len(PROBE)
