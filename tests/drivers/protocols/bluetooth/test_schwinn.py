"""Schwinn's event records, against those of real bikes and against every byte there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import ignore_frame
from drivers.conversation import Conversation
from drivers.protocols.bluetooth.schwinn import (
    Schwinn,
    SchwinnEvent,
    decode_event,
    encode_event,
)
from drivers.reading import Frame, Reading
from drivers.tuning import Tuning
from tests.support.bluez import Bluez, bikes
from tests.support.bluez.riding import ride, sending
from tests.support.wire import assert_wire

SECOND = 1_000_000_000
BEFORE = "112000 a00500 00 e2 6ffd 4c6011000000 04"
AFTER = "112000 600c00 00 e0 722a bb5c2c000000 04"

#: The source's tests name the time and the whole kilocalories; level and turns are by its decoder.
REAL = {
    "TrackMyIndoorWorkout, schwinn_x70_test, 270, 0 kcal": (BEFORE, 63.358, 0, 5.625, 4),
    "TrackMyIndoorWorkout, schwinn_x70_test, 270, 1 kcal": (AFTER, 10.611, 1, 12.375, 4),
    "TrackMyIndoorWorkout, schwinn_x70_test, 570U, 0 kcal": (
        "11200000f5f80000206521660000000007",
        25.281,
        0,
        63733.0,
        7,
    ),
    "TrackMyIndoorWorkout, schwinn_x70_test, 570U, 69 kcal": (
        "1120004085fb0000875280bea10800000a",
        20.631,
        69,
        64389.25,
        10,
    ),
    "TrackMyIndoorWorkout, schwinn_x70_test, 570U, 137 kcal": (
        "11200040fafd00006e3e406d281100000b",
        15.607,
        137,
        65018.25,
        11,
    ),
}


@pytest.mark.parametrize(("frame", "time_s", "kcal", "turns", "level"), REAL.values(), ids=REAL)
def test_event_of_a_real_bike_decodes(
    frame: str, time_s: float, kcal: int, turns: float, level: int
) -> None:
    event = decode_event(bytes.fromhex(frame))
    assert event is not None
    assert event.ticks / 1024 == pytest.approx(time_s, abs=0.001)
    assert int(event.energy_kcal) == kcal
    assert (event.crank_parts / 256, event.level) == (turns, level)


@pytest.mark.parametrize(
    ("frame", "value"),
    [
        pytest.param("112000 000000 00 00 0000 000000000000 00", SchwinnEvent(), id="synthetic, 0"),
        pytest.param(
            "112000 010203 00 00 0405 000020000000 19",
            SchwinnEvent(0x030201, 0x0504, 1.0, 25),
            id="synthetic, each field another",
        ),
    ],
)
def test_event_reads_and_writes(frame: str, value: SchwinnEvent) -> None:
    assert_wire(value, frame, decode_event, encode_event)


def test_bytes_after_the_turns_do_not_count_as_turns() -> None:
    event = decode_event(bytes.fromhex("112000 010203 ff ff 0405 000020000000 19"))
    assert event == SchwinnEvent(0x030201, 0x0504, 1.0, 25)


NO_EVENT = {
    "empty": "",
    "cut": AFTER[:-3],
    "too long": AFTER + "00",
    "another record": AFTER.replace("112000", "112100"),
    "qdomyos-zwift, 20 bytes of another stream": "00" * 15 + "5a4300 0400",
    "ursoft/ANT_Libraries, the command was accepted": "031f0000",
}


@pytest.mark.parametrize("frame", NO_EVENT.values(), ids=NO_EVENT)
def test_malformed_schwinn_event_is_unusable(frame: str) -> None:
    schwinn = Schwinn()
    assert schwinn.feed(Frame(7, bytes.fromhex(frame))) == []
    assert schwinn.unusable_bytes == len(bytes.fromhex(frame))


@pytest.mark.parametrize(
    "event",
    [
        SchwinnEvent(crank_parts=1 << 24),
        SchwinnEvent(crank_parts=-1),
        SchwinnEvent(ticks=1 << 16),
        SchwinnEvent(energy_kcal=-1),
        SchwinnEvent(level=256),
    ],
)
def test_a_value_that_does_not_fit_is_refused(event: SchwinnEvent) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode_event(event)


@given(
    st.builds(
        SchwinnEvent,
        st.integers(0, 0xFFFFFF),
        st.integers(0, 0xFFFF),
        st.integers(0, (1 << 48) - 1).map(lambda steps: steps / (1 << 21)),
        st.integers(0, 255),
    )
)
def test_event_reads_the_same_as_written(event: SchwinnEvent) -> None:
    assert decode_event(encode_event(event)) == event


def cadences(*events: tuple[float, float, float]) -> list[float | None]:
    """The cadence at each event: arrival and bike's clock in seconds, turns of the crank."""
    schwinn = Schwinn()
    heard = []
    for arrived_s, clock_s, turns in events:
        event = SchwinnEvent(round(turns * 256) & 0xFFFFFF, round(clock_s * 1024) & 0xFFFF, level=7)
        (reading,) = schwinn.feed(Frame(round(arrived_s * SECOND), encode_event(event)))
        assert reading.resistance_raw == 7
        heard.append(reading.cadence_rpm)
    return heard


