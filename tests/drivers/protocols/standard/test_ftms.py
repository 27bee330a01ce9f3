"""Indoor Bike Data, against notifications of real bikes and against every byte there is.

Provenance of the notifications is in the test ids: a repository, where it has them as captured
from a bike, or "synthetic" where its authors made them up.
"""

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.standard.ftms import (
    Ftms,
    IndoorBikeData,
    decode_indoor_bike_data,
    encode_indoor_bike_data,
    encode_indoor_bike_record,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

CANONICAL = {
    # Flags 0244: speed, cadence, power, heart rate. This bike never says its resistance.
    "Schwinn IC4, TrackMyIndoorWorkout, 1": (
        "4402 5e0b f000 7a00 54",
        IndoorBikeData(speed_kmh=29.10, cadence_rpm=120, power_w=122, heart_rate_bpm=84),
    ),
    "Schwinn IC4, TrackMyIndoorWorkout, 2": (
        "4402 9a0b fa00 8000 65",
        IndoorBikeData(speed_kmh=29.70, cadence_rpm=125, power_w=128, heart_rate_bpm=101),
    ),
    "Schwinn IC4, TrackMyIndoorWorkout, 3": (
        "4402 0410 fa00 2b01 73",
        IndoorBikeData(speed_kmh=41.00, cadence_rpm=125, power_w=299, heart_rate_bpm=115),
    ),
    "Schwinn IC4, TrackMyIndoorWorkout, 4": (
        "4402 a014 6a00 7502 75",
        IndoorBikeData(speed_kmh=52.80, cadence_rpm=53, power_w=629, heart_rate_bpm=117),
    ),
    "Schwinn IC4, TrackMyIndoorWorkout, 5": (
        "4402 3615 7200 b402 5a",
        IndoorBikeData(speed_kmh=54.30, cadence_rpm=57, power_w=692, heart_rate_bpm=90),
    ),
    "Schwinn IC4, SmartSpin2k": (
        "4402 f208 b000 4000 00",
        IndoorBikeData(speed_kmh=22.90, cadence_rpm=88, power_w=64, heart_rate_bpm=0),
    ),
    "Schwinn IC4, gymnasticon, synthetic": (
        "4402 da02 0201 2201 00",
        IndoorBikeData(speed_kmh=7.30, cadence_rpm=129, power_w=290, heart_rate_bpm=0),
    ),
    # One record in several notifications, in free order.
    "Stages SB20, TrackMyIndoorWorkout, speed 1": ("0000 8306", IndoorBikeData(speed_kmh=16.67)),
    "Stages SB20, TrackMyIndoorWorkout, speed 2": ("0000 e90d", IndoorBikeData(speed_kmh=35.61)),
    "Stages SB20, TrackMyIndoorWorkout, distance 1": (
        "1100 040100",
        IndoorBikeData(more_data=True, distance_m=260),
    ),
    "Stages SB20, TrackMyIndoorWorkout, distance 2": (
        "1100 b50300",
        IndoorBikeData(more_data=True, distance_m=949),
    ),
    "Stages SB20, TrackMyIndoorWorkout, effort 1": (
        "c500 b600 5d02 0000",
        IndoorBikeData(more_data=True, cadence_rpm=91, power_w=605, average_power_w=0),
    ),
    "Stages SB20, TrackMyIndoorWorkout, effort 2": (
        "c500 e000 2303 0000",
        IndoorBikeData(more_data=True, cadence_rpm=112, power_w=803, average_power_w=0),
    ),
    # 26 bytes; the averages are always 0.
    "Bowflex IC7, TrackMyIndoorWorkout": (
        "fe09 ee08 0000 7200 0000 630200 1a00 4000 0000 0800 1201 04 5900",
        IndoorBikeData(
            speed_kmh=22.86,
            average_speed_kmh=0,
            cadence_rpm=57,
            average_cadence_rpm=0,
            distance_m=611,
            resistance_level=26,
            power_w=64,
            average_power_w=0,
            energy_kcal=8,
            energy_per_hour_kcal=274,
            energy_per_minute_kcal=4,
            elapsed_s=89,
        ),
    ),
    "Elite Suito, Flux": (
        "5408 b906 b000 860d00 4500 2001",
        IndoorBikeData(speed_kmh=17.21, cadence_rpm=88, distance_m=3462, power_w=69, elapsed_s=288),
    ),
    # Exactly 20 bytes.
    "Zwift Hub, simcline #7": (
        "fe02 7107 1707 7a00 7a00 050000 1400 6100 6100 00",
        IndoorBikeData(
            speed_kmh=19.05,
            average_speed_kmh=18.15,
            cadence_rpm=61,
            average_cadence_rpm=61,
            distance_m=5,
            resistance_level=20,
            power_w=97,
            average_power_w=97,
            heart_rate_bpm=0,
        ),
    ),
    "bike without cadence, gymnasticon #101, 1": (
        "0008 e608 1f00",
        IndoorBikeData(speed_kmh=22.78, elapsed_s=31),
    ),
    "bike without cadence, gymnasticon #101, 2": (
        "0008 6c0b 2800",
        IndoorBikeData(speed_kmh=29.24, elapsed_s=40),
    ),
    "bike without cadence, gymnasticon #101, 3": (
        "0008 0000 1e00",
        IndoorBikeData(speed_kmh=0, elapsed_s=30),
    ),
    "synthetic, 80 rpm 300 W": (
        "4400 ca0c a000 2c01",
        IndoorBikeData(speed_kmh=32.74, cadence_rpm=80, power_w=300),
    ),
    "synthetic, and heart rate": (
        "4402 ca0c a000 2c01 8f",
        IndoorBikeData(speed_kmh=32.74, cadence_rpm=80, power_w=300, heart_rate_bpm=143),
    ),
    "synthetic, and the distance of a marathon": (
        "5402 ca0c a000 d3a400 2c01 8f",
        IndoorBikeData(
            speed_kmh=32.74, cadence_rpm=80, distance_m=42195, power_w=300, heart_rate_bpm=143
        ),
    ),
    "synthetic, 10 rpm 6 W": (
        "4400 1801 1400 0600",
        IndoorBikeData(speed_kmh=2.80, cadence_rpm=10, power_w=6),
    ),
    "synthetic, 90 rpm without speed": (
        "4400 0000 b400 6600",
        IndoorBikeData(speed_kmh=0, cadence_rpm=90, power_w=102),
    ),
    "synthetic, 180 rpm": (
        "4400 0000 6801 6400",
        IndoorBikeData(speed_kmh=0, cadence_rpm=180, power_w=100),
    ),
    "bluetooth-sig-python, synthetic, heart rate": (
        "0402 c409 b400 9b",
        IndoorBikeData(speed_kmh=25.00, cadence_rpm=90, heart_rate_bpm=155),
    ),
    "bluetooth-sig-python, synthetic, half an rpm": (
        "0500 9100",
        IndoorBikeData(more_data=True, cadence_rpm=72.5),
    ),
    "bluetooth-sig-python, synthetic, nothing": ("0100", IndoorBikeData(more_data=True)),
    "bluetooth-sig-python, synthetic, speed": ("0000 dc05", IndoorBikeData(speed_kmh=15.00)),
    "synthetic, negative power and resistance": (
        "6100 f6ff ecff",
        IndoorBikeData(more_data=True, resistance_level=-10, power_w=-20),
    ),
    "synthetic, energy partly not available": (
        "0101 0200 ffff ff",
        IndoorBikeData(more_data=True, energy_kcal=2),
    ),
    "synthetic, the last bits": (
        "0114 55 3930",
        IndoorBikeData(more_data=True, metabolic_equivalent=8.5, remaining_s=12345),
    ),
}

#: Notifications that break the rules, so that only decoding them makes sense, and how many of
#: their bytes mean nothing.
ODD = {
    # Cut at 20 bytes, as on a link with the default ATT_MTU: the time has lost a byte.
    "BostonLeeK/iconsole-plus-client FTMS_PARSING.md, cut": (
        "740b 3c05 4800 210000 0100 1800 0200 0000 00 56 10",
        IndoorBikeData(
            speed_kmh=13.4,
            cadence_rpm=36,
            distance_m=33,
            resistance_level=1,
            power_w=24,
            energy_kcal=2,
            energy_per_hour_kcal=0,
            energy_per_minute_kcal=0,
            heart_rate_bpm=86,
        ),
        1,
    ),
    # Cadence is there (74 00) although its flag is not.
    "Life Fitness, TrackMyIndoorWorkout, 1": (
        "fa09 2d09 f208 7400 7700 650000 0d00 6600 6100 0200 ffff ff 1100",
        IndoorBikeData(
            speed_kmh=23.49,
            average_speed_kmh=22.90,
            cadence_rpm=58,
            average_cadence_rpm=59.5,
            distance_m=101,
            resistance_level=13,
            power_w=102,
            average_power_w=97,
            energy_kcal=2,
            elapsed_s=17,
        ),
        0,
    ),
    "Life Fitness, TrackMyIndoorWorkout, 2, with heart rate": (
        "fa0b 320c 8909 c600 7c00 c40100 0d00 ce00 7000 0a00 ffff ff 53 4400",
        IndoorBikeData(
            speed_kmh=31.22,
            average_speed_kmh=24.41,
            cadence_rpm=99,
            average_cadence_rpm=62,
            distance_m=452,
            resistance_level=13,
            power_w=206,
            average_power_w=112,
            energy_kcal=10,
            heart_rate_bpm=83,
            elapsed_s=68,
        ),
        0,
    ),
    "Life Fitness, TrackMyIndoorWorkout, 3, with heart rate": (
        "fa0b f704 c109 2400 7800 f00200 0700 1900 7800 1200 ffff ff 64 6d00",
        IndoorBikeData(
            speed_kmh=12.71,
            average_speed_kmh=24.97,
            cadence_rpm=18,
            average_cadence_rpm=60,
            distance_m=752,
            resistance_level=7,
            power_w=25,
            average_power_w=120,
            energy_kcal=18,
            heart_rate_bpm=100,
            elapsed_s=109,
        ),
        0,
    ),
    # The same bike, were it to add a time remaining: its habit goes by the lower twelve bits.
    "Life Fitness, synthetic, with remaining time": (
        "fa19 2d09 f208 7400 7700 650000 0d00 6600 6100 0200 ffff ff 1100 2c01",
        IndoorBikeData(
            speed_kmh=23.49,
            average_speed_kmh=22.90,
            cadence_rpm=58,
            average_cadence_rpm=59.5,
            distance_m=101,
            resistance_level=13,
            power_w=102,
            average_power_w=97,
            energy_kcal=2,
            elapsed_s=17,
            remaining_s=300,
        ),
        0,
    ),
    # The flags promise energy, MET and times too, but the bike stops at 20 bytes: 36 is the
    # lower half of the kcal.
    "Matrix CTM, TrackMyIndoorWorkout, truncated": (
        "fe1d 830c 330c 8600 8000 c10900 0d00 a200 9d00 36",
        IndoorBikeData(
            speed_kmh=32.03,
            average_speed_kmh=31.23,
            cadence_rpm=67,
            average_cadence_rpm=64,
            distance_m=2497,
            resistance_level=13,
            power_w=162,
            average_power_w=157,
        ),
        1,
    ),
    # A fixed buffer of 20 bytes, sent whole.
    "Peloton through dfc, made from its source": (
        "6400 0000 b400 2303 8700 00000000000000000000",
        IndoorBikeData(speed_kmh=0, cadence_rpm=90, resistance_level=803, power_w=135),
        10,
    ),
    "empty": ("", IndoorBikeData(), 0),
    "one byte": ("44", IndoorBikeData(), 1),
    "flags only": ("4402", IndoorBikeData(), 0),
    "truncated in a field": ("4402 5e0b f0", IndoorBikeData(speed_kmh=29.10), 1),
    "truncated between fields": (
        "4402 5e0b f000",
        IndoorBikeData(speed_kmh=29.10, cadence_rpm=120),
        0,
    ),
    "four trailing bytes": (
        "4400 ca0c a000 2c01 deadbeef",
        IndoorBikeData(speed_kmh=32.74, cadence_rpm=80, power_w=300),
        4,
    ),
    # Two spare bytes are a hidden cadence under the flags of Life Fitness alone.
    "two trailing bytes, no flag of cadence": (
        "4000 ca0c 2c01 a000",
        IndoorBikeData(speed_kmh=32.74, power_w=300),
        2,
    ),
    # TrackMyIndoorWorkout #320.
    "reserved flags": (
        "44e0 ca0c a000 2c01",
        IndoorBikeData(speed_kmh=32.74, cadence_rpm=80, power_w=300),
        0,
    ),
    "resistance in one byte": (
        "6400 ca0c a000 f0 2c01",
        IndoorBikeData(speed_kmh=32.74, cadence_rpm=80, resistance_level=240, power_w=300),
        0,
    ),
    "no energy is available": ("0101 ffff ffff ff", IndoorBikeData(more_data=True), 0),
}


@pytest.mark.parametrize(("frame", "value"), CANONICAL.values(), ids=CANONICAL)
def test_notification_reads_and_writes(frame: str, value: IndoorBikeData) -> None:
    assert_wire(value, frame, decode_indoor_bike_data, encode_indoor_bike_data)
    assert decode_indoor_bike_data(bytes.fromhex(frame)).unusable_bytes == 0


@pytest.mark.parametrize(("frame", "value", "unusable_bytes"), ODD.values(), ids=ODD)
def test_odd_notification_reads(frame: str, value: IndoorBikeData, unusable_bytes: int) -> None:
    data = decode_indoor_bike_data(bytes.fromhex(frame))
    assert data == value
    assert data.unusable_bytes == unusable_bytes


@given(st.binary(max_size=64))
def test_any_bytes_read(data: bytes) -> None:
    assert 0 <= decode_indoor_bike_data(data).unusable_bytes <= len(data)


@given(st.binary(min_size=30, max_size=64))
def test_a_long_notification_gives_all_that_its_flags_promise(data: bytes) -> None:
    value = decode_indoor_bike_data(data)
    assert value.more_data == (value.speed_kmh is None)
    assert (value.elapsed_s is not None) == bool(data[1] & 0x08)


def counts(low: int, high: int, per_unit: int = 1) -> st.SearchStrategy[float | None]:
    """Nothing, or any value a field can hold."""
    steps = st.integers(low, high)
    return st.none() | (steps if per_unit == 1 else steps.map(lambda count: count / per_unit))


U16 = 0, 0xFFFF
S16 = -0x8000, 0x7FFF
BEFORE_MARKER = 0, 0xFFFE

partial_records = st.builds(
    IndoorBikeData,
    more_data=st.just(True),
    average_speed_kmh=counts(*U16, per_unit=100),
    cadence_rpm=counts(*U16, per_unit=2),
    average_cadence_rpm=counts(*U16, per_unit=2),
    distance_m=counts(0, 0xFFFFFF),
    resistance_level=counts(*S16),
    power_w=counts(*S16),
    average_power_w=counts(*S16),
    energy_kcal=counts(*BEFORE_MARKER),
    energy_per_hour_kcal=counts(*BEFORE_MARKER),
    energy_per_minute_kcal=counts(0, 0xFE),
    heart_rate_bpm=counts(0, 0xFF),
    metabolic_equivalent=counts(0, 0xFF, per_unit=10),
    elapsed_s=counts(*U16),
    remaining_s=counts(*U16),
)
whole_records = st.builds(
    lambda record, count: replace(record, more_data=False, speed_kmh=count / 100),
    partial_records,
    st.integers(*U16),
)


@given(partial_records | whole_records)
def test_indoor_bike_data_reads_the_same_as_written(data: IndoorBikeData) -> None:
    notification = encode_indoor_bike_data(data)
    assert len(notification) <= 30
    assert decode_indoor_bike_data(notification) == data
    assert decode_indoor_bike_data(notification).unusable_bytes == 0


@given(whole_records, st.integers(7, 40))
def test_a_split_record_comes_together_again(record: IndoorBikeData, max_bytes: int) -> None:
    notifications = encode_indoor_bike_record(record, max_bytes)
    parts = [decode_indoor_bike_data(notification) for notification in notifications]

    assert max(map(len, notifications)) <= max_bytes
    assert [part.more_data for part in parts] == [True] * (len(parts) - 1) + [False]
    together: dict[str, Any] = {}
    for part in parts:
        together |= {name: value for name, value in asdict(part).items() if value is not None}
    assert IndoorBikeData(**together) == record


def test_a_record_that_fits_is_not_split() -> None:
    frame, data = CANONICAL["Zwift Hub, simcline #7"]
    assert encode_indoor_bike_record(data) == [bytes.fromhex(frame)]


def test_a_record_that_is_too_long_is_split_between_fields() -> None:
    _, data = CANONICAL["Bowflex IC7, TrackMyIndoorWorkout"]
    assert [notification.hex(" ", 2) for notification in encode_indoor_bike_record(data)] == [
        bytes.fromhex("ff00 0000 7200 0000 630200 1a00 4000 0000").hex(" ", 2),
        bytes.fromhex("0009 ee08 0800 1201 04 5900").hex(" ", 2),
    ]


@pytest.mark.parametrize(
    ("data", "max_bytes"),
    [
        pytest.param(IndoorBikeData(power_w=1), 20, id="no speed"),
        pytest.param(IndoorBikeData(more_data=True), 20, id="more data"),
        pytest.param(IndoorBikeData(speed_kmh=1), 6, id="no room"),
    ],
)
def test_a_record_that_cannot_be_sent_is_refused(data: IndoorBikeData, max_bytes: int) -> None:
    with pytest.raises(ValueError, match=r"speed|max_bytes"):
        encode_indoor_bike_record(data, max_bytes)


@pytest.mark.parametrize(
    "data",
    [IndoorBikeData(power_w=1), IndoorBikeData(more_data=True, speed_kmh=1)],
    ids=["neither", "both"],
)
def test_indoor_bike_data_needs_either_a_speed_or_more_data(data: IndoorBikeData) -> None:
    with pytest.raises(ValueError, match="either a speed or more_data"):
        encode_indoor_bike_data(data)


@pytest.mark.parametrize(
    "data",
    [
        IndoorBikeData(speed_kmh=655.36),
        IndoorBikeData(speed_kmh=-1),
        IndoorBikeData(speed_kmh=1, power_w=40_000),
        IndoorBikeData(speed_kmh=1, energy_kcal=0xFFFF),
    ],
    ids=["too fast", "backwards", "too strong", "the marker of not available"],
)
def test_a_value_that_does_not_fit_is_refused(data: IndoorBikeData) -> None:
    with pytest.raises(OverflowError):
        encode_indoor_bike_data(data)


def feed(protocol: Ftms, frame: str, at_ns: int = 7) -> list[Reading]:
    return protocol.feed(Frame(at_ns, bytes.fromhex(frame)))


def test_a_notification_gives_a_reading_of_its_present_values() -> None:
    frame, _ = CANONICAL["Bowflex IC7, TrackMyIndoorWorkout"]
    assert feed(Ftms(), frame) == [
        Reading(
            at_ns=7, cadence_rpm=57, resistance_raw=26, power_w=64, speed_kmh=22.86, distance_m=611
        )
    ]


@pytest.mark.parametrize(
    ("level", "resistance_raw"),
    [
        pytest.param("ff7f", None, id="7FFF: not available"),
        pytest.param("ffff", None, id="FFFF: not available"),
        pytest.param("fe7f", 0x7FFE, id="7FFE"),
        pytest.param("feff", -2, id="FFFE"),
        pytest.param("0000", 0, id="0"),
    ],
)
def test_level_that_is_marked_as_not_available_is_no_resistance(
    level: str, resistance_raw: float | None
) -> None:
    """FTMS marks a signed field with 7FFF and an unsigned one with FFFF, if it has a marker."""
    (reading,) = feed(Ftms(), f"6400 0000 9600 {level} 3000")
    assert reading == Reading(
        at_ns=7, cadence_rpm=75, resistance_raw=resistance_raw, power_w=48, speed_kmh=0
    )


def test_zero_is_reported_except_as_heart_rate() -> None:
    assert feed(Ftms(), "4402 0000 0000 0000 00") == [
        Reading(at_ns=7, cadence_rpm=0, power_w=0, speed_kmh=0)
    ]
    assert feed(Ftms(), "4402 0000 0000 0000 54")[0].heart_rate_bpm == 84


def test_parts_of_a_record_are_readings_of_their_own() -> None:
    protocol = Ftms()
    assert feed(protocol, "c500 b600 5d02 0000", at_ns=1) == [
        Reading(at_ns=1, cadence_rpm=91, power_w=605)
    ]
    assert feed(protocol, "1100 040100", at_ns=2) == [Reading(at_ns=2, distance_m=260)]
    assert feed(protocol, "0000 8306", at_ns=3) == [Reading(at_ns=3, speed_kmh=16.67)]


@pytest.mark.parametrize("frame", ["", "01", "0100", "0108 1e00", "0102 00"])
def test_notification_without_values_gives_no_reading(frame: str) -> None:
    assert feed(Ftms(), frame) == []


def test_data_that_was_not_received_has_no_unusable_bytes() -> None:
    assert IndoorBikeData().unusable_bytes == 0


def test_unusable_bytes_add_up() -> None:
    protocol = Ftms()
    feed(protocol, "44")
    feed(protocol, "0000 8306")
    feed(protocol, "0000 8306 0102")
    assert protocol.unusable_bytes == 3


@given(st.lists(st.binary(max_size=32), max_size=8))
def test_junk_never_stops_the_next_good_notification(junk: list[bytes]) -> None:
    protocol = Ftms()
    for data in junk:
        assert len(protocol.feed(Frame(0, data))) <= 1
    assert protocol.unusable_bytes <= sum(map(len, junk))
    assert feed(protocol, "0000 8306") == [Reading(at_ns=7, speed_kmh=16.67)]


S = 1_000_000_000


class TestAverages:
    """Taken only from a bike that says nothing else, and labelled."""

    ONLY_AVERAGES = IndoorBikeData(speed_kmh=20, average_cadence_rpm=70, average_power_w=120)

    def said(self, *data: IndoorBikeData) -> list[Reading]:
        protocol = Ftms()
        notified = enumerate(data)
        return [
            reading
            for second, one in notified
            for reading in protocol.feed(Frame(second * S, encode_indoor_bike_data(one)))
        ]

    def test_averages_are_not_used_while_better_values_may_come(self) -> None:
        readings = self.said(*[self.ONLY_AVERAGES] * 6)
        assert {(one.cadence_rpm, one.power_w) for one in readings} == {(None, None)}

    def test_averages_are_used_and_labelled_when_nothing_better_comes(self) -> None:
        last = self.said(*[self.ONLY_AVERAGES] * 7)[-1]
        assert last == Reading(6 * S, cadence_rpm=70, power_w=120, speed_kmh=20, source="average")

    def test_average_is_not_used_for_a_value_that_was_heard_before(self) -> None:
        better = IndoorBikeData(speed_kmh=20, cadence_rpm=90, average_cadence_rpm=70)
        last = self.said(better, *[self.ONLY_AVERAGES] * 20)[-1]
        assert last.cadence_rpm is None
        assert last.power_w == 120

    def test_average_power_is_0_while_the_pedals_rest(self) -> None:
        """cagnulein/qdomyos-zwift #5103, of a bike that sends no other power."""
        riding = IndoorBikeData(speed_kmh=20, cadence_rpm=80, average_power_w=120)
        resting, rest = replace(riding, cadence_rpm=0), replace(riding, cadence_rpm=None)
        readings = self.said(*[riding] * 7, resting, rest, riding)
        assert [one.power_w for one in readings[6:]] == [120, 0, 0, 120]

    def test_average_power_of_a_bike_without_a_cadence_sensor_is_kept(self) -> None:
        without = IndoorBikeData(speed_kmh=20, cadence_rpm=0, average_power_w=120)
        assert self.said(*[without] * 7)[-1].power_w == 120


class TestContradiction:
    """A cadence of 0 beside power is a sensor that tells nothing."""

    ZERO = "4400 d007 0000 6400"
    TURNING = "4400 d007 b400 6400"
    STANDING = "4400 d007 0000 0000"

    def test_zero_cadence_with_power_is_unknown_after_some_seconds(self) -> None:
        protocol = Ftms()
        said = [feed(protocol, self.ZERO, second * S)[0].cadence_rpm for second in range(5)]
        assert said == [0, 0, 0, None, None]

    @pytest.mark.parametrize("frame", [TURNING, STANDING], ids=["turning", "standing"])
    def test_zero_cadence_is_reported_again_after_turning_or_standing(self, frame: str) -> None:
        protocol = Ftms()
        for second in range(5):
            feed(protocol, self.ZERO, second * S)
        feed(protocol, frame, 5 * S)
        assert feed(protocol, self.ZERO, 6 * S)[0].cadence_rpm == 0

    def test_zero_cadence_without_power_stays_zero(self) -> None:
        protocol = Ftms()
        said = [feed(protocol, self.STANDING, second * S)[0].cadence_rpm for second in range(9)]
        assert said == [0] * 9
