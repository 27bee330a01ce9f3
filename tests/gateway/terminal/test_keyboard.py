"""Keys pressed on a real terminal, and the terminal afterwards."""

import asyncio
import os
import pty
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.terminal.keyboard import ENTER, Keyboard, keys_in, without_echo
from tests.support.terminal import CTRL_Z, Terminal

PROGRAM = """
import asyncio
from pathlib import Path
from gateway.terminal.keyboard import Keyboard

async def main():
    try:
        with Keyboard(lambda: print("suspended"), lambda: print("resumed")) as keyboard:
            print("ready")
            while (key := await keyboard.key()) != "q":
                print(f"<{key}>")
                if key == "x":
                    raise ValueError("x marks the spot")
                if key == "f":
                    await asyncio.sleep(0.5)
                    keyboard.forget()
                    print("forgotten")
    finally:
        Path(__file__).with_suffix(".end").touch()
        print("cleaned up")

asyncio.run(main())
"""

SILENT = """
import asyncio
from gateway.terminal.keyboard import without_echo
with without_echo():
    print("ready")
    asyncio.run(asyncio.sleep(60)) if {in_loop} else input()
print("over")
input()
"""


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    return [sys.executable, str(file)]


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """Of a terminal: the program's, and the person's."""
    person, programs = pty.openpty()
    yield programs, person
    for end in (programs, person):
        with suppress(OSError):
            os.close(end)


def test_a_key_comes_without_enter_and_is_not_shown(program: list[str]) -> None:
    with Terminal(program) as terminal:
        terminal.wait_for("ready")
        terminal.press("r")
        terminal.wait_for("<r>")
        terminal.press("\r")
        terminal.wait_for("<enter>")
        terminal.press("ü")
        terminal.wait_for("<ü>")
        terminal.press("q")
        assert terminal.exit_code() == 0
        assert terminal.text.split() == ["ready", "<r>", "<enter>", "<ü>", "cleaned", "up"]
        assert terminal.is_cooked


async def test_a_letter_that_comes_in_two_halves_is_one(ends: tuple[int, int]) -> None:
    with Keyboard(fd=ends[0]) as keyboard:
        os.write(ends[1], b"\xc3")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(keyboard.key(), 0.1)
        os.write(ends[1], b"\xbc")
        assert await asyncio.wait_for(keyboard.key(), 5) == "ü"


def test_the_terminal_is_restored_after_an_error(program: list[str]) -> None:
    with Terminal(program) as terminal:
        terminal.wait_for("ready")
        assert not terminal.is_cooked
        terminal.press("x")
        assert terminal.exit_code() == 1
        assert "x marks the spot" in terminal.text
        assert terminal.is_cooked


def test_ctrl_c_interrupts_and_restores_the_terminal(program: list[str]) -> None:
    with Terminal(program) as terminal:
        terminal.wait_for("ready")
        terminal.press_ctrl_c()
        assert terminal.exit_code() == -signal.SIGINT
        assert "KeyboardInterrupt" in terminal.text
        assert terminal.is_cooked


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_termination_signal_cleans_up_and_restores_the_terminal(
    program: list[str], end: signal.Signals
) -> None:
    with Terminal(program) as terminal:
        terminal.wait_for("ready")
        terminal.send_signal(end)
        assert terminal.exit_code() == 128 + end
        assert "cleaned up" in terminal.text
        assert terminal.is_cooked


@pytest.mark.parametrize("end", [0, 1])
async def test_terminal_that_is_gone_is_an_end_of_file_for_every_key(
    ends: tuple[int, int], end: int
) -> None:
    """On one end of it that is an end of file, on the other an error."""
    with Keyboard(fd=ends[end]) as keyboard:
        os.close(ends[1 - end])
        for _ in range(2):
            with pytest.raises(EOFError):
                await asyncio.wait_for(keyboard.key(), 5)
        keyboard.forget()
        with pytest.raises(EOFError):
            await asyncio.wait_for(keyboard.key(), 5)


