"""What an FTMS bike says of itself and how it answers commands."""

import pytest
from bleak.uuids import uuidstr_to_str
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.standard.ftms_control import (
    CONTROL_POINT_UUID,
    FEATURE_UUID,
    RESISTANCE_RANGE_UUID,
    SERVICE_UUID,
    TRAINING_STATUS_UUID,
    ControlRange,
    ControlResponse,
    TrainingStatus,
    decode_features,
    decode_range,
    decode_response,
    decode_training_status,
    describe_response,
    describe_training_status,
    is_indoor_bike,
    rules_out_start,
)
from tests.support.ftms_peer import (
    encode_features,
    encode_range,
    encode_response,
    encode_training_status,
)
from tests.support.wire import assert_wire


@pytest.mark.parametrize(
    ("uuid", "name"),
    [
        (SERVICE_UUID, "Fitness Machine"),
        (FEATURE_UUID, "Fitness Machine Feature"),
        (TRAINING_STATUS_UUID, "Training Status"),
        (RESISTANCE_RANGE_UUID, "Supported Resistance Level Range"),
        (CONTROL_POINT_UUID, "Fitness Machine Control Point"),
    ],
)
def test_uuid_has_the_name_that_bleak_knows(uuid: str, name: str) -> None:
    assert uuidstr_to_str(uuid) == name


RANGES = {
    "0x2AD8, 0 … 800 W": ("0000 2003 0100", ControlRange(0, 800, 1)),
    "0x2AD6, 0 … 1000": ("0000 e803 0100", ControlRange(0, 1000, 1)),
    "simcline #9, JetBlack Volt": ("0000 6400 0100", ControlRange(0, 100, 1)),
    "below zero": ("f6ff 6400 0100", ControlRange(-10, 100, 1)),
}


@pytest.mark.parametrize(("frame", "value"), RANGES.values(), ids=RANGES)
def test_a_range_reads_and_writes(frame: str, value: ControlRange) -> None:
    assert_wire(value, frame, decode_range, encode_range)


def test_range_of_single_bytes_is_read() -> None:
    assert decode_range(b"\x00\x64\x01") == ControlRange(0, 100, 1)


@pytest.mark.parametrize("length", [0, 1, 2, 4, 5, 7])
def test_a_range_of_another_length_is_none(length: int) -> None:
    assert decode_range(bytes(length)) is None


@pytest.mark.parametrize(
    ("frame", "value", "words"),
    [
        ("80 00 01", ControlResponse(0, 1), "request control: done"),
        ("80 05 03", ControlResponse(5, 3), "command 0x05: invalid parameter"),
        ("80 07 05", ControlResponse(7, 5), "start or resume: control not permitted"),
        ("80 01 99", ControlResponse(1, 0x99), "reset: result 0x99"),
    ],
)
def test_a_response_reads_writes_and_is_put_into_words(
    frame: str, value: ControlResponse, words: str
) -> None:
    assert_wire(value, frame, decode_response, encode_response)
    assert describe_response(bytes.fromhex(frame)) == words


@pytest.mark.parametrize(
    ("frame", "value", "words"),
    [
        ("00 01", TrainingStatus(1), "idle"),
        ("00 08", TrainingStatus(8), "fitness test"),
        ("00 0b", TrainingStatus(11), "cool down"),
        ("00 0c", TrainingStatus(12), "watt control"),
        ("00 0d", TrainingStatus(13), "manual (quick start)"),
        ("00 0f", TrainingStatus(15), "after the workout"),
        ("00 10", TrainingStatus(16), "training status 0x10"),
        ("01 02 48 69", TrainingStatus(2, "Hi"), "warming up: 'Hi'"),
        ("01 00 c3bc", TrainingStatus(0, "ü"), "other: 'ü'"),
    ],
)
def test_a_training_status_reads_writes_and_is_put_into_words(
    frame: str, value: TrainingStatus, words: str
) -> None:
    assert_wire(value, frame, decode_training_status, encode_training_status)
    assert describe_training_status(bytes.fromhex(frame)) == words


@pytest.mark.parametrize(
    ("frame", "value", "words"),
    [
        ("", None, "nothing, which is not a valid training status"),
        ("01", None, "01, which is not a valid training status"),
        ("01 01", TrainingStatus(1), "idle"),
        ("02 01 4869", TrainingStatus(1), "idle"),
        ("03 01 48ff", TrainingStatus(1, "H\ufffd"), "idle: 'H\ufffd'"),
    ],
    ids=["empty", "pyftms #17, one byte", "no text after all", "no text said", "no UTF-8"],
)
def test_an_odd_training_status_reads(frame: str, value: TrainingStatus | None, words: str) -> None:
    assert decode_training_status(bytes.fromhex(frame)) == value
    assert describe_training_status(bytes.fromhex(frame)) == words


@given(st.builds(TrainingStatus, st.integers(0, 0xFF), st.text()))
def test_a_training_status_round_trips(status: TrainingStatus) -> None:
    assert decode_training_status(encode_training_status(status)) == status


@pytest.mark.parametrize(
    ("features", "ruled_out"),
    [
        ("0240000000000000", True),
        ("00000000", True),
        ("0040", True),
        ("0250000000000000", False),
        ("0260000000000000", False),
        ("02", False),
        ("", False),
    ],
    ids=["power", "none", "two bytes", "elapsed time", "remaining time", "too short", "empty"],
)
def test_features_without_a_time_rule_out_a_start(features: str, ruled_out: bool) -> None:
    assert rules_out_start(bytes.fromhex(features)) is ruled_out


def test_features_decode_to_their_names() -> None:
    named = ["cadence", "resistance level", "heart rate", "power"]
    assert decode_features(encode_features(named)) == named
    assert decode_features(bytes.fromhex("82440000")) == ["cadence", "resistance level", *named[2:]]
    assert decode_features(b"\x02") == ["cadence"]


@pytest.mark.parametrize(
    ("service_data", "is_bike"),
    [
        ("01 2000", True),
        ("01 0020", True),
        ("01 20", True),
        ("00 2000", True),
        ("01 0100", False),
        ("01", None),
        ("01 0000", None),
        ("", None),
    ],
    ids=["spec", "swapped", "one byte", "unavailable", "treadmill", "short", "no type", "empty"],
)
def test_service_data_tells_whether_a_machine_is_a_bike(
    service_data: str, is_bike: bool | None
) -> None:
    assert is_indoor_bike(bytes.fromhex(service_data)) is is_bike


@given(st.binary(max_size=40))
def test_any_bytes_decode_without_an_error(data: bytes) -> None:
    decode_features(data)
    decode_range(data)
    decode_response(data)
    assert describe_response(data)
    assert describe_training_status(data)
    is_indoor_bike(data)
