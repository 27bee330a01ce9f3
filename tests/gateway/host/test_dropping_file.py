"""Stderr whose reader stops, leaves or has a full disk: a writer never waits for it."""

import os
import pty
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gateway.host.dropping_file import DroppingFile

#: More than a pipe and what waits for it can take together.
FLOOD = 40_000
LINE = b"a line of the log\n"
MOST_BYTES = 64 * 1024
WAIT_S = 10.0

BEGINNING = (
    "import os, sys\n"
    "from gateway.cli.output import drop_what_is_not_read, open_output\n"
    "open_output()\n"
    "drop_what_is_not_read()\n"
)


@contextmanager
def pipe() -> Iterator[tuple[int, DroppingFile]]:
    reading, writing = os.pipe()
    file = DroppingFile(writing, MOST_BYTES)
    yield reading, file
    with suppress(OSError):
        os.close(reading)
    file.finish(WAIT_S)  # its thread must not write to the next file with this descriptor
    os.close(writing)


def read_all(reading: int, file: DroppingFile) -> list[bytes]:
    """Read the lines there are, and those that still wait to be written."""
    is_written = threading.Event()

    def wait() -> None:
        file.finish(WAIT_S)
        is_written.set()

    threading.Thread(target=wait).start()
    os.set_blocking(reading, False)
    data = b""
    while True:
        is_last = is_written.is_set()
        with suppress(BlockingIOError):
            while chunk := os.read(reading, 65_536):
                data += chunk
        if is_last:
            return data.splitlines(keepends=True)
        time.sleep(0.01)


def test_lines_arrive_in_order() -> None:
    with pipe() as (reading, file):
        lines = [b"%d\n" % number for number in range(1_000)]
        for line in lines:
            file.write(line)
        assert read_all(reading, file) == lines
        assert file.dropped_lines == 0


def test_writer_never_waits_for_a_reader_that_has_stopped() -> None:
    with pipe() as (_, file):
        start_s = time.monotonic()
        for _ in range(FLOOD):
            file.write(LINE)
        assert time.monotonic() - start_s < 5
        assert 0 < file.dropped_lines < FLOOD


def test_gap_is_in_one_place_and_counted_once_the_reader_goes_on() -> None:
    with pipe() as (reading, file):
        is_told = threading.Event()

        def tell(lines: int) -> None:
            file.write(b"%d dropped\n" % lines)
            is_told.set()

        file.on_gap = tell
        for number in range(FLOOD):
            file.write(b"%d\n" % number)
        read = read_all(reading, file)
        assert is_told.wait(WAIT_S)
        file.write(b"after\n")
        read += read_all(reading, file)
    *kept, note, after = read
    assert kept == [b"%d\n" % number for number in range(len(kept))]
    assert note == b"%d dropped\n" % (FLOOD - len(kept))
    assert after == b"after\n"
    assert file.dropped_lines == FLOOD - len(kept)


def test_full_disk_is_no_error_and_counted() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    file = DroppingFile(descriptor)
    told: list[int] = []
    file.on_gap = told.append
    for _ in range(3):
        file.write(LINE)
    file.finish(WAIT_S)
    assert file.dropped_lines == 3
    assert not told, "a note would have no room, either"
    os.close(descriptor)


def test_reader_that_has_left_is_no_error() -> None:
    with pipe() as (reading, file):
        os.close(reading)
        file.write(LINE)
        file.finish(WAIT_S)
        assert file.dropped_lines == 1


def test_descriptor_that_another_process_made_non_blocking_loses_nothing() -> None:
    with pipe() as (reading, file):
        os.set_blocking(file.fileno(), False)
        lines = [b"%06d\n" % number for number in range(MOST_BYTES // 8)]
        for line in lines * 2:
            file.write(line)
        assert read_all(reading, file) == (lines * 2)[: -file.dropped_lines or None]


@pytest.mark.parametrize("reader", ["pipe", "terminal"])
def test_process_ends_though_its_reader_has_stopped(reader: str) -> None:
    reading, writing = os.pipe() if reader == "pipe" else pty.openpty()
    if reader == "terminal":
        termios.tcflow(writing, termios.TCOOFF)  # as Ctrl-S does
    source = (
        f"{BEGINNING}\nfor _ in range(9999): print('x' * 99, file=sys.stderr)\nraise SystemExit(7)"
    )
    process = subprocess.Popen([sys.executable, "-c", source], stderr=writing)
    assert process.wait(20) == 7
    os.close(reading)
    os.close(writing)


def test_last_words_before_a_crash_are_written(tmp_path: Path) -> None:
    source = f"{BEGINNING}\nprint('first', file=sys.stderr)\nraise KeyError('knob')"
    with (tmp_path / "log").open("wb") as log:
        ended = subprocess.run([sys.executable, "-c", source], stderr=log, check=False)
    assert ended.returncode == 1
    lines = (tmp_path / "log").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("first", "KeyError: 'knob'")


def test_closed_stderr_is_not_another_file(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        f"{BEGINNING}\nfile = open({str(tmp_path / 'data')!r}, 'wb')\n"
        "print(file.fileno() > 2, sys.stderr.fileno())\n"
        "print('lost', file=sys.stderr)\nos.write(2, b'lost')\n"
    )
    shell = f'exec "{sys.executable}" "{tmp_path}/program.py" <&- 2>&-'
    ended = subprocess.run(
        shell,
        shell=True,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert ended.stdout.split() == ["True", "2"]
    assert (tmp_path / "data").read_bytes() == b""
