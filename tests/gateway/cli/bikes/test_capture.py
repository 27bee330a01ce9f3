"""`capture` and `replay`: a bike's bytes into a file, and out of it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from drivers.captures.decoders import CaptureDecoders
from drivers.captures.format import load_capture
from gateway.cli.app import app
from tests.support.plugins import RUDE_DRIVER, register_plugin


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["ftms", "peloton"])
def test_capture_of_a_bike_can_be_replayed(tmp_path: Path, protocol: str) -> None:
    file = tmp_path / "ride.jsonl"
    captured = invoke(
        *("capture", "fake", file, "--protocol", protocol, "--seconds", 1.2, "--note", "a test")
    )
    assert captured.exit_code == 0
    assert f"frames of {protocol}" in captured.stdout
    capture = load_capture(file)
    assert (capture.protocols, capture.note) == ((protocol,), "a test")
    decoders = CaptureDecoders()
    decoded = [one for frame in capture.frames for one in decoders.feed(*frame)]
    replayed = invoke("replay", file, "--json")
    assert len(replayed.stdout.splitlines()) == len(decoded) > 2
    assert "cadence" in invoke("replay", file).stdout


@pytest.mark.slow
def test_capture_tells_its_progress(tmp_path: Path) -> None:
    captured = invoke("capture", "fake", tmp_path / "ride.jsonl", "--seconds", 3)
    assert "frames of ftms in" in captured.stderr


def test_capture_leaves_an_existing_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "ride.jsonl"
    file.write_text("precious")
    result = invoke("capture", "fake", file)
    assert result.exit_code == 2
    assert "exists; expected the name of a new file" in result.stderr
    assert file.read_text() == "precious"


def test_capture_of_a_bike_without_an_adapter_refuses_one(tmp_path: Path) -> None:
    result = invoke("capture", "fake", tmp_path / "ride.jsonl", "--adapter", "hci1")
    assert result.exit_code == 2
    assert "driver 'fake': option adapter: unknown key" in result.stderr


def test_capture_of_an_absent_bike_leaves_no_file(tmp_path: Path, unused_tcp_port: int) -> None:
    file = tmp_path / "ride.jsonl"
    server = f"socket://127.0.0.1:{unused_tcp_port}"
    result = invoke("capture", server, file, "--protocol", "peloton")
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
    assert not file.exists()


@pytest.mark.slow
def test_a_bike_without_bytes_cannot_be_captured(tmp_path: Path) -> None:
    file = tmp_path / "ride.jsonl"
    result = invoke("capture", "fake", file, "--protocol", "none", "--seconds", 0.5)
    assert result.exit_code == 1
    assert "fake sent nothing" in result.stderr
    assert not file.exists()


def test_capture_into_a_missing_folder_fails(tmp_path: Path) -> None:
    result = invoke("capture", "fake", tmp_path / "none" / "ride.jsonl")
    assert result.exit_code == 1
    assert f"cannot create {tmp_path}/none/ride.jsonl: No such file" in result.stderr


@pytest.mark.parametrize(
    ("habit", "words"),
    [
        ("text", "rude_driver:RudeBike: cadence_rpm is 'abc' (str); expected a finite number"),
        ("bug", "driver failed: KeyError: 'x' (rude_driver.py, line "),
        ("exit", "driver failed: SystemExit: no licence (rude_driver.py, line "),
    ],
)
def test_capture_describes_a_rude_driver_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, habit: str, words: str
) -> None:
    register_plugin(tmp_path, "rude", RUDE_DRIVER, "RudeBike")
    monkeypatch.syspath_prepend(tmp_path)
    result = invoke("capture", "rude", tmp_path / "ride.jsonl", "--option", f"habit={habit}")
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.output
