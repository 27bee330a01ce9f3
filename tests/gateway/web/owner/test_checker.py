"""Checks in a process of their own."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from gateway.web.owner.checker import FAILED, Checker, check_command
from tests.support.web_pages import event_named, serving

#: Adds a line to the file in its argument, and prints a report.
COUNTING = """
import pathlib, sys
with open(sys.argv[1], "a") as file: file.write("run\\n")
print('{"ok": true, "summary": "all well", "findings": [], "versions": {}}')
"""


async def test_two_requests_share_one_check(tmp_path: Path) -> None:
    told: list[bytes] = []
    runs = tmp_path / "runs"
    checker = Checker([sys.executable, "-c", COUNTING, str(runs)], told.append)
    first, second = await asyncio.gather(checker.report(), checker.report())
    assert first is second
    assert runs.read_text("utf-8") == "run\n"
    assert [json.loads(one)["is_running"] for one in told] == [True, False]
    assert json.loads(told[-1])["report"] == first
    await checker.report()
    assert runs.read_text("utf-8") == "run\n" * 2


@pytest.mark.parametrize("command", [["/nonexistent"], [sys.executable, "-c", "print('no json')"]])
async def test_check_without_an_answer_is_reported_as_failed(command: list[str]) -> None:
    (finding,) = (await Checker(command, lambda _: None).report())["findings"]
    assert finding["what"] == FAILED


async def test_process_ends_with_the_server(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    os.mkfifo(pid_file)
    script = (
        "import os, signal, sys; open(sys.argv[1], 'w').write(str(os.getpid())); signal.pause()"
    )
    checker = Checker([sys.executable, "-c", script, str(pid_file)], lambda _: None)
    checker.start()
    pid = int(await asyncio.to_thread(pid_file.read_text, "utf-8"))  # waits for the writer
    await checker.end()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_check_is_the_command_of_this_installation() -> None:
    command = check_command(Path("/etc/gateway.toml"))
    assert command[3] == sys.executable
    assert command[-4:] == ["check", "--json", "--config", "/etc/gateway.toml"]


@pytest.mark.slow
@pytest.mark.timeout(300)  # the check lets all other tests run first
async def test_button_starts_a_check_whose_result_comes_with_the_stream(tmp_path: Path) -> None:
    file = tmp_path / "none.toml"
    async with serving(tmp_path, file=file) as pages, pages.stream("gateway") as stream:
        assert (await pages.post("/check", {})).status == 202
        assert (await event_named(stream, "check"))["is_running"]
        line = await stream.content.readuntil(b"versions")
        assert str(file).encode() in line
