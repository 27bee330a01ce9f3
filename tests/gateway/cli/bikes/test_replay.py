"""`replay`: a capture decoded; a raw one too, if it is said of what."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import app

CAPTURES = Path(__file__).parents[3] / "captures"


def replay(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["replay", *map(str, arguments)])


def test_replay_prints_readings_with_their_times() -> None:
    result = replay(CAPTURES / "ftms/schwinn-ic4.jsonl", "--json")
    assert result.exit_code == 0
    readings = [json.loads(line) for line in result.stdout.splitlines()]
    assert readings[0]["t_s"] == 0
    assert readings[0]["cadence_rpm"] > 50


def test_replay_takes_a_raw_capture_with_its_protocol() -> None:
    result = replay(CAPTURES / "peloton/fake-sprint.bin", "--protocol", "peloton")
    assert result.exit_code == 0
    assert "rpm" in result.stdout


def test_replay_counts_unusable_bytes(tmp_path: Path) -> None:
    file = tmp_path / "ride.jsonl"
    file.write_text(
        '{"alleycat_capture": 1, "protocol": "ftms"}\n{"t_s": 0, "hex": "00008306ffff"}\n'
    )
    assert "2 bytes could not be decoded as ftms" in replay(file).stderr


def test_replay_of_a_capture_that_is_cut_states_so(tmp_path: Path) -> None:
    file = tmp_path / "ride.jsonl"
    content = (CAPTURES / "ftms/schwinn-ic4.jsonl").read_text()
    file.write_text(content)
    whole = replay(file)
    file.write_text(content + '{"t_s": 9, "hex": "44')
    cut = replay(file)
    assert (cut.exit_code, cut.stdout) == (0, whole.stdout)
    assert f"{file}: the last line is cut off, as after a power cut, and is left out" in cut.stderr


def test_unknown_protocol_of_a_capture_cannot_command_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "ride.jsonl"
    file.write_text(
        '{"alleycat_capture": 2}\n{"t_s": 0, "hex": "00", "protocol": "\\u001b[31mred"}\n'
    )
    result = replay(file)
    assert result.exit_code == 2
    assert "\x1b" not in result.output


@pytest.mark.parametrize(
    ("name", "arguments", "code", "complaint"),
    [
        ("ride.bin", [], 2, "does not name its protocol; expected --protocol"),
        ("none.jsonl", [], 1, "No such file or directory"),
        ("bad.jsonl", [], 1, "bad.jsonl:1: not JSON"),
        ("ride.bin", ["--protocol", "telex"], 2, "protocol 'telex' is unknown; expected one of"),
    ],
)
def test_replay_refuses_what_it_cannot_play_with_a_reason(
    tmp_path: Path, name: str, arguments: list[str], code: int, complaint: str
) -> None:
    (tmp_path / "ride.bin").write_bytes(b"")
    (tmp_path / "bad.jsonl").write_text("bad\n")
    result = replay(tmp_path / name, *arguments)
    assert result.exit_code == code
    assert complaint in result.stderr
