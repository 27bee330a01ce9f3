"""The PM5's notifications, against those of a rower and against every byte there is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.bluetooth.pm5 import (
    GENERAL,
    STATUS,
    STROKE,
    Pm5,
    Pm5General,
    Pm5Message,
    Pm5Status,
    Pm5Stroke,
    decode_pm5,
    encode_pm5,
)
from drivers.reading import Frame, Reading
from tests.support.bluez import Bluez, bikes
from tests.support.bluez.riding import ride, sending

SECOND = 1_000_000_000

#: The sources print time, distance, rate, heart rate and pace.
REAL = {
    "Ergomatic, RowErg, 30.16 s, general": (
        GENERAL,
        "c80b008504000801050104000000fa00008067",
        Pm5General(30.16, 115.7, is_active=True),
    ),
    "Ergomatic, RowErg, 30.16 s, additional": (
        STATUS,
        "c80b00ea0e1a595633f932000000000000",
        Pm5Status(30.16, rate_rpm=26, heart_rate_bpm=89, pace_s=131.42),
    ),
    "Ergomatic, RowErg, 74.71 s, general": (
        GENERAL,
        "2f1d00c4090008010a0104f40100fa00008066",
        Pm5General(74.71, 250.0, is_active=True),
    ),
    "Ergomatic, RowErg, before the start": (
        STATUS,
        "0000000000005900000000000000000000",
        Pm5Status(0, rate_rpm=0, heart_rate_bpm=89),
    ),
    "TrackMyIndoorWorkout, concept2, additional": (
        STATUS,
        "8b2f00a40828ff7b588467000000000000",
        Pm5Status(121.71, rate_rpm=40, pace_s=226.51),
    ),
    "synthetic, stroke of 158 W": (
        STROKE,
        "c80b009e0000000000000000000000",
        Pm5Stroke(30.16, power_w=158),
    ),
    "synthetic, general of zeros": (GENERAL, "00" * 19, Pm5General()),
    "synthetic, additional of zeros": (STATUS, "000000000000ff" + "00" * 10, Pm5Status()),
    "synthetic, stroke of zeros": (STROKE, "00" * 15, Pm5Stroke()),
}


@pytest.mark.parametrize(("characteristic", "frame", "value"), REAL.values(), ids=REAL)
def test_notification_of_the_monitor_decodes(
    characteristic: str, frame: str, value: Pm5Message
) -> None:
    data = bytes.fromhex(frame)
    assert decode_pm5(characteristic, data) == value
    assert decode_pm5(characteristic, data + b"\1\2") == value, "newer firmware appends bytes"


U24, U16, U8 = (st.integers(0, (1 << bits) - 1) for bits in (24, 16, 8))
times = U24.map(lambda hundredths: hundredths / 100)
messages = (
    st.builds(Pm5General, times, U24.map(lambda tenths: tenths / 10), st.booleans())
    | st.builds(
        Pm5Status,
        times,
        U8,
        st.none() | st.integers(0, 0xFE),
        U16.map(lambda hundredths: hundredths / 100),
    )
    | st.builds(Pm5Stroke, times, U16)
)


@given(messages)
def test_notification_reads_the_same_as_written(message: Pm5Message) -> None:
    characteristic, data = encode_pm5(message)
    assert decode_pm5(characteristic, data) == message
    assert len(data) == {GENERAL: 19, STATUS: 17, STROKE: 15}[characteristic]


@pytest.mark.parametrize(
    "message",
    [
        Pm5General(distance_m=-1),
        Pm5General(elapsed_s=200_000),
        Pm5Status(rate_rpm=256),
        Pm5Status(pace_s=656),
        Pm5Stroke(power_w=-1),
    ],
)
def test_a_value_that_does_not_fit_is_refused(message: Pm5Message) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode_pm5(message)


def feed(pm5: Pm5, at_s: float, message: Pm5Message) -> list[Reading]:
    characteristic, data = encode_pm5(message)
    return pm5.feed(Frame(round(at_s * SECOND), data, characteristic=characteristic))


def test_each_notification_is_a_reading() -> None:
    pm5 = Pm5()
    assert feed(pm5, 0, Pm5General(distance_m=115.7)) == [Reading(0, distance_m=115.7)]
    assert feed(pm5, 0, Pm5Status(rate_rpm=85, heart_rate_bpm=120)) == [
        Reading(0, cadence_rpm=85, heart_rate_bpm=120)
    ]
    assert feed(pm5, 0, Pm5Stroke(power_w=158)) == [Reading(0, power_w=158)]


def test_heart_rate_of_zero_is_none() -> None:
    assert feed(Pm5(), 0, Pm5Status(rate_rpm=0, heart_rate_bpm=0)) == [Reading(0, cadence_rpm=0)]


def test_rate_that_is_repeated_while_the_distance_is_constant_is_no_cadence() -> None:
    pm5 = Pm5()
    pause = [
        reading.cadence_rpm
        for number in range(12)
        for message in (Pm5General(distance_m=50), Pm5Status(rate_rpm=85))
        for reading in feed(pm5, number / 2, message)
        if reading.cadence_rpm is not None
    ]
    assert pause == [85] * 7 + [0] * 5
    (still,) = feed(pm5, 6, Pm5Status(rate_rpm=85))
    assert still.power_w == 0, "the power of the last stroke is over"
    feed(pm5, 6.5, Pm5General(distance_m=50.4))
    (moving,) = feed(pm5, 6.5, Pm5Status(rate_rpm=85))
    assert (moving.cadence_rpm, moving.power_w) == (85, None)


def test_frames_without_a_characteristic_are_known_by_their_length() -> None:
    pm5 = Pm5()
    readings = [pm5.feed(Frame(7, bytes.fromhex(frame))) for _, frame, _ in REAL.values()]
    assert [len(one) for one in readings] == [1] * len(REAL)
    assert pm5.unusable_bytes == 0


@pytest.mark.parametrize(
    ("characteristic", "frame"),
    [
        pytest.param(GENERAL, "", id="empty"),
        pytest.param(STATUS, "c80b00ea0e1a595633f9320000000000", id="cut"),
        pytest.param("", "c80b00ea0e", id="of a length that none has"),
        pytest.param(bikes.CSC_MEASUREMENT, "c80b00ea0e1a595633f932000000000000", id="another's"),
    ],
)
def test_other_notification_is_unusable(characteristic: str, frame: str) -> None:
    pm5, data = Pm5(), bytes.fromhex(frame)
    assert pm5.feed(Frame(7, data, characteristic=characteristic)) == []
    assert pm5.unusable_bytes == len(data)


@given(
    st.lists(
        st.tuples(st.sampled_from([GENERAL, STATUS, STROKE, ""]), st.binary(max_size=24)),
        max_size=8,
    )
)
def test_junk_never_stops_the_next_good_notification(junk: list[tuple[str, bytes]]) -> None:
    pm5 = Pm5()
    for characteristic, data in junk:
        assert len(pm5.feed(Frame(0, data, characteristic=characteristic))) <= 1
    assert feed(pm5, 0, Pm5Stroke(power_w=158)) == [Reading(0, power_w=158)]


def test_sent_frame_gives_no_reading() -> None:
    characteristic, data = encode_pm5(Pm5Stroke(power_w=158))
    assert Pm5().feed(Frame(7, data, sent=True, characteristic=characteristic)) == []


async def test_bikeerg_is_ridden_over_the_air(bluez: Bluez) -> None:
    device = bikes.pm5_bike(bluez)
    start = Pm5General(is_active=True)
    frames = [
        encode_pm5(message)
        for number in range(50)
        for message in (
            replace(start, distance_m=number * 0.4),
            Pm5Status(rate_rpm=85),
            Pm5Stroke(power_w=158),
        )
    ]
    async with sending(device, frames):
        values, source = await ride(device, "cadence_rpm", "power_w")
    assert values == {"cadence_rpm": 85, "power_w": 158}
    assert source == "pm5"
