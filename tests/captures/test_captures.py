"""Every capture is understood by its protocol, whole, and says what its bike said."""

from pathlib import Path

import pytest

from drivers import Reading
from drivers.captures.decoders import CaptureDecoders
from drivers.captures.format import BikeCapture, load_capture, load_raw_capture

HERE = Path(__file__).parent
CAPTURES = sorted(HERE.rglob("*.jsonl"))


def play(capture: BikeCapture) -> tuple[list[Reading], int]:
    decoders = CaptureDecoders()
    readings = [reading for frame in capture.frames for reading in decoders.feed(*frame)]
    return readings, sum(decoders.unusable_bytes.values())


@pytest.mark.parametrize("file", CAPTURES, ids=lambda file: str(file.relative_to(HERE)))
def test_a_capture_is_understood_whole(file: Path) -> None:
    capture = load_capture(file)
    assert capture.protocols == (file.parent.name,)
    assert capture.note
    readings, unusable = play(capture)
    assert unusable == 0
    assert len(readings) == len(capture.frames), "every frame of these says something"
    cadences = [r.cadence_rpm for r in readings if r.cadence_rpm is not None]
    assert max(cadences) > 50


def test_raw_capture_gives_the_same_readings_as_the_frames() -> None:
    frames, _ = play(load_capture(HERE / "peloton/fake-sprint.jsonl"))
    raw, unusable = play(load_raw_capture(HERE / "peloton/fake-sprint.bin", "peloton", 130))
    assert unusable == 0
    timeless = [(r.cadence_rpm, r.power_w, r.resistance_raw) for r in frames]
    assert [(r.cadence_rpm, r.power_w, r.resistance_raw) for r in raw] == timeless
