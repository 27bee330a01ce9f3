"""What repeats in the log is summed up; what is new or urgent never waits."""

import io
import logging
from collections.abc import Callable

import pytest

from gateway.host.log_repeats import (
    BURST,
    MOST_EVENTS,
    MOST_SUBJECTS,
    WINDOW_S,
    SummingHandler,
)


class Windows:
    """The ends of windows, which come when the test asks for them."""

    def __init__(self) -> None:
        self.ends: list[Callable[[], None]] = []

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        assert seconds == WINDOW_S
        self.ends.append(act)

    @property
    def is_running(self) -> bool:
        return bool(self.ends)

    def end(self) -> None:
        (act,) = self.ends
        self.ends.clear()
        act()


class Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.msg, dict):
            return " ".join(str(value) for value in record.msg.values())
        return record.getMessage()


class Log:
    """A SummingHandler with the lines that it has written."""

    def __init__(self) -> None:
        self.windows = Windows()
        self._file = io.StringIO()
        self.handler = SummingHandler(self._file, self.windows.later)
        self.handler.setFormatter(Plain())

    def event(
        self, name: str, level: int = logging.WARNING, source: str = "gateway", **fields: object
    ) -> None:
        record = logging.LogRecord(source, level, "", 0, "", (), None)
        record.msg = {"event": name, **fields}
        self.handler.handle(record)

    def foreign(self, text: str, *args: object) -> None:
        self.handler.handle(logging.LogRecord("drivers", logging.INFO, "", 0, text, args, None))

    def take(self) -> list[str]:
        lines = self._file.getvalue().splitlines()
        self._file.seek(0)
        self._file.truncate()
        return lines


@pytest.fixture
def log() -> Log:
    return Log()


def test_burst_is_logged_and_the_rest_is_one_line(log: Log) -> None:
    for number in range(100):
        log.event("bike lost", bike="bike-1", reason="away", at=number)
    assert log.take() == [f"bike lost bike-1 away {number}" for number in range(BURST)]
    log.windows.end()
    assert log.take() == ["bike lost bike-1 away 99 90"]


def test_bike_that_flaps_all_day_is_a_line_in_each_window(log: Log) -> None:
    for window in range(5):
        for _ in range(60):
            log.event("bike lost", bike="bike-1", reason="away")
        log.windows.end()
        assert len(log.take()) == (BURST + 1 if window == 0 else 1)


@pytest.mark.parametrize("windows", [0, 1, 2])
def test_new_reason_is_logged_at_once(log: Log, windows: int) -> None:
    for _ in range(windows):
        for _ in range(20):
            log.event("bike lost", bike="bike-1", reason="away")
        log.windows.end()
    for _ in range(20):
        log.event("bike lost", bike="bike-1", reason="away")
    log.take()
    for _ in range(3):
        log.event("bike lost", bike="bike-1", reason="permission denied")
    assert log.take() == ["bike lost bike-1 permission denied"]


def test_new_exception_is_logged_at_once(log: Log) -> None:
    for number in range(20):
        log.event("driver failed", exception=f"Traceback\n line {number}\nKeyError: 'knob'")
    log.take()
    log.event("driver failed", exception="Traceback\nValueError: 7")
    assert log.take() == ["driver failed Traceback", "ValueError: 7"]


def test_reasons_that_are_always_new_are_bounded(log: Log) -> None:
    for window in range(3):
        for number in range(1_000):
            log.event("bike lost", bike="bike-1", reason=f"{window} {number}")
        log.windows.end()
        assert len(log.take()) == BURST + 1


def test_one_bike_does_not_hide_another_nor_another_event(log: Log) -> None:
    for _ in range(20):
        log.event("bike lost", bike="bike-1")
    log.take()
    log.event("bike lost", bike="bike-2")
    log.event("bike connected", bike="bike-1")
    assert log.take() == ["bike lost bike-2", "bike connected bike-1"]


def test_after_a_quiet_window_events_are_logged_as_they_happen(log: Log) -> None:
    for _ in range(20):
        log.event("bike lost", bike="bike-1")
    log.windows.end()
    log.windows.end()
    assert not log.windows.is_running
    log.take()
    log.event("bike lost", bike="bike-1")
    assert log.take() == ["bike lost bike-1"]


def test_lines_of_standard_loggers_are_told_apart_by_their_first_argument(log: Log) -> None:
    for number in range(20):
        log.foreign("%s lost: %s", "strap 1", f"error {number}")
    log.foreign("%s lost: %s", "strap 2", "away")
    assert log.take()[BURST:] == ["strap 2 lost: away"]
    log.windows.end()
    assert log.take() == ["strap 1 lost: error 19 (repeats=10)"]


def test_names_of_strangers_do_not_fill_the_log(log: Log) -> None:
    for number in range(10_000):
        log.event("bike found", bike=f"bike {number}")
        log.foreign(f"formatted {number}")
    assert len(log.take()) == MOST_SUBJECTS + MOST_EVENTS + 2 * BURST
    log.windows.end()
    assert len(log.take()) == 2


def test_flood_hides_no_other_event(log: Log) -> None:
    for number in range(2_000):
        log.event("race command", bike=f"bike {number}", reason=f"unknown bike {number}")
        log.event(f"formatted {number}", source="plugin")
        log.foreign(f"formatted {number}")
        log.foreign("%s lost", f"strap {number}")
    log.take()
    log.event("cloud not connected", reason="refused")
    log.event("bike lost", bike="bike-1", reason="away")
    assert log.take() == ["cloud not connected refused", "bike lost bike-1 away"]


def test_debug_lines_are_all_logged(log: Log) -> None:
    for _ in range(100):
        log.event("frame", level=logging.DEBUG)
    assert len(log.take()) == 100
    assert not log.windows.is_running


def test_summary_at_the_end_starts_no_window(log: Log) -> None:
    for _ in range(20):
        log.event("bike lost", bike="bike-1")
    log.take()
    log.handler.sum_up()
    assert log.take() == ["bike lost bike-1 10"]
    assert len(log.windows.ends) == 1


def test_object_that_fails_to_describe_itself_stops_no_one(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mute:
        def __repr__(self) -> str:
            raise ValueError("no words")

    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.foreign("%s lost: %s", "strap", Mute())
    log.event("bike lost", bike=Mute())
    log.event("bike lost", bike="bike-1")
    assert log.take() == ["bike lost bike-1"]


def test_flapping_day_is_short(log: Log) -> None:
    """The broker fails every two seconds, and two bikes every ten."""
    for second in range(0, 86_400, 2):
        log.event("cloud not connected", reason="hung up" if second % 4 else "refused")
        log.event("cloud connected", buffered=second % 7)
        if second % 10 == 0:
            for bike in ("bike-1", "bike-2"):
                log.event("bike lost", bike=bike, reason="out of reach")
                log.event("bike connected", bike=bike)
        if second and second % WINDOW_S == 0:
            log.windows.end()
    assert len(log.take()) < 1_000
