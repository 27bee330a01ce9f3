"""The output of a child process, for a parent that may be gone meanwhile."""

import os
import sys


def print_for_parent(line: str) -> None:
    """Print a line that the parent reads; if the parent is gone, end this process quietly."""
    try:
        print(line, flush=True)  # noqa: T201 for the parent
    except BrokenPipeError:
        # Python would write the line again at the end of the process, and report that it cannot.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit from None
