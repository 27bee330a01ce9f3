"""Keiser's broadcasts, against the example of its documentation and against every byte there is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.bluetooth.keiser import (
    Keiser,
    KeiserData,
    decode_keiser_data,
    encode_keiser_data,
    equipment_id,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

EXAMPLE_FRAME = "0630 00 38 3803 4605 7300 0d00 0427 0100 0a"
EXAMPLE = KeiserData(
    version_major=6,
    version_minor=0x30,
    data_type=0,
    equipment_id=56,
    cadence_rpm=82.4,
    heart_rate_bpm=135.0,
    power_w=115,
    energy_kcal=13,
    elapsed_s=4 * 60 + 39,
    distance_m=160.9344,
    gear=10,
)

CANONICAL = {
    "dev.keiser.com, gymnasticon test": (EXAMPLE_FRAME, EXAMPLE),
    "gymnasticon test, version 6.40": (
        "0640 00 38 3803 4605 7300 0d00 0427 0100 0a",
        replace(EXAMPLE, version_minor=0x40),
    ),
    "gymnasticon test, version 6.22": (
        "0622 00 38 3803 4605 7300 0d00 0427 0100 0a",
        replace(EXAMPLE, version_minor=0x22),
    ),
    "synthetic, version 5.12 without a gear": (
        "0512 00 38 3803 4605 7300 0d00 0427 0100",
        replace(EXAMPLE, version_major=5, version_minor=0x12, gear=None),
    ),
    "synthetic, 1.5 km": (
        "0630 00 38 3803 4605 7300 0d00 0427 0f80 0a",
        replace(EXAMPLE, distance_m=1500.0, is_metric=True),
    ),
    "synthetic, everything at its highest": (
        "0630 e3 ff ffff ffff ffff ffff ff3b ff7f 18",
        KeiserData(
            version_major=6,
            version_minor=0x30,
            data_type=227,
            equipment_id=255,
            cadence_rpm=6553.5,
            heart_rate_bpm=6553.5,
            power_w=65535,
            energy_kcal=65535,
            elapsed_s=255 * 60 + 59,
            distance_m=32767 * 160.9344,
            gear=24,
        ),
    ),
}


@pytest.mark.parametrize(("frame", "value"), CANONICAL.values(), ids=CANONICAL)
def test_broadcast_reads_and_writes(frame: str, value: KeiserData) -> None:
    assert_wire(value, frame, decode_keiser_data, encode_keiser_data)
    assert equipment_id(bytes.fromhex(frame)) == value.equipment_id


def test_a_gear_that_the_version_does_not_have_is_ignored() -> None:
    data = decode_keiser_data(bytes.fromhex("0512 00 38 3803 4605 7300 0d00 0427 0100 0a"))
    assert data is not None
    assert data.gear is None


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("", id="empty"),
        pytest.param("0630 00 38 3803 4605 7300 0d00 0427 01", id="cut"),
        pytest.param("0201 " + EXAMPLE_FRAME, id="with its company"),
        pytest.param("0105 00 38 3803 4605 7300 0d00 0427 0a 2003 3601", id="M7i, dev.keiser.com"),
    ],
)
def test_another_length_is_no_broadcast(frame: str) -> None:
    data = bytes.fromhex(frame)
    keiser = Keiser()
    assert equipment_id(data) is None
    assert keiser.feed(Frame(7, data)) == []
    assert keiser.unusable_bytes == len(data)


@pytest.mark.parametrize(
    "data",
    [
        replace(EXAMPLE, version_minor=0x20),
        replace(EXAMPLE, distance_m=-1000.0),
        replace(EXAMPLE, distance_m=32768 * 160.9344),
        replace(EXAMPLE, power_w=-1),
        replace(EXAMPLE, elapsed_s=256 * 60),
        replace(EXAMPLE, gear=256),
    ],
    ids=["gear of an old version", "backwards", "too far", "negative power", "too long", "gear"],
)
def test_a_value_that_does_not_fit_is_refused(data: KeiserData) -> None:
    with pytest.raises(ValueError, match=r"fit|gear|range"):
        encode_keiser_data(data)


def counts(high: int, unit: float = 1) -> st.SearchStrategy[float]:
    return st.integers(0, high).map(lambda count: count / unit)


@st.composite
def broadcasts(draw: st.DrawFn) -> KeiserData:
    is_metric = draw(st.booleans())
    return KeiserData(
        version_major=6,
        version_minor=draw(st.integers(0x21, 0xFF)),
        data_type=draw(st.integers(0, 255)),
        equipment_id=draw(st.integers(0, 255)),
        cadence_rpm=draw(counts(0xFFFF, 10)),
        heart_rate_bpm=draw(counts(0xFFFF, 10)),
        power_w=draw(st.integers(0, 0xFFFF)),
        energy_kcal=draw(st.integers(0, 0xFFFF)),
        elapsed_s=draw(st.integers(0, 256 * 60 - 1)),
        distance_m=draw(st.integers(0, 0x7FFF)) * (100.0 if is_metric else 160.9344),
        is_metric=is_metric,
        gear=draw(st.none() | st.integers(0, 255)),
    )


@given(broadcasts())
def test_keiser_broadcast_reads_the_same_as_written(data: KeiserData) -> None:
    assert decode_keiser_data(encode_keiser_data(data)) == data


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_junk_never_stops_the_next_good_broadcast(junk: list[bytes]) -> None:
    keiser = Keiser()
    for data in junk:
        assert len(keiser.feed(Frame(0, data))) <= 1
    assert keiser.unusable_bytes <= sum(map(len, junk))
    assert len(feed(keiser, EXAMPLE_FRAME)) == 1


def feed(keiser: Keiser, frame: str) -> list[Reading]:
    return keiser.feed(Frame(7, bytes.fromhex(frame)))


def test_a_broadcast_is_a_reading() -> None:
    assert feed(Keiser(), EXAMPLE_FRAME) == [
        Reading(
            at_ns=7,
            cadence_rpm=82.4,
            resistance_raw=10,
            power_w=115,
            distance_m=160.9344,
            heart_rate_bpm=135.0,
        )
    ]


def test_zero_is_reported_except_as_heart_rate_and_gear() -> None:
    assert feed(Keiser(), "0630 00 38 0000 0000 0000 0000 0000 0000 00") == [
        Reading(at_ns=7, cadence_rpm=0, power_w=0, distance_m=0)
    ]


@pytest.mark.parametrize(
    ("data_type", "is_real_time"),
    [(0, True), (1, False), (99, False), (127, False), (128, True), (227, True), (228, False)],
)
def test_only_a_real_time_broadcast_is_a_reading(data_type: int, is_real_time: bool) -> None:
    keiser = Keiser()
    broadcast = encode_keiser_data(replace(EXAMPLE, data_type=data_type))
    assert bool(keiser.feed(Frame(7, broadcast))) == is_real_time
    assert keiser.unusable_bytes == 0


def test_keiser_values_are_stale_sooner_with_new_versions() -> None:
    keiser = Keiser()
    assert keiser.stale_after_s == 7.0
    keiser.feed(Frame(0, encode_keiser_data(replace(EXAMPLE, version_minor=0x29))))
    assert keiser.stale_after_s == 7.0
    feed(keiser, EXAMPLE_FRAME)
    assert keiser.stale_after_s == 1.0
    assert Keiser.stale_after_s == 7.0


def test_sent_frame_gives_no_reading() -> None:
    assert Keiser().feed(Frame(7, bytes.fromhex(EXAMPLE_FRAME), sent=True)) == []
