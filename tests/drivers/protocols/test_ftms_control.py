"""What an FTMS bike says of itself and how it answers, both directions."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.ftms import START
from drivers.protocols.ftms_control import (
    ControlCommand,
    ControlRange,
    ControlResponse,
    MachineStatus,
    TrainingStatus,
    decode_command,
    decode_features,
    decode_machine_status,
    decode_range,
    decode_response,
    decode_training_status,
    describe_machine_status,
    describe_response,
    describe_training_status,
    encode_command,
    encode_features,
    encode_machine_status,
    encode_range,
    encode_response,
    encode_service_data,
    encode_training_status,
    is_indoor_bike,
)
from tests.support.wire import assert_wire

RANGES = {
    "0x2AD8, 0 … 800 W": ("0000 2003 0100", ControlRange(0, 800, 1)),
    "0x2AD6, 0 … 1000": ("0000 e803 0100", ControlRange(0, 1000, 1)),
    "simcline #9, JetBlack Volt": ("0000 6400 0100", ControlRange(0, 100, 1)),
    "below zero": ("f6ff 6400 0100", ControlRange(-10, 100, 1)),
}


@pytest.mark.parametrize(("frame", "value"), RANGES.values(), ids=RANGES)
def test_a_range_reads_and_writes(frame: str, value: ControlRange) -> None:
    assert_wire(value, frame, decode_range, encode_range)


def test_a_range_of_single_bytes() -> None:
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
    ("frame", "command"),
    [
        ("00", ControlCommand.REQUEST_CONTROL),
        ("01", ControlCommand.RESET),
        ("07", ControlCommand.START_OR_RESUME),
        ("08 01", ControlCommand.STOP),
        ("08 02", ControlCommand.PAUSE),
    ],
)
def test_a_command_reads_and_writes(frame: str, command: ControlCommand) -> None:
    assert_wire(command, frame, decode_command, encode_command)


@pytest.mark.parametrize("frame", ["", "04 f0", "05 c800", "08", "07 00"])
def test_a_command_that_is_never_sent_is_none(frame: str) -> None:
    assert decode_command(bytes.fromhex(frame)) is None


def test_a_silent_bike_is_asked_for_control_and_started() -> None:
    assert [decode_command(data) for data in START] == [
        ControlCommand.REQUEST_CONTROL,
        ControlCommand.START_OR_RESUME,
    ]


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
        ("", None, "nothing, which is no training status"),
        ("01", None, "01, which is no training status"),
        ("01 01", TrainingStatus(1), "idle"),
        ("02 01 4869", TrainingStatus(1), "idle"),
        ("03 01 48ff", TrainingStatus(1, "H\ufffd"), "idle: 'H\ufffd'"),
    ],
    ids=["empty", "pyftms #17, one byte", "no text after all", "no text said", "no UTF-8"],
)
def test_an_odd_training_status_reads(frame: str, value: TrainingStatus | None, words: str) -> None:
    assert decode_training_status(bytes.fromhex(frame)) == value
    assert describe_training_status(bytes.fromhex(frame)) == words


MACHINE_STATUSES = {
    "reset": ("01", MachineStatus(1), "reset"),
    "stop": ("02 01", MachineStatus(2, (1,)), "ended by the rider: stopped"),
    "pause": ("02 02", MachineStatus(2, (2,)), "ended by the rider: paused"),
    "another end": ("02 09", MachineStatus(2, (9,)), "ended by the rider: 9"),
    "safety key": ("03", MachineStatus(3), "stopped by the safety key"),
    "start": ("04", MachineStatus(4), "started or resumed by the rider"),
    "speed": ("05 c409", MachineStatus(5, (25.0,)), "target speed: 25 km/h"),
    "incline": ("06 f1ff", MachineStatus(6, (-1.5,)), "target incline: -1.5 %"),
    "resistance": ("07 6400", MachineStatus(7, (10.0,)), "target resistance: 10"),
    "power": ("08 2c01", MachineStatus(8, (300,)), "target power: 300 W"),
    "heart rate": ("09 87", MachineStatus(9, (135,)), "target heart rate: 135 bpm"),
    "distance": ("0d 40e201", MachineStatus(13, (123_456,)), "target distance: 123456 m"),
    "zones": (
        "10 3c00 7800 0000",
        MachineStatus(16, (60, 120, 0)),
        "target times in 3 heart rate zones: 60 s, 120 s, 0 s",
    ),
    "simulation": (
        "12 b80b 2a03 28 31",
        MachineStatus(18, (3.0, 8.1, 0.004, 0.49)),
        "simulation: 3 m/s wind, 8.1 % grade, 0.004 rolling resistance, 0.49 kg/m wind resistance",
    ),
    "wheel": ("13 3b52", MachineStatus(19, (2105.1,)), "wheel circumference: 2105.1 mm"),
    "spin down": ("14 04", MachineStatus(20, (4,)), "spin down: stop pedalling"),
    "cadence": ("15 b500", MachineStatus(21, (90.5,)), "target cadence: 90.5 rpm"),
    "control": ("ff", MachineStatus(255), "control was taken away"),
    "unknown": ("e0", MachineStatus(0xE0), "machine status e0"),
}


@pytest.mark.parametrize(
    ("frame", "value", "words"), MACHINE_STATUSES.values(), ids=MACHINE_STATUSES
)
def test_a_machine_status_reads_writes_and_is_put_into_words(
    frame: str, value: MachineStatus, words: str
) -> None:
    assert_wire(value, frame, decode_machine_status, encode_machine_status)
    assert describe_machine_status(bytes.fromhex(frame)) == words


@pytest.mark.parametrize(
    ("frame", "value", "words"),
    [
        ("", None, "nothing, which is no machine status"),
        ("07 f0", MachineStatus(7, (24.0,)), "target resistance: 24"),
        ("08 2c", MachineStatus(8), "target power"),
        ("12 b80b 2a", MachineStatus(18, (3.0,)), "simulation: 3 m/s wind"),
        ("04 01 02", MachineStatus(4), "started or resumed by the rider"),
        ("e0 0102", MachineStatus(0xE0), "machine status e00102"),
    ],
    ids=["empty", "narrow resistance", "cut", "cut later", "trailing bytes", "unknown"],
)
def test_an_odd_machine_status_reads(frame: str, value: MachineStatus | None, words: str) -> None:
    assert decode_machine_status(bytes.fromhex(frame)) == value
    assert describe_machine_status(bytes.fromhex(frame)) == words


@pytest.mark.parametrize(
    "status",
    [MachineStatus(8), MachineStatus(8, (1, 2)), MachineStatus(4, (1,)), MachineStatus(0xE0, (1,))],
    ids=["too few", "too many", "takes none", "unknown"],
)
def test_a_machine_status_has_the_values_that_its_op_code_takes(status: MachineStatus) -> None:
    with pytest.raises(ValueError, match="zip"):
        encode_machine_status(status)


def test_a_machine_status_that_does_not_fit_is_refused() -> None:
    with pytest.raises(OverflowError):
        encode_machine_status(MachineStatus(8, (40_000,)))


@given(st.binary(min_size=1, max_size=12))
def test_a_machine_status_that_is_whole_round_trips(data: bytes) -> None:
    status = decode_machine_status(data)
    assert status is not None
    with suppress(ValueError):  # cut
        assert decode_machine_status(encode_machine_status(status)) == status


@given(st.builds(TrainingStatus, st.integers(0, 0xFF), st.text()))
def test_a_training_status_round_trips(status: TrainingStatus) -> None:
    assert decode_training_status(encode_training_status(status)) == status


def test_features_by_name() -> None:
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
def test_the_machine_type_in_an_advertisement(service_data: str, is_bike: bool | None) -> None:
    assert is_indoor_bike(bytes.fromhex(service_data)) is is_bike


def test_ours_is_an_indoor_bike() -> None:
    assert encode_service_data().hex() == "012000"


@given(st.binary(max_size=40))
def test_any_bytes_mean_something_or_nothing(data: bytes) -> None:
    decode_features(data)
    decode_range(data)
    decode_response(data)
    decode_command(data)
    assert describe_response(data)
    assert describe_training_status(data)
    assert describe_machine_status(data)
    is_indoor_bike(data)
