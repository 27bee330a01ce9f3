"""CSC Measurement, against notifications of real sensors and against every byte there is.

Provenance is in the test ids: the repository that has them.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.standard.crank import Revolutions
from drivers.protocols.standard.speed_cadence import (
    SpeedCadence,
    SpeedCadenceMeasurement,
    decode_speed_cadence,
    encode_speed_cadence,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

S = 1_000_000_000

#: In a row, with the cadence that each of them tells.
FLUX = (
    ("02 f0b7 672b", Revolutions(0xB7F0, 0x2B67), None),
    ("02 f1b7 1631", Revolutions(0xB7F1, 0x3116), 42.227),
    ("02 f2b7 6d36", Revolutions(0xB7F2, 0x366D), 44.945),
    ("02 f3b7 ac3a", Revolutions(0xB7F3, 0x3AAC), 56.523),
    ("02 f4b7 513e", Revolutions(0xB7F4, 0x3E51), 65.852),
)

CANONICAL = {
    **{
        f"crank, Flux, {number}": (frame, SpeedCadenceMeasurement(crank=crank))
        for number, (frame, crank, _) in enumerate(FLUX, 1)
    },
    "wheel and crank, Flux": (
        "03 0c000000 441a 0200 991d",
        SpeedCadenceMeasurement(Revolutions(12, 0x1A44), Revolutions(2, 0x1D99)),
    ),
    "wheel and crank, pycycling": (
        "03 ffffffff 033f ff07 e70f",
        SpeedCadenceMeasurement(Revolutions(0xFFFFFFFF, 0x3F03), Revolutions(0x7FF, 0xFE7)),
    ),
    "wheel, synthetic": (
        "01 0c000000 441a",
        SpeedCadenceMeasurement(wheel=Revolutions(12, 0x1A44)),
    ),
    "nothing, synthetic": ("00", SpeedCadenceMeasurement()),
}

WHEEL = SpeedCadenceMeasurement(wheel=Revolutions(12, 0x1A44))

#: And how many bytes mean nothing.
ODD = {
    "empty": ("", SpeedCadenceMeasurement(), 0),
    "truncated in the wheel": ("03 0c000000 44", SpeedCadenceMeasurement(), 5),
    "truncated in the crank": ("03 0c000000 441a 0200 99", WHEEL, 3),
    "trailing bytes": ("01 0c000000 441a 0102", WHEEL, 2),
    "reserved flags": ("fd 0c000000 441a", WHEEL, 0),
}


@pytest.mark.parametrize(("frame", "value"), CANONICAL.values(), ids=CANONICAL)
def test_notification_reads_and_writes(frame: str, value: SpeedCadenceMeasurement) -> None:
    assert_wire(value, frame, decode_speed_cadence, encode_speed_cadence)
    assert decode_speed_cadence(bytes.fromhex(frame)).unusable_bytes == 0


@pytest.mark.parametrize(("frame", "value", "unusable_bytes"), ODD.values(), ids=ODD)
def test_odd_notification_reads(
    frame: str, value: SpeedCadenceMeasurement, unusable_bytes: int
) -> None:
    data = decode_speed_cadence(bytes.fromhex(frame))
    assert data == value
    assert data.unusable_bytes == unusable_bytes


@given(st.binary(max_size=32))
def test_any_bytes_read(data: bytes) -> None:
    assert 0 <= decode_speed_cadence(data).unusable_bytes <= len(data)


u16 = st.integers(0, 0xFFFF)


@given(
    st.builds(
        SpeedCadenceMeasurement,
        wheel=st.none() | st.builds(Revolutions, st.integers(0, 0xFFFF_FFFF), u16),
        crank=st.none() | st.builds(Revolutions, u16, u16),
    )
)
def test_speed_cadence_measurement_reads_the_same_as_written(data: SpeedCadenceMeasurement) -> None:
    read = decode_speed_cadence(encode_speed_cadence(data))
    assert read == data
    assert read.unusable_bytes == 0


def test_a_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(OverflowError):
        encode_speed_cadence(SpeedCadenceMeasurement(crank=Revolutions(0x10000, 0)))


def feed(protocol: SpeedCadence, frame: str, at_ns: int, sent: bool = False) -> list[Reading]:
    return protocol.feed(Frame(at_ns, bytes.fromhex(frame), sent))


def test_a_row_of_notifications_tells_the_cadence() -> None:
    protocol = SpeedCadence()
    said = [
        reading.cadence_rpm
        for second, (frame, _, _) in enumerate(FLUX)
        for reading in feed(protocol, frame, second * S)
    ]
    assert said == pytest.approx([cadence_rpm for _, _, cadence_rpm in FLUX[1:]], abs=0.001)


def test_repeated_notification_gives_nothing_until_it_is_a_stop() -> None:
    protocol = SpeedCadence()
    for second, (frame, _, _) in enumerate(FLUX):
        feed(protocol, frame, second * S)
    frame, _, _ = FLUX[-1]
    assert feed(protocol, frame, 5 * S) == []
    assert feed(protocol, frame, 9 * S) == [Reading(9 * S, cadence_rpm=0)]


def test_combo_sensor_without_cadence_gives_none() -> None:
    protocol = SpeedCadence()
    for second in range(60):
        assert feed(protocol, f"03 {second:02x}000000 {second:02x}00 0000 0000", second * S) == []


def test_sent_frame_gives_no_reading() -> None:
    protocol = SpeedCadence()
    assert feed(protocol, FLUX[0][0], 0, sent=True) == []
    assert feed(protocol, FLUX[1][0], S) == []


@given(st.lists(st.binary(max_size=16), max_size=8))
def test_junk_never_stops_the_good_notifications(junk: list[bytes]) -> None:
    protocol = SpeedCadence()
    for data in junk:
        assert len(protocol.feed(Frame(0, data))) <= 1
    assert protocol.unusable_bytes == sum(
        decode_speed_cadence(data).unusable_bytes for data in junk
    )
    said = [
        feed(protocol, f"02 {second:02x}00 00{4 * second:02x}", (60 + second) * S)
        for second in range(6)
    ]
    assert said[-1] == [Reading(65 * S, cadence_rpm=60)]
