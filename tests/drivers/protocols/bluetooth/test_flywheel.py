"""Flywheel's live messages, against one of a real bike and against every byte there is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.bluetooth.flywheel import (
    MESSAGE_BYTES,
    Flywheel,
    LiveData,
    decode_live_data,
    encode_live_data,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

RIDE_FRAME = (
    "ff1f0c 0122 0000 00 00 00 00 00 5a 0000 00 00 00000000 0000 00 0000000a 0000 0001 61 55"
)
RIDE = LiveData(power_w=290, cadence_rpm=90, elapsed=10, energy_kcal=1)
RIDE_READING = Reading(at_ns=7, cadence_rpm=90, resistance_raw=0, power_w=290, speed_kmh=0)

CANONICAL = {
    "gymnasticon test": (RIDE_FRAME, RIDE),
    "synthetic, standing still": (
        "ff1f0c 0000 0000 00 00 00 00 00 00 0000 00 00 00000000 0000 00 00000000 0000 0000 13 55",
        LiveData(),
    ),
    "synthetic, each field another": (
        "ff1f0c 0102 0304 05 06 07 08 09 0a 0b0c 0d 0e 0f101112 1314 15 16171819 1a1b 1c1d 12 55",
        LiveData(
            power_w=0x0102,
            ftp_percent=0x0304,
            training_zone=5,
            heart_rate_bpm=6,
            heart_rate_percent=7,
            power_to_heart_rate=8,
            power_to_weight=9,
            cadence_rpm=10,
            speed=0x0B0C,
            brake_level=13,
            lap=14,
            lap_time=0x0F101112,
            lap_distance=0x1314,
            laps=0x15,
            elapsed=0x16171819,
            distance=0x1A1B,
            energy_kcal=0x1C1D,
        ),
    ),
}


@pytest.mark.parametrize(("frame", "value"), CANONICAL.values(), ids=CANONICAL)
def test_message_reads_and_writes(frame: str, value: LiveData) -> None:
    assert_wire(value, frame, decode_live_data, encode_live_data)


RIDE_BYTES = bytes.fromhex(RIDE_FRAME)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(RIDE_BYTES[:-1], id="cut"),
        pytest.param(RIDE_BYTES + b"\0", id="too long"),
        pytest.param(b"\xff\x1f\x0d" + RIDE_BYTES[3:], id="another message"),
        pytest.param(RIDE_BYTES[:-1] + b"\x54", id="another end"),
        # A speed was put into the real message by hand, which its checksum knows nothing of.
        pytest.param(RIDE_BYTES[:14] + b"\x49" + RIDE_BYTES[15:], id="gymnasticon, speed 7.3"),
    ],
)
def test_malformed_flywheel_message_decodes_to_none(data: bytes) -> None:
    assert decode_live_data(data) is None


@pytest.mark.parametrize(
    "data", [LiveData(power_w=0x1_0000), LiveData(cadence_rpm=256), LiveData(speed=-1)]
)
def test_a_value_that_does_not_fit_is_refused(data: LiveData) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode_live_data(data)


U8, U16, U32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
messages = st.builds(
    LiveData,
    *(U16, U16, U8, U8, U8, U8, U8, U8, U16, U8, U8, U32, U16, U8, U32, U16, U16),
)


@given(messages)
def test_flywheel_message_reads_the_same_as_written(data: LiveData) -> None:
    message = encode_live_data(data)
    assert len(message) == MESSAGE_BYTES == 34
    assert decode_live_data(message) == data


def test_a_message_is_a_reading() -> None:
    flywheel = Flywheel()
    assert flywheel.feed(Frame(7, RIDE_BYTES)) == [RIDE_READING]
    assert flywheel.unusable_bytes == 0


def test_flywheel_reading_has_speed_brake_and_heart_rate() -> None:
    data = replace(RIDE, speed=323, brake_level=41, heart_rate_bpm=135)
    assert Flywheel().feed(Frame(7, encode_live_data(data))) == [
        replace(RIDE_READING, speed_kmh=32.3, resistance_raw=41, heart_rate_bpm=135)
    ]


@given(st.lists(messages, max_size=4), st.integers(1, 40))
def test_messages_may_be_cut_anywhere(sent: list[LiveData], size: int) -> None:
    stream = b"".join(map(encode_live_data, sent))
    flywheel = Flywheel()
    heard = [
        reading
        for start in range(0, len(stream), size)
        for reading in flywheel.feed(Frame(start, stream[start : start + size]))
    ]
    assert [reading.power_w for reading in heard] == [data.power_w for data in sent]
    assert flywheel.unusable_bytes == 0


junk_bytes = st.binary(max_size=50) | st.sampled_from(
    [RIDE_BYTES[:3], RIDE_BYTES[:20], RIDE_BYTES[14:], b"\xff", b"\xff\x1f", b"\xff\x1f\x0c" * 12]
)


@given(st.lists(junk_bytes, max_size=8))
def test_junk_never_stops_the_next_good_message(junk: list[bytes]) -> None:
    flywheel = Flywheel()
    for data in junk:
        flywheel.feed(Frame(0, data))
    assert flywheel.unusable_bytes <= sum(map(len, junk))
    assert flywheel.feed(Frame(7, RIDE_BYTES))[-1:] == [RIDE_READING]


def test_incomplete_flywheel_message_counts_as_unusable() -> None:
    flywheel = Flywheel()
    assert flywheel.feed(Frame(0, RIDE_BYTES[:20])) == []
    assert flywheel.feed(Frame(7, RIDE_BYTES)) == [RIDE_READING]
    assert flywheel.unusable_bytes == 20


def test_sent_frame_gives_no_reading() -> None:
    flywheel = Flywheel()
    assert flywheel.feed(Frame(7, RIDE_BYTES, sent=True)) == []
    assert flywheel.unusable_bytes == 0
