"""`decode --guess`: which protocols fit a capture, and which bytes follow the pedals."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from drivers import Frame
from drivers.captures.format import (
    CountedTurns,
    encode_device,
    encode_frame,
    encode_header,
    encode_turns,
)
from drivers.survey import DeviceInventory
from gateway.cli.app import app
from tests.support import unknown_bikes

CAPTURES = Path(__file__).parents[3] / "captures"
SLOW, FAST = CountedTurns(15, 35, 20), CountedTurns(40, 60, 30)
TURNS = ("--turns", "20:15-35", "--turns", "30:40-60")


def guess(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["decode", "--guess", *map(str, arguments)])


def survey(file: Path, turns: Iterable[CountedTurns] = ()) -> Path:
    """Write the capture of an unknown bike."""
    lines = [encode_header(""), encode_device(DeviceInventory("Novelty 9", ()), 0)]
    lines += [encode_frame("", frame, 0) for frame in unknown_bikes.frames()]
    lines += map(encode_turns, turns)
    file.write_text("\n".join(lines))
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ride.jsonl"


def test_bytes_that_move_with_the_pedals_are_shown(file: Path) -> None:
    result = guess(survey(file, (SLOW, FAST)))
    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines[0] == f"{file}: Novelty 9, 320 frames"
    assert "counted from 15 s to 35 s: 20 turns, 60 rpm" in lines
    assert f"{unknown_bikes.CHARACTERISTIC}: 320 frames" in lines
    assert "320 frames of 14 bytes that begin with a5 10:" in lines
    moving = "\n".join(lines)
    assert "byte 2                     proportional to the cadence, 1 for each rpm: 60" in moving
    assert re.search(
        r"bytes 5-6 little-endian    counts turns, (1|0.9\d|1.0\d) for each turn", moving
    )
    assert "bytes 7-8 little-endian    counts time, 1000 per second" in moving
    assert "bytes 9-10 big-endian      the time of a turn, " in moving


def test_turns_can_be_given_instead_of_those_in_the_capture(file: Path) -> None:
    with_options = guess(survey(file), *TURNS).stdout
    assert with_options == guess(survey(file, (SLOW, FAST))).stdout
    assert with_options == guess(survey(file, (CountedTurns(0, 9, 3),)), *TURNS).stdout


def test_capture_without_turns_shows_the_bytes_that_change(file: Path) -> None:
    result = guess(survey(file))
    assert result.exit_code == 0
    assert "only turns counted at two different cadences can show" in result.stdout
    assert "bytes that change, counted from 0: 2 (0 … 9" in result.stdout
    assert "proportional" not in result.stdout


def test_json_has_all_of_it_on_one_line(file: Path) -> None:
    result = guess(survey(file, (SLOW, FAST)), "--json")
    (line,) = result.stdout.splitlines()
    said = json.loads(line)
    assert said["device"] == "Novelty 9"
    assert said["turns"][1] == {"from_s": 40, "until_s": 60, "turns": 30, "rpm": 90}
    (characteristic,) = said["characteristics"]
    assert (characteristic["characteristic"], characteristic["frames"]) == (
        unknown_bikes.CHARACTERISTIC,
        320,
    )
    (kind,) = characteristic["kinds"]
    assert (kind["size_bytes"], kind["begins"], kind["frames"]) == (14, "a510", 320)
    first = kind["moving"][0]
    assert (first["offset"], first["size_bytes"], first["movement"]) == (2, 1, "cadence")
    assert {"offset": 12, "least": 0, "most": 255}.keys() == kind["changing"][0].keys()


def test_known_protocol_of_a_capture_is_found() -> None:
    result = guess(CAPTURES / "ftms/schwinn-ic4.jsonl")
    assert result.exit_code == 0
    assert "the line: 6 frames" in result.stdout
    assert "ftms           6 of 6 frames: cadence_rpm 53 … 125, power_w 64 … 692" in result.stdout


def test_checksum_makes_a_protocol_certain() -> None:
    result = guess(CAPTURES / "peloton/fake-sprint.jsonl")
    assert "peloton        300 of 300 frames, with the right checksum: " in result.stdout


def test_protocol_with_values_of_no_ride_is_marked_and_comes_last(file: Path) -> None:
    frames = [Frame(n * 10**9, bytes.fromhex("aa013e55")) for n in range(20)]
    lines = [encode_header(""), *(encode_frame("", frame, 0) for frame in frames)]
    file.write_text("\n".join(lines))
    fits = [line for line in guess(file).stdout.splitlines() if " of 20 frames" in line]
    marks = ["; implausible: " in line for line in fits]
    assert any(line.startswith("    ftms") and "implausible: speed_kmh" in line for line in fits)
    assert marks == sorted(marks)


def test_raw_capture_needs_no_protocol() -> None:
    result = guess(CAPTURES / "peloton/fake-sprint.bin", "--json")
    (characteristic,) = json.loads(result.stdout)["characteristics"]
    best = characteristic["protocols"][0]
    assert best["protocol"] == "peloton"
    assert best["understood"] > 0.9 * best["frames"]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["none.jsonl"], 1, "No such file or directory"),
        (["empty.jsonl"], 1, "contains no frame from the bike"),
        (["ride.jsonl", "4402"], 2, "--guess takes a capture file and no frames"),
        (["ride.jsonl", "--turns", "20"], 2, "--turns 20: expected TURNS:FROM-UNTIL"),
        (["ride.jsonl", "--turns", "20:30-10"], 2, "expected TURNS:FROM-UNTIL"),
        (["ride.jsonl", "--turns", "x:1-10"], 2, "expected TURNS:FROM-UNTIL"),
        (["ride.jsonl", "--turns", "0:1-10"], 2, "expected TURNS:FROM-UNTIL"),
        (["ride.jsonl", "--turns", "nan:1-10"], 2, "expected TURNS:FROM-UNTIL"),
        (["ride.jsonl", "--turns", "9:1-inf"], 2, "expected TURNS:FROM-UNTIL"),
        (["ride.jsonl", "--turns", "1e308:0-20"], 2, "a cadence of 1 … 1000 rpm"),
        (["ride.jsonl", "--turns", "20:0-1e308"], 2, "a cadence of 1 … 1000 rpm"),
    ],
)
def test_guess_that_is_impossible_gives_a_reason(
    tmp_path: Path, arguments: list[str], code: int, complaint: str
) -> None:
    survey(tmp_path / "ride.jsonl")
    (tmp_path / "empty.jsonl").write_text('{"alleycat_capture": 2}\n')
    result = guess(tmp_path / arguments[0], *arguments[1:])
    assert result.exit_code == code
    assert complaint in result.stderr


def test_text_of_a_capture_cannot_command_the_terminal(file: Path) -> None:
    frame = Frame(0, b"\1\2", characteristic="\x1b[31mred\nline")
    name = DeviceInventory("\x1b]0;title\x07bike", ())
    file.write_text(
        "\n".join((encode_header(""), encode_device(name, 0), encode_frame("\x1b[1m", frame, 0)))
    )
    result = guess(file)
    assert result.exit_code == 0
    assert "[31mred line: 1 frame" in result.stdout
    assert all(one.isprintable() or one == "\n" for one in result.output), repr(result.output)


def test_guess_from_a_capture_that_is_cut_states_so(file: Path) -> None:
    whole = guess(survey(file, (SLOW, FAST)))
    with file.open("a") as capture:
        capture.write('\n{"t_s": 80, "he')
    cut = guess(file)
    assert (cut.exit_code, cut.stdout) == (0, whole.stdout)
    assert f"{file}: the last line is cut off, as after a power cut" in cut.stderr
    assert whole.stderr == ""


@pytest.mark.parametrize("name", ["ride.jsonl", "line.bin"])
def test_decode_of_a_capture_names_the_commands_for_it(name: str) -> None:
    result = CliRunner().invoke(app, ["decode", name])
    assert result.exit_code == 2
    assert f"{name} is a capture; expected --guess, or `alleycat-gateway replay {name}`" in (
        result.stderr
    )
