"""Cross Trainer Data, against the specification and against every byte there is.

No notification of a real machine was found in public; all of these were made from the text.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.standard.cross_trainer import (
    CrossTrainer,
    CrossTrainerData,
    decode_cross_trainer_data,
    encode_cross_trainer_data,
)
from drivers.protocols.standard.ftms_start import ANSWER_NS, SILENT_NS
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

ALL_FRAME = (
    "fe7f00 e803 b603 390500 7800 6e00 d204 0c00 0300 f1ff 1900"
    " 1400 9600 8c00 3200 c201 08 87 55 5802 2c01"
)
ALL = CrossTrainerData(
    speed_kmh=10.00,
    average_speed_kmh=9.50,
    distance_m=1337,
    steps_per_minute=120,
    average_steps_per_minute=110,
    strides=123.4,
    ascent_m=12,
    descent_m=3,
    inclination_percent=-1.5,
    ramp_deg=2.5,
    resistance_level=20,
    power_w=150,
    average_power_w=140,
    energy_kcal=50,
    energy_per_hour_kcal=450,
    energy_per_minute_kcal=8,
    heart_rate_bpm=135,
    metabolic_equivalent=8.5,
    elapsed_s=600,
    remaining_s=300,
)

CANONICAL = {
    "everything": (ALL_FRAME, ALL),
    "speed": ("000000 e803", CrossTrainerData(speed_kmh=10.00)),
    "nothing": ("010000", CrossTrainerData(more_data=True)),
    "backwards": ("008000 e803", CrossTrainerData(is_backward=True, speed_kmh=10.00)),
    "steps and power": (
        "080100 e803 a000 9600 c800",
        CrossTrainerData(
            speed_kmh=10.00, steps_per_minute=160, average_steps_per_minute=150, power_w=200
        ),
    ),
    "steps without an average": (
        "090000 a000 ffff",
        CrossTrainerData(more_data=True, steps_per_minute=160),
    ),
    "ascent without descent, inclination without ramp": (
        "610000 0c00 ffff f1ff ff7f",
        CrossTrainerData(more_data=True, ascent_m=12, inclination_percent=-1.5),
    ),
    "negative power and resistance": (
        "810100 f6ff ecff",
        CrossTrainerData(more_data=True, resistance_level=-10, power_w=-20),
    ),
    "energy partly not available": (
        "010400 0200 ffff ff",
        CrossTrainerData(more_data=True, energy_kcal=2),
    ),
}

ODD = {
    "empty": ("", CrossTrainerData(), 0),
    "flags cut": ("0800", CrossTrainerData(), 2),
    "flags only": ("080000", CrossTrainerData(), 0),
    "truncated in a field": ("080000 e803 a0", CrossTrainerData(speed_kmh=10.00), 1),
    "trailing bytes": ("000000 e803 0102", CrossTrainerData(speed_kmh=10.00), 2),
    "reserved flags": ("0000ff e803", CrossTrainerData(speed_kmh=10.00), 0),
    "resistance in one byte": (
        "810100 f0 c800",
        CrossTrainerData(more_data=True, resistance_level=240, power_w=200),
        0,
    ),
    "nothing is available": ("290000 ffff ffff ffff ffff", CrossTrainerData(more_data=True), 0),
}


@pytest.mark.parametrize(("frame", "value"), CANONICAL.values(), ids=CANONICAL)
def test_notification_reads_and_writes(frame: str, value: CrossTrainerData) -> None:
    assert_wire(value, frame, decode_cross_trainer_data, encode_cross_trainer_data)
    assert decode_cross_trainer_data(bytes.fromhex(frame)).unusable_bytes == 0


@pytest.mark.parametrize(("frame", "value", "unusable_bytes"), ODD.values(), ids=ODD)
def test_odd_notification_reads(frame: str, value: CrossTrainerData, unusable_bytes: int) -> None:
    data = decode_cross_trainer_data(bytes.fromhex(frame))
    assert data == value
    assert data.unusable_bytes == unusable_bytes


def counts(low: int, high: int, per_unit: int = 1) -> st.SearchStrategy[float | None]:
    """Nothing, or any value a field can hold."""
    steps = st.integers(low, high)
    return st.none() | (steps if per_unit == 1 else steps.map(lambda count: count / per_unit))


U8, U16, S16 = (0, 0xFF), (0, 0xFFFF), (-0x8000, 0x7FFF)
U16_BEFORE_MARKER, S16_BEFORE_MARKER = (0, 0xFFFE), (-0x8000, 0x7FFE)

partial_records = st.builds(
    CrossTrainerData,
    more_data=st.just(True),
    is_backward=st.booleans(),
    average_speed_kmh=counts(*U16, per_unit=100),
    distance_m=counts(0, 0xFFFFFF),
    steps_per_minute=counts(*U16_BEFORE_MARKER),
    average_steps_per_minute=counts(*U16_BEFORE_MARKER),
    strides=counts(*U16, per_unit=10),
    ascent_m=counts(*U16_BEFORE_MARKER),
    descent_m=counts(*U16_BEFORE_MARKER),
    inclination_percent=counts(*S16_BEFORE_MARKER, per_unit=10),
    ramp_deg=counts(*S16_BEFORE_MARKER, per_unit=10),
    resistance_level=counts(*S16),
    power_w=counts(*S16),
    average_power_w=counts(*S16),
    energy_kcal=counts(*U16_BEFORE_MARKER),
    energy_per_hour_kcal=counts(*U16_BEFORE_MARKER),
    energy_per_minute_kcal=counts(0, 0xFE),
    heart_rate_bpm=counts(*U8),
    metabolic_equivalent=counts(*U8, per_unit=10),
    elapsed_s=counts(*U16),
    remaining_s=counts(*U16),
)
whole_records = st.builds(
    lambda record, count: replace(record, more_data=False, speed_kmh=count / 100),
    partial_records,
    st.integers(*U16),
)


@given(partial_records | whole_records)
def test_cross_trainer_data_reads_the_same_as_written(data: CrossTrainerData) -> None:
    notification = encode_cross_trainer_data(data)
    assert decode_cross_trainer_data(notification) == data
    assert decode_cross_trainer_data(notification).unusable_bytes == 0


@pytest.mark.parametrize(
    "data",
    [CrossTrainerData(power_w=1), CrossTrainerData(more_data=True, speed_kmh=1)],
    ids=["neither", "both"],
)
def test_cross_trainer_data_needs_either_a_speed_or_more_data(data: CrossTrainerData) -> None:
    with pytest.raises(ValueError, match="either a speed or more_data"):
        encode_cross_trainer_data(data)


@pytest.mark.parametrize(
    "data",
    [
        CrossTrainerData(speed_kmh=655.36),
        CrossTrainerData(speed_kmh=1, power_w=40_000),
        CrossTrainerData(speed_kmh=1, steps_per_minute=0xFFFF),
        CrossTrainerData(speed_kmh=1, ramp_deg=3276.7),
    ],
    ids=["too fast", "too strong", "the marker of no steps", "the marker of no ramp"],
)
def test_a_value_that_does_not_fit_is_refused(data: CrossTrainerData) -> None:
    with pytest.raises(OverflowError):
        encode_cross_trainer_data(data)


def feed(protocol: CrossTrainer, frame: str, at_ns: int = 7) -> list[Reading]:
    return protocol.feed(Frame(at_ns, bytes.fromhex(frame)))


def test_two_steps_are_one_turn_of_the_crank() -> None:
    assert feed(CrossTrainer(), ALL_FRAME) == [
        Reading(
            at_ns=7,
            cadence_rpm=60,
            resistance_raw=20,
            power_w=150,
            speed_kmh=10.00,
            distance_m=1337,
            heart_rate_bpm=135,
        )
    ]
    assert feed(CrossTrainer(), "090000 a100 ffff") == [Reading(at_ns=7, cadence_rpm=80.5)]


def test_zero_is_reported_except_as_heart_rate() -> None:
    assert feed(CrossTrainer(), "080900 0000 0000 0000 0000 00") == [
        Reading(at_ns=7, cadence_rpm=0, power_w=0, speed_kmh=0)
    ]
    assert feed(CrossTrainer(), "010800 ff") == []


def test_zero_steps_with_power_are_unknown_after_some_seconds() -> None:
    protocol = CrossTrainer()
    still = "090100 0000 0000 9600"
    assert feed(protocol, still, at_ns=0) == [Reading(at_ns=0, cadence_rpm=0, power_w=150)]
    later_ns = 3_000_000_000
    assert feed(protocol, still, at_ns=later_ns) == [Reading(at_ns=later_ns, power_w=150)]


@pytest.mark.parametrize("frame", ["", "01", "010000", "012000 1e00"])
def test_notification_without_values_gives_no_reading(frame: str) -> None:
    assert feed(CrossTrainer(), frame) == []


def test_sent_frame_gives_no_reading() -> None:
    protocol = CrossTrainer()
    assert protocol.feed(Frame(7, b"\x00", sent=True)) == []
    assert protocol.unusable_bytes == 0


def test_silent_cross_trainer_is_sent_start_commands() -> None:
    silent, streaming = CrossTrainer(), CrossTrainer()
    feed(streaming, "000000 e803")
    times_ns = (0, SILENT_NS, SILENT_NS + ANSWER_NS)
    assert [silent.request(at_ns) for at_ns in times_ns] == [b"", b"\x00", b"\x07"]
    assert [streaming.request(at_ns) for at_ns in times_ns] == [b"", b"", b""]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("002000 0000 0500", "002000 0000 0600"),
        ("000400 0000 0100 0000 00", "000400 0000 0200 0000 00"),
    ],
    ids=["time", "energy"],
)
def test_cross_trainer_whose_user_rests_is_sent_no_start_commands(before: str, after: str) -> None:
    protocol = CrossTrainer()
    feed(protocol, before)
    feed(protocol, after)
    assert [protocol.request(second * SILENT_NS) for second in range(9)] == [b""] * 9


def test_an_empty_notification_is_silence() -> None:
    protocol = CrossTrainer()
    assert feed(protocol, "", at_ns=1) == []
    assert [protocol.request(at_ns) for at_ns in (0, SILENT_NS)] == [b"", b"\x00"]


def test_averages_never_replace_missing_values() -> None:
    protocol = CrossTrainer()
    only_averages = "000200 e803 8c00"
    for second in range(20):
        said = feed(protocol, only_averages, at_ns=second * 1_000_000_000)
    assert said == [Reading(at_ns=19_000_000_000, speed_kmh=10.00)]


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_junk_never_stops_the_next_good_notification(junk: list[bytes]) -> None:
    protocol = CrossTrainer()
    for data in junk:
        assert len(protocol.feed(Frame(0, data))) <= 1
    assert protocol.unusable_bytes <= sum(map(len, junk))
    assert feed(protocol, "000000 e803") == [Reading(at_ns=7, speed_kmh=10.00)]
