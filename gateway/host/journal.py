"""The systemd journal as the receiver of stderr: whether it is, and the priority of each line."""

import logging
import os
import sys
from collections.abc import Mapping

#: syslog(3)'s priorities, from the most urgent down, each with the lowest level that gets it.
_PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
    (logging.NOTSET, 7),
)


def is_journal(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether stderr is connected to the journal, as $JOURNAL_STREAM of systemd.exec(5)."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):  # closed, or replaced by a program
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def with_priority(text: str, level: int) -> str:
    """Return the text with the priority of a logging `level` before each line, as sd-daemon(3).

    Without it the journal gives every line the priority "info".
    """
    priority = next(priority for lowest, priority in _PRIORITIES if level >= lowest)
    return "\n".join(f"<{priority}>{line}" for line in text.splitlines())
