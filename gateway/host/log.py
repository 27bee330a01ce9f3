"""The daemon's log: one readable line per change of state, on stderr."""

import logging
import sys

import structlog


def configure_logging() -> None:
    """Configure structlog for the gateway, and send the drivers' standard loggers through it.

    A terminal gets colours and times; under systemd the journal adds its own times.
    """
    terminal = sys.stderr.isatty()
    processors: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
    ]
    if terminal:
        processors.append(structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False))
    renderer = structlog.dev.ConsoleRenderer(colors=terminal, pad_event_to=28)
    structlog.configure(
        processors=[*processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
