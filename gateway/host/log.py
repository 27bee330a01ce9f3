"""The daemon's log: one line per change of state on stderr, for people or as JSON."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor

from gateway.host.journal import is_journal, with_priority


def configure_logging(level: str = "info", *, is_json: bool = False) -> None:
    """Configure structlog for the gateway, and send the drivers' standard loggers through it.

    `level` is the lowest that is logged. A terminal gets colours and times, a file dates as well;
    the journal adds its own, and gets priorities. JSON has one object per line.
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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        formatter(
            foreign_pre_chain=processors,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())


class _JournalFormatter(structlog.stdlib.ProcessorFormatter):
    """A formatter that puts the priority before each line."""

    def format(self, record: logging.LogRecord) -> str:
        return with_priority(super().format(record), record.levelno)


#: Processors that add the time, and those that turn an event into text.
_Style = tuple[list[Processor], list[Processor]]


def _json() -> _Style:
    render = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return [structlog.processors.TimeStamper(fmt="iso", utc=True)], [_ordered, render]


def _journal() -> _Style:
    render = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    return [], [_without_level, render]


def _words() -> _Style:
    is_terminal = sys.stderr.isatty()
    clock = "%H:%M:%S" if is_terminal else "%Y-%m-%d %H:%M:%S"
    render = structlog.dev.ConsoleRenderer(colors=is_terminal, pad_event_to=28)
    return [structlog.processors.TimeStamper(fmt=clock, utc=False)], [render]


def _ordered(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Return the fields with those first that every line has."""
    first = {name: event.pop(name) for name in ("timestamp", "level", "event")}
    return {**first, **event}


def _without_level(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Remove the level, which the journal keeps as the priority."""
    del event["level"]
    return event
