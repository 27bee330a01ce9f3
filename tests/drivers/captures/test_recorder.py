"""What is recorded is on disk at once, and is a capture at any moment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers import Frame
from drivers.captures.format import CapturedFrame, CountedTurns, TimedNote, load_capture
from drivers.captures.recorder import FrameRecorder
from drivers.survey import DeviceInventory

NS_PER_S = 1_000_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ride.jsonl"


@pytest.fixture
def recorder(file: Path) -> Iterator[FrameRecorder]:
    with file.open("x", encoding="utf-8") as lines:
        yield FrameRecorder(lines, "a note")


def test_a_recording_is_a_capture_at_any_moment(file: Path, recorder: FrameRecorder) -> None:
    frames = [Frame(5 * NS_PER_S, b"\x01"), Frame(6 * NS_PER_S, b"\x02\x03", sent=True)]
    recorder.record("ftms", frames[0])
    capture = load_capture(file)
    assert capture.frames == (CapturedFrame("ftms", Frame(0, b"\x01")),)
    assert capture.note == "a note"
    recorder.record("ftms", frames[1])
    assert load_capture(file).frames[1].frame == Frame(NS_PER_S, b"\x02\x03", sent=True)
    assert recorder.progress == "2 frames of ftms in 1 s, 3 bytes"


def test_recorder_keeps_the_frames_of_all_protocols(file: Path, recorder: FrameRecorder) -> None:
    recorder.record("ftms", Frame(1, b"\x01", characteristic="2ad2"))
    recorder.record("heart_rate", Frame(2, b"\x02"))
    recorder.record("", Frame(2, b"\x03"))
    capture = load_capture(file)
    assert capture.protocols == ("ftms", "heart_rate")
    assert [(name, frame.data, frame.characteristic) for name, frame in capture.frames] == [
        ("ftms", b"\x01", "2ad2"),
        ("heart_rate", b"\x02", ""),
        ("", b"\x03", ""),
    ]
    assert recorder.progress == (
        "1 frame of ftms and 1 frame of heart_rate and 1 frame of no known protocol in 0 s, 3 bytes"
    )


def test_recorder_keeps_what_is_known_about_the_ride(file: Path, recorder: FrameRecorder) -> None:
    device = DeviceInventory("bike", ())
    recorder.record_device(device, 5 * NS_PER_S)
    recorder.record("", Frame(6 * NS_PER_S, b"\x01"))
    recorder.record_note("turn the knob", 7 * NS_PER_S)
    recorder.record_turns(20, 8 * NS_PER_S, 28 * NS_PER_S)
    capture = load_capture(file)
    assert capture.device == device
    assert capture.frames[0].frame.at_ns == NS_PER_S
    assert capture.notes == (TimedNote(2, "turn the knob"),)
    assert capture.turns == (CountedTurns(3, 23, 20),)


def test_recorder_writes_nothing_before_the_first_frame(
    file: Path, recorder: FrameRecorder
) -> None:
    assert "no frames yet" in recorder.progress
    assert recorder.is_empty
    assert file.read_bytes() == b""
