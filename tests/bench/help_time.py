"""Wall time of `alleycat-gateway --help` over `python -c "import typer"`, run in turns.

python -m tests.bench.help_time [--quick]
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.row import Bench, Row, run_row

LIMIT = 1.5


def measure(bench: Bench) -> Row:
    """Measure the time of `--help` over that of an import that it cannot avoid."""
    bench.progress("alleycat-gateway --help")
    ours = [str(Path(sys.executable).with_name("alleycat-gateway")), "--help"]
    bare = [sys.executable, "-c", "import typer"]
    runs = bench.scaled(15, 7)
    for command in (ours, bare):  # after this, everything is in the page cache
        _wall_s(command)
    pairs = [(_wall_s(ours), _wall_s(bare)) for _ in range(runs)]
    ours_ms, bare_ms = (statistics.median(times) * 1000 for times in zip(*pairs, strict=True))
    ratio = ours_ms / bare_ms
    return Row(
        "help_time",
        '`alleycat-gateway --help` over `python -c "import typer"`',
        f"≤ {LIMIT} ×",
        f"{ratio:.2f} ×",
        f"{ours_ms:.0f} ms against {bare_ms:.0f} ms, {runs} runs in turns",
        ratio <= LIMIT,
        ratio / LIMIT,
        {"help_ms": ours_ms, "import_typer_ms": bare_ms, "ratio": ratio, "runs": runs},
    )


def _wall_s(command: list[str]) -> float:
    began_s = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began_s


if __name__ == "__main__":
    run_row(measure)
