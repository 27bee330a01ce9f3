"""`calibrate BIKE` from the command line: at a terminal, and without one."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.calibrating.guided.resistance import UnsavedError
from gateway.calibrating.state import CalibrationError
from gateway.cli.calibrate.fake import MADE_UP
from gateway.cli.calibrate.resistance import kept_for_import
from gateway.sampling.calibration_record import record_from_json
from tests.support.calibrations import record
from tests.support.dialogue import Dialogue
from tests.support.emulated import emulated
from tests.support.gateway_process import alleycat_gateway

pytestmark = pytest.mark.slow


def answers(directory: Path, *words: str) -> str:
    file = directory / "answers.txt"
    file.write_text("\n".join(words))
    return str(file)


def test_calibrate_dialogue_on_a_fake_bike_at_80_by_24(tmp_path: Path) -> None:
    """As a person sees it: five points are captured by themselves; y, and s."""
    picture = tmp_path / "curve.svg"
    with Dialogue("calibrate", "bike-1", "--fake-bike", "--picture", str(picture)) as person:
        person.wait_for("simulated bike")
        for percent in (0, 25, 50, 75, 100):
            person.wait_for(rf"turn to {percent} %, then hold still", timeout_s=40)
        person.wait_for(r"use this curve\?", timeout_s=40)
        assert len(set(person_captures(person))) >= 4
        person.press("y")
        person.wait_for("the new curve is in use")
        person.press("s")
        assert person.exit_code() == 0
        assert "saved in" in person.text
        assert person.is_cooked
        lines = person.text.replace("\r", "\n").split("\n")
        last = emulated(person.output)
    assert last[0] == MADE_UP
    assert last[1].startswith("saved in")
    assert "q quit" not in "".join(last)
    assert max(len(line) for line in lines if "calibration/bike-1.json" not in line) <= 80
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")


def person_captures(person: Dialogue) -> list[str]:
    return [line for line in person.text.splitlines() if "captured " in line]


def test_calibrate_skips_redoes_and_quits_by_keys() -> None:
    with Dialogue("calibrate", "bike-1", "--fake-bike") as person:
        person.wait_for("1 of 5")
        person.press("s")
        person.wait_for("2 of 5")
        person.press("r")
        person.wait_for("0 % again")
        person.press("x")
        person.press("q")
        assert person.exit_code() == 1
        assert "quit: nothing was changed" in person.text


def test_calibrate_interrupted_leaves_everything_as_it_was() -> None:
    with Dialogue("calibrate", "bike-1", "--fake-bike") as person:
        person.wait_for("1 of 5")
        person.press_ctrl_c()
        assert person.exit_code() == 130
        assert "interrupted: nothing was changed" in person.text
        assert person.is_cooked


def test_calibrate_by_a_file_of_answers_tells_each_event_as_json(tmp_path: Path) -> None:
    file = answers(tmp_path, "hold  # 30 %", "hold", "accept", "save")
    done = alleycat_gateway(
        "calibrate", "--points", "30,50", "bike-1", "--fake-bike", "--json", "--answers", file
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert {"made up", "link", "step", "captured", "review", "saved"} <= {
        event["event"] for event in events
    }
    captured = [event for event in events if event["event"] == "captured"]
    assert [event["percent"] for event in captured] == [30, 50]
    assert sum(event["event"] == "doing" for event in events) < 10


def test_calibrate_lines_have_the_question_and_its_keys(tmp_path: Path) -> None:
    file = answers(tmp_path, "hold", "hold", "accept", "undo", "quit")
    done = alleycat_gateway(
        "calibrate", "--points", "30,50", "bike-1", "--fake-bike", "--answers", file
    )
    lines = done.stdout.splitlines()
    asked = lines.index("use this curve? It takes effect at once, and can be undone")
    assert lines[asked + 1] == "y accept   r redo   q quit"
    live = next(n for n, line in enumerate(lines) if "the new curve is in use" in line)
    assert lines[live + 1] == "s save   u undo   q quit"


def test_captured_points_of_a_failed_session_are_kept_for_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    unsaved = record(bike_id="bike-1")
    with (
        pytest.raises(CalibrationError, match=r"hung up\n.*sudo it bike-1\.calibration\.json$"),
        kept_for_import(lambda words: f"sudo it {words.split()[-1]}"),
    ):
        raise UnsavedError("the gateway has hung up", unsaved)
    assert record_from_json(Path("bike-1.calibration.json").read_bytes()) == unsaved


def test_calibrate_ends_with_words_at_a_wrong_answer(tmp_path: Path) -> None:
    file = answers(tmp_path, "hodl")
    done = alleycat_gateway("calibrate", "bike-1", "--fake-bike", "--answers", file)
    assert done.returncode == 1
    assert "line 1: 'hodl' is not an answer to 'turn to 0 %, then hold still'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--points", "1"], "--points 1: expected 2 … 101 points"),
        (["--points", "0,x"], "--points 0,x: could not convert"),
        (["--points", "0,200"], "--points 0,200: 0, 200: expected percentages from 0 to 100"),
        (["--answers", "nowhere.txt"], "nowhere.txt: No such file or directory"),
        ([], "the questions need a terminal; without one use --answers FILE"),
    ],
)
def test_calibrate_refuses_wrong_options_at_once(arguments: list[str], complaint: str) -> None:
    done = alleycat_gateway("calibrate", "bike-1", "--fake-bike", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr


def test_calibrate_without_the_bike_in_the_config_is_a_bad_config(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('state_dir = "state"\n[[bikes]]\nid = "bike-2"\n')
    file = answers(tmp_path, "quit")
    done = alleycat_gateway("calibrate", "bike-1", "--config", str(config), "--answers", file)
    assert done.returncode == 78
    assert "no bike 'bike-1' in this file; its bikes are: bike-2" in done.stderr
