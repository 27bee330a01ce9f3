"""Child processes that do not outlive the process that started them."""

from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen
from typing import AnyStr


@contextmanager
def killed_at_end(process: Popen[AnyStr]) -> Iterator[Popen[AnyStr]]:
    """Kill the process at the end of the block if it still runs, whatever ends the block."""
    with process:
        try:
            yield process
        finally:
            process.kill()
