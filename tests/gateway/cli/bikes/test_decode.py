"""`decode`: a bike's bytes as the Readings they are."""

import json

import pytest
from typer.testing import CliRunner, Result

from drivers.protocols.serial.peloton import PelotonOp, PelotonResponse, encode_response
from drivers.protocols.standard.ftms import IndoorBikeData, encode_indoor_bike_record
from gateway.cli.app import app

SCHWINN = "44025e0bf0007a0054"
PELOTON_CADENCE_80 = encode_response(PelotonResponse(PelotonOp.CADENCE, 80)).hex()


def decode(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["decode", *arguments])


def readings(*arguments: str) -> list[dict[str, float]]:
    result = decode(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    "frame",
    [SCHWINN, SCHWINN.upper(), "44 02 5e 0b f0 00 7a 00 54", "44:02:5E:0B:F0:00:7A:00:54",
     "44-02-5e-0b-f0-00-7a-00-54"],
)  # fmt: skip
def test_decode_takes_a_frame_however_it_is_spaced(frame: str) -> None:
    (reading,) = readings("ftms", frame)
    assert reading == {
        "cadence_rpm": 120,
        "power_w": 122,
        "speed_kmh": 29.1,
        "heart_rate_bpm": 84,
    }


def test_decode_shows_a_zero_and_leaves_out_what_is_missing() -> None:
    zero = encode_response(PelotonResponse(PelotonOp.CADENCE, 0)).hex()
    assert readings("peloton", zero) == [{"cadence_rpm": 0}]


def test_decode_prints_one_line_for_each_reading() -> None:
    power = encode_response(PelotonResponse(PelotonOp.POWER, 1630)).hex()
    assert readings("peloton", PELOTON_CADENCE_80 + power) == [
        {"cadence_rpm": 80},
        {"power_w": 163},
    ]


def test_frames_share_the_state_of_one_connection() -> None:
    record = IndoorBikeData(speed_kmh=30, cadence_rpm=80, resistance_level=20, power_w=163)
    parts = [part.hex() for part in encode_indoor_bike_record(record, 8)]
    assert len(parts) > 1
    said = {name: value for reading in readings("ftms", *parts) for name, value in reading.items()}
    assert (said["cadence_rpm"], said["power_w"]) == (80, 163)
    assert readings("peloton", PELOTON_CADENCE_80[:6], PELOTON_CADENCE_80[6:]) == [
        {"cadence_rpm": 80}
    ]


def test_decode_counts_unusable_bytes_on_stderr() -> None:
    result = decode("peloton", "0102f6" + PELOTON_CADENCE_80)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"cadence_rpm": 80}
    assert result.stderr == "3 bytes could not be decoded as peloton\n"


@pytest.mark.parametrize(
    ("arguments", "unusable"),
    [
        (["ftms", "4402"], ""),
        (["ftms", "ffff"], ""),
        (["ftms", ""], ""),
        (["peloton", "F14100"], ""),
        (["ftms", "ff"], "1 byte could not be decoded as ftms\n"),
    ],
)
def test_decode_reports_that_there_was_no_reading(arguments: list[str], unusable: str) -> None:
    result = decode(*arguments)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        f"{unusable}no reading was decoded: the data is empty, incomplete or not valid\n"
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["ant", "00"], "protocol 'ant' is unknown; expected one of: ftms, "),
        (["ftms", "hello"], "'hello' is not hex; expected byte pairs such as 44025e0b"),
        (["ftms", SCHWINN, "123"], "'123' is not hex"),
        (["ftms"], "Missing argument"),
    ],
)
def test_decode_usage_error_tells_what_was_expected(arguments: list[str], complaint: str) -> None:
    result = decode(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


def test_a_question_makes_its_answer_understood() -> None:
    ride = "40000000c0130000f903282e0329000007e432"
    assert readings("daum", ">4000", ride)[0]["power_w"] == 95
    assert readings("monark", ">706f7765720d", "3132300d")[0] == {"power_w": 120}
