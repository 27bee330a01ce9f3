"""The last lines of the log, for pages that connect later and for bug reports."""

import re
from collections import deque
from logging import LogRecord

from gateway.host.log import record_fields
from gateway.terminal.json_line import json_line

LINES_KEPT = 200
#: Limits the characters of a line, so that a page may leave all lines unread.
TEXT_MAX = 500
#: Takes the place of what is left out.
_GAP = " … "


class LogLines:
    """The last lines of the log, each as an object of JSON, oldest first."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque(maxlen=LINES_KEPT)

    def add(self, record: LogRecord) -> bytes:
        """Keep a record of the log, and return its line. It has no control characters."""
        fields = record_fields(record)
        line = json_line({**fields, "text": _shortened(str(fields["text"]))}).rstrip(b"\n")
        self._lines.append(line)
        return line

    def as_json(self) -> bytes:
        """Return a list of all lines that are kept."""
        return b"[%b]" % b",".join(self._lines)


def _shortened(text: str) -> str:
    """Return the beginning and the end of a long text: a traceback ends with its exception.

    Only whole words are kept, because a bug report finds only whole secrets to leave out.
    """
    if len(text) <= TEXT_MAX:
        return text
    half = (TEXT_MAX - len(_GAP)) // 2
    beginning = re.sub(r"\S*$", "", text[:half]).rstrip()
    end = re.sub(r"^\S*", "", text[-half:]).lstrip()
    return f"{beginning}{_GAP}{end}"
