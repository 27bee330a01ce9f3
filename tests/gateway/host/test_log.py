"""What reaches stderr, and so the journal."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import structlog

from gateway.host.log import configure_logging


@contextmanager
def configured() -> Iterator[None]:
    """Within a test, so that what pytest itself listens with comes back in time."""
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    configure_logging()
    try:
        yield
    finally:
        structlog.configure(**config)
        root.handlers = handlers
        root.setLevel(level)


def words(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The words of each line."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return [line.split() for line in captured.err.splitlines()]


def test_log_line_has_level_event_and_facts(capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        structlog.get_logger().warning("bike lost", bike="bike-1", reason="out of reach")
    assert words(capsys) == [
        ["[warning", "]", "bike", "lost", "bike=bike-1", "reason='out", "of", "reach'"]
    ]


def test_log_line_of_a_standard_logger_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        logging.getLogger("drivers.ble.radio").error("scan failed: %s", "no adapter")
    assert words(capsys) == [["[error", "]", "scan", "failed:", "no", "adapter"]]


@pytest.mark.parametrize("level", ["debug", "info"])
def test_log_leaves_out_debug(capsys: pytest.CaptureFixture[str], level: str) -> None:
    with configured():
        getattr(logging.getLogger("drivers.ble.radio"), level)("frame")
        getattr(structlog.get_logger(), level)("frame")
    assert len(words(capsys)) == (0 if level == "debug" else 2)


@pytest.mark.parametrize(
    "log_exception",
    [
        lambda: structlog.get_logger().exception("driver failed"),
        lambda: logging.getLogger("drivers.ble.radio").exception("driver failed"),
    ],
    ids=["structlog", "logging"],
)
def test_log_has_the_traceback_of_an_exception_once(
    capsys: pytest.CaptureFixture[str], log_exception: Callable[[], None]
) -> None:
    with configured():
        try:
            raise KeyError("knob")
        except KeyError:
            log_exception()
    text = capsys.readouterr().err
    assert text.count("driver failed") == 1
    assert text.count("Traceback (most recent call last)") == 1
    assert "\nTraceback (most recent call last):\n" in text, "without frames and boxes"
    assert text.rstrip().endswith("KeyError: 'knob'")
    assert "Logging error" not in text


@pytest.mark.parametrize("terminal", [False, True])
def test_log_has_colours_only_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with configured():
        structlog.get_logger().info("racing")
    assert ("\x1b" in capsys.readouterr().err) == terminal