def test_program_cleans_up_after_its_terminal_hangs_up(program: list[str]) -> None:
    with Terminal(program) as terminal:
        terminal.wait_for("ready")
        terminal.hang_up()
        terminal.exit_code()
    assert Path(program[1]).with_suffix(".end").exists()


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it(program: list[str]) -> None:
    with Terminal(["dash", "-i"]) as terminal:  # bash would restore the terminal by itself
        terminal.press(f"{' '.join(program)}\n")
        terminal.wait_for("ready")
        terminal.press(CTRL_Z)
        terminal.wait_for("Stopped")
        assert "suspended" in terminal.text
        assert terminal.is_cooked
        terminal.press("fg\n")
        terminal.wait_for("resumed")
        assert not terminal.is_cooked
        terminal.press("r")
        terminal.wait_for("<r>")
        terminal.press("q")
        terminal.wait_for("cleaned up")


@pytest.mark.slow
def test_keys_pressed_before_a_question_are_forgotten(program: list[str]) -> None:
    with Terminal(program) as terminal:
        terminal.wait_for("ready")
        terminal.press("f\n\n")
        terminal.wait_for("<f>")
        terminal.press("\n")
        terminal.wait_for("forgotten")
        terminal.press("rq")
        assert terminal.exit_code() == 0
        assert terminal.text.split()[1:4] == ["<f>", "forgotten", "<r>"]


async def test_unread_keys_are_forgotten(ends: tuple[int, int]) -> None:
    with Keyboard(fd=ends[0]) as keyboard:
        os.write(ends[1], b"y")
        keyboard.forget()
        os.write(ends[1], b"r")
        assert await asyncio.wait_for(keyboard.key(), 5) == "r"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("aB ", ["a", "B", " "]),
        ("\r\n", [ENTER, ENTER]),
        ("\x1b[A\x1b[1;5Cq", ["q"]),
        ("\x1bOP\x1b[15~s", ["s"]),
        ("\x1b", []),
        ("\x04\x7f\t", []),
    ],
)
def test_keys_that_are_no_character_are_left_out(text: str, keys: list[str]) -> None:
    assert list(keys_in(text)) == keys


def silent(*, in_loop: bool = False) -> Terminal:
    return Terminal([sys.executable, "-u", "-c", SILENT.format(in_loop=in_loop)])


def test_terminal_without_echo_shows_nothing_until_the_end() -> None:
    with silent() as terminal:
        terminal.wait_for("ready")
        assert not terminal.is_cooked
        terminal.press("secret\n")
        terminal.wait_for(r"over\s")
        assert terminal.is_cooked
        terminal.press("open\n")
        assert terminal.exit_code() == 0
        assert terminal.text.split() == ["ready", "over", "open"]


@pytest.mark.parametrize("in_loop", [False, True])
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_echo_is_restored_by_a_signal_that_ends_the_program(
    end: signal.Signals, *, in_loop: bool
) -> None:
    with silent(in_loop=in_loop) as terminal:
        terminal.wait_for("ready")
        terminal.wait_until_asleep()
        terminal.send_signal(end)
        assert terminal.exit_code() == (-end if end == signal.SIGINT else 128 + end)
        assert terminal.is_cooked


def test_echo_is_restored_while_the_program_is_stopped() -> None:
    with silent() as terminal:
        terminal.wait_for("ready")
        terminal.wait_until_asleep()
        terminal.press(CTRL_Z)
        terminal.wait_until(lambda: terminal.is_cooked)
        terminal.send_signal(signal.SIGCONT)
        terminal.wait_until(lambda: not terminal.is_cooked)
        terminal.press("secret\n\n")
        assert terminal.exit_code() == 0
        assert "secret" not in terminal.text


def test_without_a_terminal_there_is_no_echo_to_switch_off(tmp_path: Path) -> None:
    with (tmp_path / "no terminal").open("w") as file, without_echo(file.fileno()):
        assert file.write("written")
