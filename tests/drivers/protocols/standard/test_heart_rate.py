"""Heart Rate Measurement. The notifications are synthetic, made from the specification."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.standard.heart_rate import (
    HeartRate,
    HeartRateMeasurement,
    decode_heart_rate,
    encode_heart_rate,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

CANONICAL = {
    "one byte": ("00 48", HeartRateMeasurement(72)),
    "two bytes": ("01 2c01", HeartRateMeasurement(300)),
    "no skin": ("04 00", HeartRateMeasurement(0, contact=False)),
    "skin": ("06 48", HeartRateMeasurement(72, contact=True)),
    "energy": ("08 48 d204", HeartRateMeasurement(72, energy_kj=1234)),
    "intervals": ("10 48 0004 0002", HeartRateMeasurement(72, rr_intervals_s=(1, 0.5))),
    "all": (
        "1f 0001 0100 0003",
        HeartRateMeasurement(256, contact=True, energy_kj=1, rr_intervals_s=(0.75,)),
    ),
}

#: And how many bytes mean nothing.
ODD = {
    "empty": ("", HeartRateMeasurement(), 0),
    "flags only": ("06", HeartRateMeasurement(contact=True), 1),
    "truncated in the heart rate": ("01 48", HeartRateMeasurement(), 2),
    "truncated in the energy": ("18 48 d2", HeartRateMeasurement(72), 1),
    "truncated in an interval": ("10 48 0004 00", HeartRateMeasurement(72, rr_intervals_s=(1,)), 1),
    "trailing bytes": ("00 48 0102", HeartRateMeasurement(72), 2),
    "two bytes for what fits in one": ("01 4800", HeartRateMeasurement(72), 0),
    "contact without support for it": ("02 48", HeartRateMeasurement(72), 0),
    "reserved flags": ("e0 48", HeartRateMeasurement(72), 0),
}


@pytest.mark.parametrize(("frame", "value"), CANONICAL.values(), ids=CANONICAL)
def test_notification_reads_and_writes(frame: str, value: HeartRateMeasurement) -> None:
    assert_wire(value, frame, decode_heart_rate, encode_heart_rate)
    assert decode_heart_rate(bytes.fromhex(frame)).unusable_bytes == 0


@pytest.mark.parametrize(("frame", "value", "unusable_bytes"), ODD.values(), ids=ODD)
def test_odd_notification_reads(
    frame: str, value: HeartRateMeasurement, unusable_bytes: int
) -> None:
    data = decode_heart_rate(bytes.fromhex(frame))
    assert data == value
    assert data.unusable_bytes == unusable_bytes


@given(st.binary(max_size=32))
def test_any_bytes_read(data: bytes) -> None:
    assert 0 <= decode_heart_rate(data).unusable_bytes <= len(data)


u16 = st.integers(0, 0xFFFF)


@given(
    st.builds(
        HeartRateMeasurement,
        heart_rate_bpm=u16,
        contact=st.none() | st.booleans(),
        energy_kj=st.none() | u16,
        rr_intervals_s=st.lists(u16.map(lambda count: count / 1024), max_size=9).map(tuple),
    )
)
def test_heart_rate_measurement_reads_the_same_as_written(data: HeartRateMeasurement) -> None:
    read = decode_heart_rate(encode_heart_rate(data))
    assert read == data
    assert read.unusable_bytes == 0


def test_heart_rate_measurement_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a heart rate"):
        encode_heart_rate(HeartRateMeasurement())
    with pytest.raises(OverflowError):
        encode_heart_rate(HeartRateMeasurement(0x10000))


def feed(protocol: HeartRate, frame: str, sent: bool = False) -> list[Reading]:
    return protocol.feed(Frame(7, bytes.fromhex(frame), sent))


def test_a_notification_gives_a_reading() -> None:
    assert feed(HeartRate(), "1048 0004") == [Reading(7, heart_rate_bpm=72)]


def test_heart_rate_of_zero_gives_no_reading() -> None:
    assert feed(HeartRate(), "0400") == []


def test_sent_frame_gives_no_reading() -> None:
    assert feed(HeartRate(), "0048", sent=True) == []


@given(st.lists(st.binary(max_size=24), max_size=8))
def test_junk_never_stops_the_next_good_notification(junk: list[bytes]) -> None:
    protocol = HeartRate()
    for data in junk:
        assert len(protocol.feed(Frame(0, data))) <= 1
    assert protocol.unusable_bytes == sum(decode_heart_rate(data).unusable_bytes for data in junk)
    assert feed(protocol, "0048") == [Reading(7, heart_rate_bpm=72)]
