"""A log handler that sums up what repeats, so that a bad day does not fill the disk."""

import copy
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO, TypeVar

#: An event of one bike is logged as it happens this often in a window, and as often again for
#: reasons that are new. The rest is summed up.
BURST = 10
#: The length of a window, in seconds: one line at its end has the number of those left out.
WINDOW_S = 600.0
#: Limits the bikes, or devices, of an event that are counted apart. Strangers choose some names.
MOST_SUBJECTS = 500
#: Limits the events of a module that are counted apart: some have a name or a number in the text.
MOST_EVENTS = 100
#: Limits the reasons of an event that are remembered from window to window.
MOST_REASONS = 500
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
    #: Those that were logged.
    reasons: set[str] = field(default_factory=set)
    new_reasons: int = 0
    logged: int = 0
    left_out: int = 0
    latest: logging.LogRecord | None = None

    def takes(self, record: logging.LogRecord, reason: str) -> bool:
        """Return whether the record is to be logged now; otherwise keep it for the summary."""
        if reason not in self.reasons and self.new_reasons < BURST:
            self.reasons.add(reason)
            self.new_reasons += 1
        elif self.goes_on or self.logged >= BURST:
            self.left_out += 1
            self.latest = record
            return False
        self.logged += 1
        return True

    def next_window(self) -> "_Repeats":
        """Return the records for the next window, given that some of this one were left out."""
        reasons = self.reasons if len(self.reasons) < MOST_REASONS else set()
        return _Repeats(goes_on=True, reasons=reasons)


#: The repeats of each bike or device by its name; of what belongs to none under "".
_Subjects = dict[str, _Repeats]
#: By the module that logs, and by event.
_Sources = dict[str, dict[str, _Subjects]]


class SummingHandler(logging.StreamHandler[TextIO]):
    """A handler that logs the first BURST records of an event and bike, and then sums up.

    At the end of each window the last record that was left out is logged, with the number of them
    as `repeats`. Once a window has none, the event is logged as it happens again. Records of the
    level DEBUG are all logged.
    """

    def __init__(self, stream: TextIO, later: Later = in_a_thread) -> None:
        super().__init__(stream)
        self._later = later
        self._sources: _Sources = {}
        #: Each is called with each record that is logged. It must be quick, and never raise.
        self.listeners: list[Callable[[logging.LogRecord], None]] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            is_due = record.levelno <= logging.DEBUG or self._is_due(record)
        # An object of a third-party driver may fail to describe itself.
        except Exception:
            self.handleError(record)
            return
        if is_due:
            self._log(record)

    def _log(self, record: logging.LogRecord) -> None:
        super().emit(record)
        for listener in self.listeners:
            listener(record)

    def _is_due(self, record: logging.LogRecord) -> bool:
        if not self._sources:
            self._later(WINDOW_S, self._end_window)
        source, event, subject, reason = _identity(record)
        subjects = _part(self._sources.setdefault(source, {}), event, MOST_EVENTS, dict)
        return _part(subjects, subject, MOST_SUBJECTS, _Repeats).takes(record, reason)

    def sum_up(self) -> None:
        """Log a summary of each event that was left out. All others begin again."""
        self.acquire()
        try:
            ended, self._sources = self._sources, {}
            for source, event, subject, repeats in _all(ended):
                if repeats.latest is not None:
                    self._log(_summary(repeats.latest, repeats.left_out))
                    subjects = self._sources.setdefault(source, {}).setdefault(event, {})
                    subjects[subject] = repeats.next_window()
        finally:
            self.release()

    def _end_window(self) -> None:
        self.sum_up()
        if self._sources:
            self._later(WINDOW_S, self._end_window)


_Part = TypeVar("_Part")


def _part(whole: dict[str, _Part], name: str, most: int, make: Callable[[], _Part]) -> _Part:
    """Return the part with this name; once there are `most`, the one that all others share."""
    if name not in whole and len(whole) >= most:
        name = ""
    return whole.setdefault(name, make())


def _all(sources: _Sources) -> Iterator[tuple[str, str, str, _Repeats]]:
    for source, events in sources.items():
        for event, subjects in events.items():
            for subject, repeats in subjects.items():
                yield source, event, subject, repeats


def _identity(record: logging.LogRecord) -> tuple[str, str, str, str]:
    """Return the module that logs, the event, the bike or device it is about, and the reason."""
    if isinstance(record.msg, dict):  # of structlog
        found: dict[str, Any] = record.msg
        failure = str(found.get("exception", "")).rpartition("\n")[2]
        parts = record.name, found["event"], found.get("bike", ""), found.get("reason", failure)
    else:
        args = record.args if isinstance(record.args, tuple) else ()
        parts = record.name, record.msg, args[:1], args[1:]
    source, event, subject, reason = (str(part)[:KEY_MAX] for part in parts)
    return source, event, subject, reason


def _summary(record: logging.LogRecord, left_out: int) -> logging.LogRecord:
    summary = copy.copy(record)
    if isinstance(record.msg, dict):
        summary.msg = {**record.msg, "repeats": left_out}
    else:
        summary.msg, summary.args = f"{record.getMessage()} (repeats={left_out})", None
    return summary
