"""Cycling Power Measurement, against notifications of real meters and every byte there is.

Provenance is in the test ids: the repository that has them.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.standard.crank import Revolutions
from drivers.protocols.standard.cycling_power import (
    CyclingPower,
    Extremes,
    PowerMeasurement,
    decode_power,
    encode_power,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

S = 1_000_000_000

CANONICAL = {
    "Assioma, SmartSpin2k, 1": (
        "2000 0000 0100 000b",
        PowerMeasurement(0, crank=Revolutions(1, 0x0B00)),
    ),
    "Assioma, SmartSpin2k, 2": (
        "2000 2d00 0200 b812",
        PowerMeasurement(45, crank=Revolutions(2, 0x12B8)),
    ),
    "Assioma, SmartSpin2k, 3": (
        "2000 2e00 0300 ae17",
        PowerMeasurement(46, crank=Revolutions(3, 0x17AE)),
    ),
    "Assioma, SmartSpin2k, 4": (
        "2000 3900 0500 3120",
        PowerMeasurement(57, crank=Revolutions(5, 0x2031)),
    ),
    "wrap, SmartSpin2k, 1": (
        "2000 0000 ffff ffff",
        PowerMeasurement(0, crank=Revolutions(0xFFFF, 0xFFFF)),
    ),
    "wrap, SmartSpin2k, 2": (
        "2000 2d00 0000 b707",
        PowerMeasurement(45, crank=Revolutions(0, 0x07B7)),
    ),
    "Stages SC3, TrackMyIndoorWorkout, 1": (
        "2c00 8b00 dd66 060c b24a",
        PowerMeasurement(
            139,
            accumulated_torque_nm=0x66DD / 32,
            torque_is_crank=True,
            crank=Revolutions(0x0C06, 0x4AB2),
        ),
    ),
    "Stages SC3, TrackMyIndoorWorkout, 2": (
        "2c00 8d00 ca69 070c dd4e",
        PowerMeasurement(
            141,
            accumulated_torque_nm=0x69CA / 32,
            torque_is_crank=True,
            crank=Revolutions(0x0C07, 0x4EDD),
        ),
    ),
    "wheel and crank, pycycling": (
        "3000 d204 ffffffff 033f ff07 e70f",
        PowerMeasurement(
            1234, wheel=Revolutions(0xFFFFFFFF, 0x3F03), crank=Revolutions(0x7FF, 0xFE7)
        ),
    ),
    "power alone, synthetic": ("0000 f6ff", PowerMeasurement(-10)),
    "all, synthetic": (
        "ff1f 6400 65 4000 01000000 0200 0300 0400 2c01 ecff 2000 e0ff 5a e0 10 0a00 be00 0700",
        PowerMeasurement(
            100,
            pedal_balance_percent=50.5,
            balance_is_left=True,
            accumulated_torque_nm=2,
            torque_is_crank=True,
            wheel=Revolutions(1, 2),
            crank=Revolutions(3, 4),
            extreme_forces_n=Extremes(300, -20),
            extreme_torques_nm=Extremes(1, -1),
            extreme_angles_deg=Extremes(90, 270),
            top_dead_spot_deg=10,
            bottom_dead_spot_deg=190,
            accumulated_energy_kj=7,
            is_offset_compensated=True,
        ),
    ),
}

#: And how many bytes mean nothing.
ODD = {
    "empty": ("", PowerMeasurement(), 0),
    "flags only": ("2000", PowerMeasurement(), 2),
    "truncated in the power": ("2000 2d", PowerMeasurement(), 3),
    "truncated before the crank": ("2000 2d00", PowerMeasurement(45), 0),
    "truncated in the crank": ("2000 2d00 0200 b8", PowerMeasurement(45), 3),
    "trailing bytes": ("0000 2d00 0102", PowerMeasurement(45), 2),
    "reserved flags": ("00e0 2d00", PowerMeasurement(45), 0),
}


@pytest.mark.parametrize(("frame", "value"), CANONICAL.values(), ids=CANONICAL)
def test_notification_reads_and_writes(frame: str, value: PowerMeasurement) -> None:
    assert_wire(value, frame, decode_power, encode_power)
    assert decode_power(bytes.fromhex(frame)).unusable_bytes == 0


@pytest.mark.parametrize(("frame", "value", "unusable_bytes"), ODD.values(), ids=ODD)
def test_odd_notification_reads(frame: str, value: PowerMeasurement, unusable_bytes: int) -> None:
    data = decode_power(bytes.fromhex(frame))
    assert data == value
    assert data.unusable_bytes == unusable_bytes


@given(st.binary(max_size=48))
def test_any_bytes_read(data: bytes) -> None:
    assert 0 <= decode_power(data).unusable_bytes <= len(data)


u16 = st.integers(0, 0xFFFF)
s16 = st.integers(-0x8000, 0x7FFF)
u12 = st.integers(0, 0xFFF)
torques = s16.map(lambda count: count / 32)

measurements = st.builds(
    PowerMeasurement,
    power_w=s16,
    pedal_balance_percent=st.none() | st.integers(0, 0xFF).map(lambda count: count / 2),
    balance_is_left=st.booleans(),
    accumulated_torque_nm=st.none() | u16.map(lambda count: count / 32),
    torque_is_crank=st.booleans(),
    wheel=st.none() | st.builds(Revolutions, st.integers(0, 0xFFFF_FFFF), u16),
    crank=st.none() | st.builds(Revolutions, u16, u16),
    extreme_forces_n=st.none() | st.builds(Extremes, s16, s16),
    extreme_torques_nm=st.none() | st.builds(Extremes, torques, torques),
    extreme_angles_deg=st.none() | st.builds(Extremes, u12, u12),
    top_dead_spot_deg=st.none() | u16,
    bottom_dead_spot_deg=st.none() | u16,
    accumulated_energy_kj=st.none() | u16,
    is_offset_compensated=st.booleans(),
)


@given(measurements)
def test_power_measurement_reads_the_same_as_written(data: PowerMeasurement) -> None:
    read = decode_power(encode_power(data))
    assert read == data
    assert read.unusable_bytes == 0


def test_a_measurement_without_power_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a power"):
        encode_power(PowerMeasurement())


@pytest.mark.parametrize(
    "data",
    [
        PowerMeasurement(40_000),
        PowerMeasurement(0, pedal_balance_percent=128),
        PowerMeasurement(0, crank=Revolutions(0x10000, 0)),
        PowerMeasurement(0, extreme_angles_deg=Extremes(4096, 0)),
        PowerMeasurement(0, extreme_angles_deg=Extremes(0, -1)),
    ],
    ids=["power", "balance", "crank", "angle", "negative angle"],
)
def test_a_value_that_does_not_fit_is_refused(data: PowerMeasurement) -> None:
    with pytest.raises(OverflowError):
        encode_power(data)


def feed(protocol: CyclingPower, frame: str, at_ns: int = 7, sent: bool = False) -> list[Reading]:
    return protocol.feed(Frame(at_ns, bytes.fromhex(frame), sent))


@pytest.mark.parametrize(
    ("ids", "cadences_rpm"),
    [
        ([f"Assioma, SmartSpin2k, {i}" for i in range(1, 5)], [31.093, 48.378, 56.393]),
        (["wrap, SmartSpin2k, 1", "wrap, SmartSpin2k, 2"], [31.093]),
        ([f"Stages SC3, TrackMyIndoorWorkout, {i}" for i in (1, 2)], [57.582]),
    ],
    ids=["Assioma", "wrap", "Stages"],
)
def test_a_row_of_notifications_tells_power_and_cadence(
    ids: list[str], cadences_rpm: list[float]
) -> None:
    protocol = CyclingPower()
    said = [
        reading
        for second, name in enumerate(ids)
        for reading in feed(protocol, CANONICAL[name][0], second * S)
    ]
    assert [one.power_w for one in said] == [CANONICAL[name][1].power_w for name in ids]
    assert said[0].cadence_rpm is None
    assert [one.cadence_rpm for one in said[1:]] == pytest.approx(cadences_rpm, abs=0.001)


def test_power_goes_on_while_the_crank_repeats() -> None:
    protocol = CyclingPower()
    for name in ("Stages SC3, TrackMyIndoorWorkout, 1", "Stages SC3, TrackMyIndoorWorkout, 2"):
        feed(protocol, CANONICAL[name][0])
    assert feed(protocol, "2000 8d00 070c dd4e", 8) == [Reading(8, power_w=141)]
    assert feed(protocol, "2000 0000 070c dd4e", 9 * S) == [
        Reading(9 * S, cadence_rpm=0, power_w=0)
    ]


def test_meter_without_crank_gives_power_alone() -> None:
    assert feed(CyclingPower(), "0000 2d00") == [Reading(7, power_w=45)]


def test_a_notification_without_power_gives_nothing() -> None:
    protocol = CyclingPower()
    assert feed(protocol, "2000 2d") == []
    assert protocol.unusable_bytes == 3


def test_sent_frame_gives_no_reading() -> None:
    assert feed(CyclingPower(), "0000 2d00", sent=True) == []


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_junk_never_stops_the_next_good_notification(junk: list[bytes]) -> None:
    protocol = CyclingPower()
    for data in junk:
        assert len(protocol.feed(Frame(0, data))) <= 1
    assert protocol.unusable_bytes == sum(decode_power(data).unusable_bytes for data in junk)
    assert feed(protocol, "0000 2d00") == [Reading(7, power_w=45)]
