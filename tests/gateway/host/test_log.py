"""What reaches stderr: in a file, on a terminal, in the journal, and as JSON."""

import io
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

import pytest
import structlog

from gateway.host.dropping_file import DroppingFile
from gateway.host.log import configure_logging, dropped_lines, listening, record_fields
from gateway.host.log_repeats import BURST, SummingHandler
from tests.support.hostile import FORGED, HOSTILE, MARK, forbidden_in, without_styles


@contextmanager
def configured(lowest: str = "info", *, is_json: bool = False) -> Iterator[None]:
    """Within a test, so that what pytest itself listens with comes back in time."""
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    configure_logging(lowest, is_json=is_json)
    try:
        yield
    finally:
        structlog.configure(**config)
        root.handlers = handlers
        root.setLevel(level)


def words(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The words of each line after its time."""
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[", line) for line in lines)
    return [line.split()[2:] for line in lines]


@contextmanager
def configured_for_the_journal(
    file: Path, lowest: str = "info", *, is_json: bool = False
) -> Iterator[None]:
    """With a file as stderr, which $JOURNAL_STREAM names as the journal."""
    with file.open("w") as stderr, pytest.MonkeyPatch.context() as patch:
        found = os.fstat(stderr.fileno())
        patch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        patch.setattr(sys, "stderr", stderr)
        with configured(lowest, is_json=is_json):
            yield


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


@pytest.mark.parametrize("lowest", ["debug", "info", "warning", "error"])
def test_log_has_its_level_and_those_above(capsys: pytest.CaptureFixture[str], lowest: str) -> None:
    levels = ["debug", "info", "warning", "error"]
    with configured(lowest):
        for level in levels:
            getattr(logging.getLogger("drivers.ble.radio"), level)("frame")
            getattr(structlog.get_logger(), level)("frame")
    assert len(words(capsys)) == 2 * (len(levels) - levels.index(lowest))


def test_journal_gets_priorities_and_no_columns(tmp_path: Path) -> None:
    with configured_for_the_journal(tmp_path / "log", "debug"):
        log = structlog.get_logger()
        log.debug("frame")
        log.info("racing", bikes=1)
        log.warning("bike lost", bike="bike-1", reason="out of reach")
        logging.getLogger("drivers.ble.radio").error("scan failed: %s", "no adapter")
    assert (tmp_path / "log").read_text().splitlines() == [
        "<7>frame",
        "<6>racing bikes=1",
        "<4>bike lost bike=bike-1 reason='out of reach'",
        "<3>scan failed: no adapter",
    ]


def test_journal_gets_the_priority_of_each_line_of_a_traceback(tmp_path: Path) -> None:
    with configured_for_the_journal(tmp_path / "log"):
        try:
            raise KeyError("knob")
        except KeyError:
            structlog.get_logger().exception("driver failed")
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[-1] == "<3>  KeyError: 'knob'"
    assert all(line.startswith("<3>") for line in lines)


def test_journal_gets_json_with_priorities(tmp_path: Path) -> None:
    with configured_for_the_journal(tmp_path / "log", is_json=True):
        structlog.get_logger().warning("bike lost", bike="bike-1")
    line = (tmp_path / "log").read_text()
    assert line.startswith("<4>{")
    assert json.loads(line.removeprefix("<4>"))["event"] == "bike lost"


@pytest.mark.parametrize("terminal", [False, True])
def test_json_log_has_one_object_per_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with configured(is_json=True):
        structlog.get_logger().warning("bike lost", bike="Zoë", file=Path("/dev/bike"))
        try:
            raise KeyError("knob")
        except KeyError:
            logging.getLogger("drivers.ble.radio").exception("driver failed")
    lost, failed = map(json.loads, capsys.readouterr().err.splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", lost.pop("timestamp"))
    assert list(lost.items()) == [
        ("level", "warning"),
        ("event", "bike lost"),
        ("bike", "Zoë"),
        ("file", "/dev/bike"),
    ]
    assert failed["exception"].endswith("KeyError: 'knob'")


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
    assert "\n  Traceback (most recent call last):\n" in text, "without frames and boxes"
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


class Wicked(Exception):
    """An exception of a plugin, whose form and text are a stranger's."""

    def __repr__(self) -> str:
        return HOSTILE


def log_hostile_text() -> None:
    """Log a stranger's text in every way there is."""
    log, library = structlog.get_logger(), logging.getLogger("a.library")
    log.warning("bike lost", bike="\x1b]52;c;cm0=\x1b\\", reason=HOSTILE, found=[HOSTILE])
    log.warning(HOSTILE)
    log.warning("race command", bike_id=HOSTILE, file=Path(HOSTILE), error=Wicked())
    library.warning("%s: %s", HOSTILE, Wicked(HOSTILE))
    for write in (log.exception, library.exception):
        try:
            raise Wicked(f"{HOSTILE}\n{FORGED}") from KeyError(HOSTILE)
        except Wicked:
            write("driver failed")


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("is_json", [False, True])
def test_log_has_text_from_outside_in_a_harmless_form(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
    is_json: bool,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with configured(is_json=is_json):
        log_hostile_text()
    text = capsys.readouterr().err
    assert text.count(MARK) >= 8
    assert not forbidden_in(without_styles(text))
    # Within a traceback a forged line is behind an indent.
    assert not any(line.startswith(FORGED) for line in text.splitlines())
    if is_json:
        assert json.loads(text.splitlines()[0])["reason"] == HOSTILE


def test_journal_has_text_from_outside_in_a_harmless_form(tmp_path: Path) -> None:
    with configured_for_the_journal(tmp_path / "log"):
        log_hostile_text()
    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert all(re.match(r"<[2-7]>", line) for line in text.splitlines())
    assert not forbidden_in(text)
    assert not re.search(rf"^<.>{FORGED}", text, re.MULTILINE)


@pytest.mark.parametrize("is_json", [False, True])
def test_log_line_of_an_endless_name_is_short(
    capsys: pytest.CaptureFixture[str], is_json: bool
) -> None:
    with configured(is_json=is_json):
        structlog.get_logger().warning("bike lost", bike="x" * 10_000_000)
        try:
            raise Wicked("y" * 10_000_000)
        except Wicked:
            structlog.get_logger().exception("driver failed")
    assert len(capsys.readouterr().err) < 50_000


def test_lines_that_standard_output_does_not_take_are_counted_and_logged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    file = DroppingFile(writing)
    with io.TextIOWrapper(cast("BinaryIO", file), write_through=True) as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with configured():
            while not dropped_lines():
                print("x" * 100_000)
            dropped = dropped_lines()
            os.set_blocking(reading, False)
            gap = threading.Event()
            monkeypatch.setattr(file, "on_gap", both(file.on_gap, gap.set))
            while not gap.wait(0.01):
                with suppress(BlockingIOError):
                    os.read(reading, 1_000_000)
            assert dropped_lines() == dropped
    os.close(reading)
    os.close(writing)
    (logged,) = capsys.readouterr().err.splitlines()
    assert "lines of output dropped: standard output did not take them" in logged
    assert f"count={dropped}" in logged


def both(tell: Callable[[int], None], done: Callable[[], None]) -> Callable[[int], None]:
    def tell_and_be_done(lines: int) -> None:
        tell(lines)
        done()

    return tell_and_be_done


def test_listener_receives_what_is_logged_as_the_journal_has_it() -> None:
    found: list[dict[str, object]] = []
    with configured(), listening(lambda record: found.append(record_fields(record))):
        structlog.get_logger().debug("not logged")
        structlog.get_logger().warning("bike lost", bike="bike-1", reason="it\n\x1b[31mvanished")
        logging.getLogger("library").error("it failed: %s", "why")
    assert all(cast("int", fields.pop("at_ms")) > 1e12 for fields in found)
    assert found == [
        {"level": "warning", "text": "bike lost bike=bike-1 reason='it [31mvanished'"},
        {"level": "error", "text": "it failed: why"},
    ]


def test_listener_receives_the_traceback_of_a_library() -> None:
    found: list[dict[str, object]] = []
    with configured(), listening(lambda record: found.append(record_fields(record))):
        error = ValueError("expected more")
        logging.getLogger("library").error("it failed", exc_info=error)
    (fields,) = found
    assert str(fields["text"]).splitlines() == ["it failed", "  ValueError: expected more"]


def test_listener_receives_summaries_of_what_repeats_and_nothing_after_its_end() -> None:
    found: list[logging.LogRecord] = []
    with configured():
        with listening(found.append):
            for _ in range(BURST + 5):
                structlog.get_logger().warning("bike lost")
            assert len(found) == BURST
            (handler,) = logging.getLogger().handlers
            assert isinstance(handler, SummingHandler)
            handler.sum_up()
        structlog.get_logger().error("too late")
    assert len(found) == BURST + 1
    assert cast("dict[str, object]", found[-1].msg)["repeats"] == 5