def test_cadence_is_that_between_two_events_across_the_end_of_the_clock() -> None:
    schwinn = Schwinn()
    assert schwinn.feed(Frame(0, bytes.fromhex(BEFORE))) == [Reading(0, resistance_raw=4)]
    (reading,) = schwinn.feed(Frame(11 * SECOND, bytes.fromhex(AFTER)))
    assert reading.cadence_rpm == pytest.approx(35.99, abs=0.01)


def test_events_without_times_are_measured_by_the_clock_of_the_bike() -> None:
    schwinn = Schwinn()
    readings = [schwinn.feed(Frame(0, bytes.fromhex(frame)))[0] for frame in (BEFORE, AFTER)]
    assert readings[1].cadence_rpm == pytest.approx(35.99, abs=0.01)


CADENCES = {
    "steady": ([(0, 0, 0), (1, 1, 1), (2, 2, 2.25)], [None, 60, 75]),
    "counter wraps": ([(0, 0, 65535), (1, 1, 65536)], [None, 60]),
    "counter does not move": ([(0, 0, 5), (1, 1, 5), (2, 2, 6)], [None, None, 60]),
    "counter goes back": ([(0, 0, 5), (1, 1, 2), (2, 2, 3)], [None, None, 60]),
    "counter jumps": ([(0, 0, 5), (1, 1, 300), (2, 2, 301)], [None, None, 60]),
    "four turns a second": ([(0, 0, 0), (1, 1, 4)], [None, None]),
    "clock of nonsense": ([(0, 0, 0), (1, 40, 1), (2, 2, 2)], [None, 60, 60]),
    "clock at half the speed": ([(0, 0, 0), (2, 1, 1), (4.2, 2, 3)], [None, 60, 54.55]),
    "clock does not move": ([(0, 3, 0), (1, 3, 1)], [None, 60]),
    "half a minute of silence": ([(0, 0, 0), (33, 33, 1), (34, 34, 2)], [None, None, 60]),
    "a whole turn of the clock": ([(0, 0, 0), (65, 1, 1)], [None, None]),
    "delayed and then together": ([(0, 0, 0), (1.4, 1, 1), (1.41, 2, 2)], [None, 60, 60]),
}


@pytest.mark.parametrize(("events", "expected"), CADENCES.values(), ids=CADENCES)
def test_schwinn_cadence_survives_wrong_counters(
    events: list[tuple[float, float, float]], expected: list[float | None]
) -> None:
    assert cadences(*events) == [
        one if one is None else pytest.approx(one, abs=0.01) for one in expected
    ]


def test_level_of_zero_is_none() -> None:
    assert Schwinn().feed(Frame(7, encode_event(SchwinnEvent(level=0)))) == []


@given(st.lists(st.binary(max_size=24), max_size=8))
def test_junk_never_stops_the_next_good_event(junk: list[bytes]) -> None:
    schwinn = Schwinn()
    for data in junk:
        assert len(schwinn.feed(Frame(0, data))) <= 1
    assert schwinn.unusable_bytes <= sum(map(len, junk))
    assert schwinn.feed(Frame(7, bytes.fromhex(AFTER)))[0].resistance_raw == 4


def test_sent_frame_gives_no_reading() -> None:
    assert Schwinn().feed(Frame(7, bytes.fromhex(AFTER), sent=True)) == []


def test_bike_is_not_lost_while_its_pedals_rest() -> None:
    talk = Conversation("schwinn", Schwinn(), Tuning(), 0, ignore_frame)
    talk.hear(0, bytes.fromhex(AFTER))
    assert not talk.is_silent(20 * SECOND)


async def test_schwinn_is_ridden_over_the_air(bluez: Bluez) -> None:
    device = bikes.schwinn_bike(bluez)
    events = [SchwinnEvent(number * 64, number * 256, level=7) for number in range(200)]
    frames = [(bikes.SCHWINN_EVENTS, encode_event(event)) for event in events]
    async with sending(device, frames, every_s=0.25):
        names = ("cadence_rpm", "resistance_raw", "resistance_percent", "power_w")
        values, source = await ride(device, *names)
    # ursoft/ANT_Libraries, level 7: -0.0013 c² + 2.4666 c - 49.052 W at 60 rpm.
    assert values.pop("power_w") == pytest.approx(94.264)
    assert values == {"cadence_rpm": 60, "resistance_raw": 7, "resistance_percent": 28}
    assert source == "schwinn (derived)"
