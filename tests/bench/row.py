"""One row of the table: measured by a module of its own, run in a process of its own."""

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
#: Written to find out whether a folder is on a disk.
PROBE = b"\0" * 65536

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """What was asked for and what was measured, in words, and how near the one is to the other.

    `value`: what counts; `beside`: what it was measured against, and what else is worth knowing.
    `reached`: None if there is no target. `of_limit`: measured over limit, so at most 1 is reached;
    None where the limit is 0, or where there is none. `details`: every number behind it, named
    with its unit.
    """

    name: str
    what: str
    target: str
    value: str
    beside: str
    reached: bool | None
    of_limit: float | None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """How much to measure, and where, on a real disk.

    `directory` is a row's own; `shared` is kept for the next row.
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
    """The command line of one row: prints it as one line of JSON."""
    parser = argparse.ArgumentParser(description=measure.__doc__)
    parser.add_argument("--quick", action="store_true", help="a smaller run")
    parser.add_argument("--directory", type=Path, help="to work in, on a real disk")
    arguments = parser.parse_args()
    # Whoever started this may ignore it, as a shell does for its background jobs.
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
    """`given`, or a temporary folder where bytes written go to a disk, removed afterwards."""
    if given is not None:
        yield given
        return
    for parent in (Path(tempfile.gettempdir()), Path("/var/tmp"), Path.cwd()):
        with tempfile.TemporaryDirectory(prefix="alleycat-bench-", dir=parent) as name:
            if _is_on_disk(Path(name)):
                yield Path(name)
                return
    sys.exit("No folder on a real disk: neither the temporary one, nor /var/tmp, nor this one")


def _is_on_disk(directory: Path) -> bool:
    """Whether the kernel counts what is written there, as it does not for a tmpfs."""
    before_bytes = written_bytes()
    (directory / "probe").write_bytes(PROBE)
    return written_bytes() - before_bytes >= len(PROBE)
