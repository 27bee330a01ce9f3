"""Standard output of a real process: characters that it lacks, readers that leave, full disks."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.output import BROKEN_PIPE
from gateway.host.errors import FAILED

#: The first command prints "→" and wraps it in a table, the second one prints "→" and "–".
CHECK = ["check", "--config", "missing.toml"]
HELP = ["decode", "--help"]
PROGRAM = [sys.executable, "-m", "gateway"]


def process(
    arguments: list[str], output: int | None = subprocess.PIPE, **environment: str
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        stdout=output,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
@pytest.mark.parametrize("command", [CHECK, HELP], ids=["check", "help"])
def test_command_prints_plainer_characters_where_the_encoding_lacks_some(
    command: list[str], encoding: str
) -> None:
    with process(command, PYTHONIOENCODING=encoding) as running:
        out, err = running.communicate()
    assert b"Traceback" not in err
    assert b"?" not in out.replace(b"did you mean", b"")
    assert (b"> create the file" in out) == (command is CHECK)


def test_command_prints_a_name_that_is_no_text() -> None:
    with process(["config", "check", os.fsdecode(b"\xff.toml")]) as running:
        _, err = running.communicate()
    assert b"Traceback" not in err
    assert rb"\udcff.toml: " in err


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_watch_ends_quietly_when_its_reader_has_left(options: list[str]) -> None:
    with process(["watch", "fake", *options]) as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr is not None
        err = running.stderr.read().decode()
        assert running.wait() == BROKEN_PIPE
    assert "Broken" not in err
    assert "interrupted" not in err


def test_a_background_command_ends_too_when_its_reader_has_left() -> None:
    ignoring = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as shells do for `command &`
    try:
        running = process(["watch", "fake"])
    finally:
        signal.signal(signal.SIGINT, ignoring)
    with running:
        assert running.stdout is not None
        running.stdout.close()
        assert running.wait(timeout=20) == BROKEN_PIPE


def test_command_reports_a_full_disk() -> None:
    with Path("/dev/full").open("wb") as full, process(CHECK, full.fileno()) as running:
        _, err = running.communicate()
    assert err.decode() == "cannot write to standard output: No space left on device\n"
    assert running.returncode == FAILED
