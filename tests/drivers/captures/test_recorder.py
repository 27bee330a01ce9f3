"""What is recorded is on disk at once, and is a capture at any moment."""

from pathlib import Path

from drivers import Frame
from drivers.captures.format import BikeCapture, load_capture
from drivers.captures.recorder import FrameRecorder

NS_PER_S = 1_000_000_000


def test_a_recording_is_a_capture_at_any_moment(tmp_path: Path) -> None:
    file = tmp_path / "ride.jsonl"
    frames = [Frame(5 * NS_PER_S, b"\x01"), Frame(6 * NS_PER_S, b"\x02\x03", sent=True)]
    with file.open("x", encoding="utf-8") as lines:
        recorder = FrameRecorder(lines, "a note")
        recorder.record("ftms", frames[0])
        assert load_capture(file) == BikeCapture("ftms", (Frame(0, b"\x01"),), "a note")
        recorder.record("ftms", frames[1])
        assert load_capture(file).frames[1] == Frame(NS_PER_S, b"\x02\x03", sent=True)
    assert recorder.progress == "2 frames of ftms in 1 s, 3 bytes"


def test_recorder_keeps_to_the_first_protocol(tmp_path: Path) -> None:
    file = tmp_path / "ride.jsonl"
    with file.open("x", encoding="utf-8") as lines:
        recorder = FrameRecorder(lines)
        recorder.record("ftms", Frame(1, b"\x01"))
        recorder.record("heart_rate", Frame(2, b"\x02"))
    assert load_capture(file) == BikeCapture("ftms", (Frame(0, b"\x01"),))
    assert "frames of other protocols left out: 1" in recorder.progress


def test_recorder_writes_nothing_before_the_first_frame(tmp_path: Path) -> None:
    file = tmp_path / "ride.jsonl"
    with file.open("x", encoding="utf-8") as lines:
        assert "no frames yet" in FrameRecorder(lines).progress
    assert file.read_bytes() == b""
