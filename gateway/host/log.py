"""The daemon's log: one line per change of state on stderr, for people or as JSON."""

import atexit
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor

from gateway.host.dropping_file import DroppingFile
from gateway.host.journal import is_journal, with_priority
from gateway.host.log_repeats import SummingHandler
from gateway.terminal.printable import LINE_MAX, one_line, printable

#: Limits the characters of a traceback, and of any text in JSON; the end is kept.
TRACEBACK_MAX = 20_000


def configure_logging(level: str = "info", *, is_json: bool = False) -> None:
    """Configure structlog for the gateway, and send the drivers' standard loggers through it.

    `level` is the lowest that is logged. A terminal gets colours and times, a file dates as well;
    the journal adds its own, and gets priorities. JSON has one object per line.

    Text from outside is harmless in the log, however it gets there: it is in one line, without
    control characters. What repeats is summed up, and what stderr or standard output does not take
    is counted.
    """
    to_journal = is_journal()
    stamping, rendering = _json() if is_json else _journal() if to_journal else _words()
    processors: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        *stamping,
    ]
    structlog.configure(
        processors=[*processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = _JournalFormatter if to_journal else structlog.stdlib.ProcessorFormatter
    handler = SummingHandler(getattr(sys.stderr, "styled", sys.stderr))
    atexit.register(handler.sum_up)
    handler.setFormatter(
        formatter(
            foreign_pre_chain=processors,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for stream, log_gap in ((sys.stderr, _log_gap), (sys.stdout, _log_output_gap)):
        for file in _dropping_files(stream):
            file.on_gap = log_gap


@contextmanager
def listening(listener: Callable[[logging.LogRecord], None]) -> Iterator[None]:
    """Call `listener` with each record of the log until the context ends."""
    handlers = [one for one in logging.getLogger().handlers if isinstance(one, SummingHandler)]
    for handler in handlers:
        handler.listeners.append(listener)
    try:
        yield
    finally:
        for handler in handlers:
            handler.listeners.remove(listener)


def record_fields(record: logging.LogRecord) -> dict[str, object]:
    """Return the time, level and text of a record; the text is what the journal has."""
    return {
        "at_ms": round(record.created * 1000),
        "level": record.levelname.lower(),
        "text": _plain_formatter().format(record),
    }


@cache
def _plain_formatter() -> logging.Formatter:
    stamping, rendering = _journal()
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            *stamping,
        ],
        processors=[remove_meta, _without_time, *rendering],
    )


def dropped_lines() -> int:
    """Return the lines that standard output and stderr have not taken since the start."""
    return sum(file.dropped_lines for file in _dropping_files(sys.stdout, sys.stderr))


def _dropping_files(*streams: TextIO) -> Iterator[DroppingFile]:
    for stream in streams:
        file = getattr(stream, "buffer", None)
        if isinstance(file, DroppingFile):
            yield file


def _log_gap(lines: int) -> None:
    structlog.get_logger().warning("lines of log dropped: stderr did not take them", count=lines)


def _log_output_gap(lines: int) -> None:
    structlog.get_logger().warning(
        "lines of output dropped: standard output did not take them", count=lines
    )


class _JournalFormatter(structlog.stdlib.ProcessorFormatter):
    """A formatter that puts the priority before each line."""

    def format(self, record: logging.LogRecord) -> str:
        return with_priority(super().format(record), record.levelno)


#: Processors that add the time, and those that turn an event into text.
_Style = tuple[list[Processor], list[Processor]]


def _json() -> _Style:
    render = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)

    def render_printable(logger: object, method: str, event: EventDict) -> str:
        return printable(str(render(logger, method, event)))

    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    return [stamp], [_ordered, render_printable]


def _journal() -> _Style:
    render = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    return [], [_without_level, _harmless, render]


def _words() -> _Style:
    is_terminal = sys.stderr.isatty()
    clock = "%H:%M:%S" if is_terminal else "%Y-%m-%d %H:%M:%S"
    render = structlog.dev.ConsoleRenderer(colors=is_terminal, pad_event_to=28)
    return [structlog.processors.TimeStamper(fmt=clock, utc=False)], [_harmless, render]


def _ordered(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Return the fields with those first that every line has."""
    first = {name: event.pop(name) for name in ("timestamp", "level", "event")}
    return {name: _shortened(value) for name, value in {**first, **event}.items()}


def _shortened(value: object) -> object:
    return value[-TRACEBACK_MAX:] if isinstance(value, str) else value


def _without_time(_logger: object, _method: str, event: EventDict) -> EventDict:
    event.pop("timestamp", None)
    return event


def _without_level(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Remove the level, which the journal keeps as the priority."""
    del event["level"]
    return event


def _harmless(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Return the fields with each text on one line, and a traceback behind an indent.

    So no text from outside begins a line, and is taken for an event of its own.
    """
    found = event.pop("exception", None)
    harmless: EventDict = {name: _in_one_line(value) for name, value in event.items()}
    if found is not None:
        lines = printable(str(found)[-TRACEBACK_MAX:]).splitlines()
        harmless["exception"] = "\n".join(f"  {line}" for line in lines)
    return harmless


def _in_one_line(value: object) -> object:
    """Return a number unchanged, and anything else as text in one line."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_in_one_line(one) for one in value]
    return one_line(str(value), LINE_MAX)
