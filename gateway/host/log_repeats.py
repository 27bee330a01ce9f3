"""A log handler that sums up what repeats, so that a bad day does not fill the disk."""

import copy
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

#: An event of one bike is logged as it happens this often in a window. The rest is summed up.
BURST = 10
#: The length of a window, in seconds: one line at its end has the number of those left out.
WINDOW_S = 600.0
#: Limits the events and bikes that are counted apart. Strangers choose some of their names.
MOST_KEYS = 500
#: Characters of a name or a reason that are compared.
KEY_MAX = 500

#: Calls a function later, after a time in seconds.
Later = Callable[[float, Callable[[], None]], None]


def in_a_thread(seconds: float, act: Callable[[], None]) -> None:
    """Call `act` later, unless the process has ended by then."""
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()


@dataclass(slots=True)
class _Repeats:
    """The records of one event and bike in a window."""

    #: Whether some of the last window were left out. Then only new reasons are logged at once.
    goes_on: bool = False
    reasons: set[str] = field(default_factory=set)
    logged: int = 0
    left_out: int = 0
    latest: logging.LogRecord | None = None

    def takes(self, record: logging.LogRecord, reason: str) -> bool:
        """Return whether the record is to be logged now; otherwise keep it for the summary."""
        if self.logged < BURST and not (self.goes_on and reason in self.reasons):
            self.logged += 1
            self.reasons.add(reason)
            return True
        self.left_out += 1
        self.latest = record
        return False


class SummingHandler(logging.StreamHandler[TextIO]):
    """A handler that logs the first BURST records of an event and bike, and then sums up.

    At the end of each window the last record that was left out is logged, with the number of them
    as `repeats`. Once a window has none, the event is logged as it happens again. Records of the
    level DEBUG are all logged.
    """

    def __init__(self, stream: TextIO, later: Later = in_a_thread) -> None:
        super().__init__(stream)
        self._later = later
        self._repeats: dict[tuple[str, str], _Repeats] = {}

    def emit(self, record: logging.LogRecord) -> None:
        try:
            is_due = record.levelno <= logging.DEBUG or self._is_due(record)
        # An object of a third-party driver may fail to describe itself.
        except Exception:
            self.handleError(record)
            return
        if is_due:
            super().emit(record)

    def _is_due(self, record: logging.LogRecord) -> bool:
        if not self._repeats:
            self._later(WINDOW_S, self._end_window)
        event, subject, reason = _identity(record)
        key = event, subject
        if key not in self._repeats and len(self._repeats) >= MOST_KEYS:
            key = "", ""
        return self._repeats.setdefault(key, _Repeats()).takes(record, reason)

    def sum_up(self) -> None:
        """Log a summary of each event that was left out. All others begin again."""
        self.acquire()
        try:
            ended, self._repeats = self._repeats, {}
            for key, repeats in ended.items():
                if repeats.latest is not None:
                    super().emit(_summary(repeats.latest, repeats.left_out))
                    reasons = repeats.reasons if len(repeats.reasons) < MOST_KEYS else set()
                    self._repeats[key] = _Repeats(goes_on=True, reasons=reasons)
        finally:
            self.release()

    def _end_window(self) -> None:
        self.sum_up()
        if self._repeats:
            self._later(WINDOW_S, self._end_window)


def _identity(record: logging.LogRecord) -> tuple[str, str, str]:
    """Return the event, the bike or device that it is about, and the reason."""
    if isinstance(record.msg, dict):  # of structlog
        event: dict[str, Any] = record.msg
        subject = event.get("bike", event.get("bike_id", ""))
        parts = event["event"], subject, event.get("reason", "")
    else:
        args = record.args if isinstance(record.args, tuple) else ()
        parts = f"{record.name} {record.msg}", args[:1], args[1:]
    name, about, reason = (str(part)[:KEY_MAX] for part in parts)
    return name, about, reason


def _summary(record: logging.LogRecord, left_out: int) -> logging.LogRecord:
    summary = copy.copy(record)
    if isinstance(record.msg, dict):
        summary.msg = {**record.msg, "repeats": left_out}
    else:
        summary.msg, summary.args = f"{record.getMessage()} (repeats={left_out})", None
    return summary
