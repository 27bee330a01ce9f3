"""All benchmarks: each row compares two things side by side, in a process of its own.

Prints the table and the missed targets; writes docs/bench.json and docs/bench.svg. A missed target
is a result, not an error: the exit code is 1 only if a row could not be measured.

    python -m tests.bench [--quick] [--only ROW …]
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from tests.bench.picture import write_picture
from tests.bench.report import Report, describe_machine
from tests.bench.row import INTERRUPTED, Row, working_directory
from tests.bench.table import print_report

#: The rows in the order of the table; each is a module in this directory.
ROWS = (
    "cpu_per_message",
    "latency",
    "memory",
    "writes_online",
    "writes_offline",
    "writes_device",
    "first_publish",
    "drain",
    "hundred_bikes",
    "help_time",
    "peers",
)
#: The rows without a target.
MORE_ROWS = ("ten_bikes", "web")
DOCS = Path("docs")
#: How long an interrupted row may take to exit, in seconds.
PATIENCE_S = 20
#: Columns of the table if the output is not a terminal.
WIDTH = 160


def main() -> None:
    """Run all rows, or the requested ones."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="smaller runs; do not write docs/bench.*"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=ROWS + MORE_ROWS,
        help="only these rows; do not write docs/bench.*",
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # An installed gateway has its bytecode; here each start would compile every changed module.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    names = arguments.only or (ROWS if arguments.quick else ROWS + MORE_ROWS)
    began_s = time.monotonic()
    try:
        with working_directory(None) as directory:
            machine = describe_machine(directory)
            rows = _run_rows(names, directory, is_quick=arguments.quick)
            report = Report(machine, arguments.quick, rows)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    print_report(console, report, names)
    console.print(f"{time.monotonic() - began_s:.0f} s")
    if not arguments.quick and not arguments.only:
        _write(report)
    sys.exit(len(rows) < len(names))


def _run_rows(names: Sequence[str], directory: Path, *, is_quick: bool) -> list[Row]:
    """Run the rows one after the other; return those that could be measured."""
    rows = []
    for number, name in enumerate(names, start=1):
        print(f"[{number}/{len(names)}] {name}", file=sys.stderr, flush=True)
        row = _run_row(name, directory, is_quick=is_quick)
        if row is not None:
            rows.append(row)
            print(f"          {row.value}", file=sys.stderr, flush=True)
    return rows


def _run_row(name: str, directory: Path, *, is_quick: bool) -> Row | None:
    """Run a row in its own session, so that Ctrl-C reaches it only once, from this process."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", f"tests.bench.{name}", "--directory", str(directory)),
            *(["--quick"] if is_quick else []),
        ],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate()
    except BaseException:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
        process.kill()
        raise
    return Row(**json.loads(output)) if process.returncode == 0 else None


def _write(report: Report) -> None:
    text = json.dumps(report.to_json(), indent=1, ensure_ascii=False)
    (DOCS / "bench.json").write_text(f"{text}\n", encoding="utf-8")
    write_picture(DOCS / "bench.json", DOCS / "bench.svg")
    print(f"written: {DOCS}/bench.json, {DOCS}/bench.svg")


if __name__ == "__main__":
    main()
