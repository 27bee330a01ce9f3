"""`calibrate cadence` at a terminal of 80×24, on fake bikes; and where there is no terminal."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from drivers.registry import load_drivers
from gateway.bike.calibration_choice import calibration_in_use
from gateway.cli.app import app
from gateway.config.schema import load_bike
from gateway.host.errors import BAD_CONFIG, FAILED, INTERRUPTED, USAGE
from gateway.sampling.calibration_store import CalibrationStore
from tests.support.counting import CountedRide
from tests.support.dialogue import Dialogue

pytestmark = pytest.mark.slow

FAKE = ("fake-bike", "--fake-bike")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["calibrate", "cadence", *arguments])


def events(result: Result) -> dict[str, dict[str, Any]]:
    """The last one of each kind."""
    return {one["event"]: one for one in map(json.loads, result.stdout.splitlines())}


def check_size(terminal: Dialogue) -> None:
    """Nothing was wider than the terminal, and no picture higher."""
    assert max(len(line) for line in terminal.text.splitlines()) <= 80
    ways_back = re.findall(r"(?:\x1b\[1A\x1b\[2K)+", terminal.output)
    assert 0 < max(way.count("\x1b[1A") for way in ways_back) < 24


# On a made-up bike, whose rider counts by himself


def test_a_bike_that_says_double_is_found_by_counting_and_mended_after_a_yes() -> None:
    with Dialogue("calibrate", "cadence", *FAKE, "--fake-factor", "2", "--count", "10") as terminal:
        terminal.expect("the bike reports 1")
        terminal.expect("At stroke 10 press Enter.")
        terminal.expect("twice")
        terminal.expect("Save the cadence scale 0.5, and use it from now on?")
        terminal.expect("y  yes   n  no")
        terminal.press("y")
        terminal.expect("saved in ")
        assert terminal.exit_code() == 0
        assert terminal.is_cooked
    check_size(terminal)


def test_cadence_scale_is_not_saved_after_a_no() -> None:
    with Dialogue(
        "calibrate", "cadence", *FAKE, "--fake-factor", "2", "--against", "fake", "--seconds", "5"
    ) as terminal:
        terminal.expect("fake reports 8")
        terminal.expect("measuring for 5 s")
        terminal.expect("y  yes   n  no")
        terminal.press("n")
        terminal.expect("not saved: you answered no")
        assert terminal.exit_code() == FAILED
    check_size(terminal)


def test_a_metronome_at_two_cadences_rings_and_tells_a_factor() -> None:
    with Dialogue(
        *("calibrate", "cadence", *FAKE, "--fake-factor", "0.5", "--yes"),
        *("--metronome", "60,90", "--seconds", "6"),
    ) as terminal:
        terminal.expect("Pedal at 60 rpm, with your right foot down on every beat.")
        terminal.expect("●")
        terminal.expect("measuring for 6 s")
        terminal.expect("Pedal at 90 rpm")
        terminal.expect("half")
        terminal.expect("saved in ")
        assert terminal.exit_code() == 0
    check_size(terminal)
    # 14 s or a little more at each, from the first beat to the end of the measuring.
    assert 30 <= terminal.output.count("\a") <= 14 + 21 + 12


def test_a_bike_that_is_right_is_told_so_without_a_terminal() -> None:
    result = invoke(*FAKE, "--count", "12", "--json")
    assert result.exit_code == 0, result.output
    told = events(result)
    assert told["result"]["verdict"] == "fine"
    [one] = told["result"]["measurements"]
    assert abs(one["bias_rpm"]) <= 2
    assert 1 < one["precision_rpm"] < 3
    assert one["truth"] == "count"
    assert "saved" not in told


def test_cadence_takes_answers_from_a_file_without_a_terminal(tmp_path: Path) -> None:
    file = tmp_path / "answers.txt"
    file.write_text("yes  # both sensors were mine\n", encoding="utf-8")
    against = ("--against", "fake", "--seconds", "5", "--fake-factor", "1.25")
    result = invoke(*FAKE, *against, "--answers", str(file), "--json")
    assert result.exit_code == 0, result.output
    assert events(result)["saved"]["scale"] == pytest.approx(0.8, abs=0.01)
    file.write_text("perhaps\n", encoding="utf-8")
    refused = invoke("other-bike", "--fake-bike", *against, "--answers", str(file))
    assert refused.exit_code == FAILED
    assert "'perhaps' is not an answer to 'Save the cadence scale" in refused.stderr
    unasked = invoke("other-bike", "--fake-bike", *against, "--yes")
    assert unasked.exit_code == FAILED
    assert "not saved: cannot ask without a terminal" in unasked.stdout


# On a configured bike, with a person at the keyboard


@pytest.fixture
def ride() -> CountedRide:
    return CountedRide()


@pytest.fixture
def config(tmp_path: Path, ride: CountedRide) -> Path:
    """Its bike says twice its cadence."""
    file = tmp_path / "gateway.toml"
    text = f'thing_name = "gateway-1"\nstate_dir = "state"\n{ride.bike(factor=2)}'
    file.write_text(text, encoding="utf-8")
    return file


def scale_in_use(config: Path) -> float:
    bike = load_bike(config, "bike-1", load_drivers())
    store = CalibrationStore(config.parent / "state")
    return calibration_in_use(bike, "fake seed 1", store).calibration.cadence_scale


def test_who_counts_presses_enter_twice_and_the_next_check_is_fine(
    config: Path, ride: CountedRide
) -> None:
    for words, scale in (("twice", 1.0), ("correct", 0.5)):
        assert scale_in_use(config) == scale
        with Dialogue(
            "calibrate", "cadence", "bike-1", "--config", str(config), "--count", "20"
        ) as dialogue:
            dialogue.expect("press Enter: that is stroke 0.")
            ride.press_twice(dialogue, turns=20)
            dialogue.expect(words)
            if scale == 1:
                dialogue.expect("y  yes")
                dialogue.press("y")
                dialogue.expect("alleycat-gateway calibrate reset bike-1")
            assert dialogue.exit_code() == 0
        check_size(dialogue)
    assert scale_in_use(config) == 0.5


def test_cadence_interrupted_leaves_everything_as_it_was(config: Path) -> None:
    with Dialogue(
        "calibrate", "cadence", "bike-1", "--config", str(config), "--metronome", "60"
    ) as dialogue:
        dialogue.expect("match the beat")
        dialogue.press_ctrl_c()
        dialogue.expect("interrupted: nothing was changed")
        assert dialogue.exit_code() == INTERRUPTED
        assert dialogue.is_cooked
    assert "Traceback" not in dialogue.text
    assert scale_in_use(config) == 1.0
    assert [one.name for one in config.parent.iterdir()] == [config.name]


# What cannot be done


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((*FAKE, "--count", "30", "--metronome", "60"), USAGE, "exclude each other; choose one"),
        ((*FAKE, "--metronome", "fast"), USAGE, "expected rpm from 30 to 150, such as 60,90"),
        ((*FAKE, "--metronome", "60,20"), USAGE, "expected rpm from 30 to 150, such as 60,90"),
        (
            (*FAKE, "--against", "my strap"),
            USAGE,
            "--against: 'my strap' is not a Bluetooth address",
        ),
        ((*FAKE, "--against", "/dev/ttyUSB0"), USAGE, "a serial port needs --against-protocol"),
        ((*FAKE, "--answers", "/nowhere"), USAGE, "/nowhere: No such file"),
        (("bike-1", "--config", "/nowhere"), BAD_CONFIG, "/nowhere"),
    ],
)
def test_cadence_refuses_wrong_options_at_once(
    arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, words in result.stderr) == (code, True), result.stderr


def test_cadence_by_count_needs_a_terminal(config: Path) -> None:
    result = invoke("bike-1", "--config", str(config))
    assert result.exit_code == USAGE
    assert "counting needs a terminal" in result.stderr
