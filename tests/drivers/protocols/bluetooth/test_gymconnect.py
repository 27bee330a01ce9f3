"""GymConnect's measurements, against those of a real bike and against every byte there is."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.bluetooth.gymconnect import (
    GymConnect,
    GymConnectData,
    decode_gymconnect,
    encode_gymconnect,
)
from drivers.reading import Frame, Reading
from tests.support.bluez import Bluez, bikes
from tests.support.bluez.riding import ride, sending
from tests.support.wire import assert_wire

#: The fields that a Spinner Chrono sends, in wire order.
SENT = (
    "elapsed_s",
    "heart_rate_bpm",
    "speed_kmh",
    "cadence_rpm",
    "distance_m",
    "energy_kcal",
    "energy_per_hour_kcal",
    "power_w",
)


def chrono(*values: float) -> GymConnectData:
    fields: dict[str, Any] = dict(zip(SENT, values, strict=True))
    return GymConnectData(is_first=True, **fields)


SLOW = "535916 6e02 00 c808 5401 500e00 3900 2f00 5a00"

#: The source's tests name time, heart rate, speed, cadence, distance, energy and power.
CANONICAL = {
    "TrackMyIndoorWorkout, precor_spinner_chrono_power_test, 622 s": (
        SLOW,
        chrono(622, 0, 22.48, 34.0, 3664, 57, 47, 90),
    ),
    "TrackMyIndoorWorkout, precor_spinner_chrono_power_test, 264 s": (
        "535916 0801 67 de0d 7602 eb0600 2400 1e00 1201",
        chrono(264, 103, 35.50, 63.0, 1771, 36, 30, 274),
    ),
    "TrackMyIndoorWorkout, precor_spinner_chrono_power_test, 1761 s": (
        "535916 e106 58 9c09 a401 cf2f00 0101 d600 7300",
        chrono(1761, 88, 24.60, 42.0, 12239, 257, 214, 115),
    ),
    "TrackMyIndoorWorkout, precor_spinner_chrono_power_test, 1807 s": (
        "535916 0f07 51 6209 9001 003100 0601 db00 6c00",
        chrono(1807, 81, 24.02, 40.0, 12544, 262, 219, 108),
    ),
    "TrackMyIndoorWorkout, precor_spinner_chrono_power_test, 2241 s": (
        "535916 c108 53 f50b fc03 233c00 3c01 0701 c300",
        chrono(2241, 83, 30.61, 102.0, 15395, 316, 263, 195),
    ),
    "synthetic, level and resistance in the last packet of an update": (
        "21 06 0c 7d00",
        GymConnectData(is_last=True, intensity=12, resistance=12.5),
    ),
    "synthetic, only the third byte of flags": (
        "04 10 2003",
        GymConnectData(movement_mm=800),
    ),
    "synthetic, nothing at all": ("00", GymConnectData()),
}


@pytest.mark.parametrize(("frame", "value"), CANONICAL.values(), ids=CANONICAL)
def test_measurement_reads_and_writes(frame: str, value: GymConnectData) -> None:
    assert_wire(value, frame, decode_gymconnect, encode_gymconnect)
    assert decode_gymconnect(bytes.fromhex(frame)).unusable_bytes == 0


@pytest.mark.parametrize(
    ("frame", "elapsed_s", "heart_rate_bpm"),
    [
        pytest.param(
            "53591604054300000000181e007d0068000000", 1284, 67, id="TrackMyIndoorWorkout, 1284 s"
        ),
        pytest.param(
            "535916390500000000003b1f0081006c000000", 1337, 0, id="TrackMyIndoorWorkout, 1337 s"
        ),
    ],
)
def test_bike_at_rest_reports_zeros(frame: str, elapsed_s: int, heart_rate_bpm: int) -> None:
    data = bytes.fromhex(frame)
    decoded = decode_gymconnect(data)
    assert (decoded.elapsed_s, decoded.heart_rate_bpm) == (elapsed_s, heart_rate_bpm)
    (reading,) = GymConnect().feed(Frame(7, data))
    assert (reading.cadence_rpm, reading.power_w, reading.speed_kmh) == (0, 0, 0)
    assert reading.heart_rate_bpm == (heart_rate_bpm or None)


def test_measurement_is_a_reading() -> None:
    data = replace(chrono(264, 103, 35.5, 63.0, 1771, 36, 30, 274), resistance=12.5)
    assert GymConnect().feed(Frame(7, encode_gymconnect(data))) == [
        Reading(
            at_ns=7,
            cadence_rpm=63.0,
            resistance_raw=12.5,
            power_w=274,
            speed_kmh=35.5,
            distance_m=1771,
            heart_rate_bpm=103,
        )
    ]


def test_update_of_a_treadmill_is_no_reading() -> None:
    gymconnect = GymConnect()
    update = encode_gymconnect(GymConnectData(is_first=True, speed_kmh=9.6, grade_percent=2.0))
    assert gymconnect.feed(Frame(7, update)) == []
    assert gymconnect.unusable_bytes == 0


@pytest.mark.parametrize(
    ("frame", "unusable_bytes"),
    [
        pytest.param("", 0, id="empty"),
        pytest.param("53", 1, id="cut in its flags"),
        pytest.param("535916 6e", 1, id="cut in its first field"),
        pytest.param("00 0102", 2, id="longer than its flags"),
        pytest.param("08 01 02", 1, id="fields that are not known"),
    ],
)
def test_bytes_that_no_flag_explains_are_unusable(frame: str, unusable_bytes: int) -> None:
    gymconnect = GymConnect()
    assert gymconnect.feed(Frame(7, bytes.fromhex(frame))) == []
    assert gymconnect.unusable_bytes == unusable_bytes


@pytest.mark.parametrize(
    "data",
    [GymConnectData(power_w=0x8000), GymConnectData(cadence_rpm=6554), GymConnectData(gear=-1)],
)
def test_a_value_that_does_not_fit_is_refused(data: GymConnectData) -> None:
    with pytest.raises(OverflowError):
        encode_gymconnect(data)


def counts(high: int, unit: float = 1) -> st.SearchStrategy[float | None]:
    return st.none() | st.integers(0, high).map(lambda count: count / unit)


@given(
    st.builds(
        GymConnectData,
        is_first=st.booleans(),
        is_last=st.booleans(),
        elapsed_s=counts(0xFFFF),
        heart_rate_bpm=counts(0xFF),
        cadence_rpm=counts(0xFFFF, 10),
        distance_m=counts(0xFFFFFF),
        power_w=st.none() | st.integers(-0x8000, 0x7FFF),
        laps=counts(0xFF),
    )
)
def test_measurement_reads_the_same_as_written(data: GymConnectData) -> None:
    assert decode_gymconnect(encode_gymconnect(data)) == data


@given(st.lists(st.binary(max_size=24), max_size=8))
def test_junk_never_stops_the_next_good_measurement(junk: list[bytes]) -> None:
    gymconnect = GymConnect()
    for data in junk:
        assert len(gymconnect.feed(Frame(0, data))) <= 1
    assert gymconnect.unusable_bytes <= sum(map(len, junk))
    assert gymconnect.feed(Frame(7, bytes.fromhex(SLOW)))[0].cadence_rpm == 34


def test_sent_frame_gives_no_reading() -> None:
    assert GymConnect().feed(Frame(7, bytes.fromhex(SLOW), sent=True)) == []


async def test_chrono_is_ridden_over_the_air(bluez: Bluez) -> None:
    device = bikes.gymconnect_bike(bluez)
    async with sending(device, [(bikes.GYMCONNECT_MEASUREMENT, bytes.fromhex(SLOW))]):
        values, source = await ride(device, "cadence_rpm", "power_w", "speed_kmh")
    assert values == {"cadence_rpm": 34, "power_w": 90, "speed_kmh": 22.48}
    assert source == "gymconnect"
