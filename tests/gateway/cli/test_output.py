"""Standard output of a real process: characters that it lacks, readers that leave, full disks."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.output import BROKEN_PIPE
from gateway.host.errors import BAD_CONFIG, FAILED

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


def test_command_without_a_stderr_that_takes_its_message_ends_as_usual() -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([*PROGRAM, "config", "check", "missing"], stderr=full, check=False)
    assert ended.returncode == BAD_CONFIG


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_command_runs_with_closed_streams(closed: str) -> None:
    shell = f'exec "$@" {closed}'
    arguments = [*PROGRAM, "config", "check", "missing"]
    ended = subprocess.run(["sh", "-c", shell, "sh", *arguments], check=False, capture_output=True)
    assert ended.returncode == BAD_CONFIG
    assert b"Traceback" not in ended.stderr


def test_command_prints_a_name_of_control_characters_harmlessly(tmp_path: Path) -> None:
    file = tmp_path / "\x1b]0;title\x07\x1b[2J\x9b.toml"
    with process(["config", "check", str(file)]) as running:
        out, err = running.communicate()
    assert rb"\u001b]0;title\u0007\u009b.toml" in out + err  # click takes out the other one
    assert b"\x1b" not in out + err
