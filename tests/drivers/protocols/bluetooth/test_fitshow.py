"""FitShow's messages, against published ones and against every byte there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.bluetooth.fitshow import (
    EVERY_NS,
    IDLE,
    IDLE_NS,
    PAUSED,
    REST_NS,
    RUNNING,
    STARTING,
    Fitshow,
    FitshowMessage,
    FitshowStatus,
    decode_fitshow_message,
    decode_fitshow_status,
    encode_fitshow_message,
    encode_fitshow_status,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

MESSAGES = {
    "qdomyos-zwift, status": ("0242 42 03", FitshowMessage(0x42)),
    "qdomyos-zwift, totals": ("0243 01 42 03", FitshowMessage(0x43, b"\x01")),
    "qdomyos-zwift, limits": ("0241 02 43 03", FitshowMessage(0x41, b"\x02")),
    "qdomyos-zwift, model": ("0250 00 50 03", FitshowMessage(0x50, b"\0")),
    "qdomyos-zwift, ready": ("0244 01 45 03", FitshowMessage(0x44, b"\x01")),
    "qdomyos-zwift, start": ("0244 02 46 03", FitshowMessage(0x44, b"\x02")),
    "qdomyos-zwift, user": (
        "0244 0b00000000000000 4f 03",
        FitshowMessage(0x44, bytes.fromhex("0b00000000000000")),
    ),
    "qdomyos-zwift, user of a VirtuFit": (
        "0244 0a0000000046aa1900 bb 03",
        FitshowMessage(0x44, bytes.fromhex("0a0000000046aa1900")),
    ),
}


@pytest.mark.parametrize(("frame", "value"), MESSAGES.values(), ids=MESSAGES)
def test_message_reads_and_writes(frame: str, value: FitshowMessage) -> None:
    assert_wire(value, frame, decode_fitshow_message, encode_fitshow_message)


STATUSES = {
    "FitShow SDK, heart rate 121 at rest": (
        "02 0000 00 0000 79 0000 00 02",
        FitshowStatus(heart_rate_bpm=121, segment=2),
    ),
    "qdomyos-zwift's test of an FS-IB50, level 30": (
        "02 4707 1e 3400 00 0000 00 00",
        FitshowStatus(speed_kmh=18.63, level=30, cadence_rpm=52, segment=0),
    ),
    "synthetic, paused, without a segment": (
        "03 0000 08 0000 00 fc05 02",
        FitshowStatus(PAUSED, level=8, power_w=153.2, incline=2),
    ),
    "synthetic, idle": ("00", FitshowStatus(IDLE)),
    "synthetic, starting": ("01", FitshowStatus(STARTING)),
}


@pytest.mark.parametrize(("body", "value"), STATUSES.values(), ids=STATUSES)
def test_status_reads_and_writes(body: str, value: FitshowStatus) -> None:
    assert_wire(value, body, decode_fitshow_status, encode_fitshow_status)


AT_REST = "024202000000000079000000023b03"
RIDE = "02420247071e340000000000002a03"


def feed(fitshow: Fitshow, *frames: str, at_ns: int = 7) -> list[Reading]:
    return [
        reading for frame in frames for reading in fitshow.feed(Frame(at_ns, bytes.fromhex(frame)))
    ]


def status_frame(status: FitshowStatus) -> str:
    return encode_fitshow_message(FitshowMessage(0x42, encode_fitshow_status(status))).hex()


def test_ride_gives_its_values() -> None:
    fitshow = Fitshow()
    assert feed(fitshow, AT_REST, RIDE) == [
        Reading(7, cadence_rpm=0, power_w=0, speed_kmh=0, heart_rate_bpm=121),
        Reading(7, cadence_rpm=52, resistance_raw=30, speed_kmh=18.63),
    ]
    assert fitshow.unusable_bytes == 0


def test_notification_may_have_two_messages() -> None:
    fitshow = Fitshow()
    assert [one.cadence_rpm for one in feed(fitshow, AT_REST + RIDE)] == [0, 52]
    assert [one.speed_kmh for one in feed(fitshow, limits_frame(1) + RIDE)] == [None]
    assert [one.cadence_rpm for one in feed(fitshow, RIDE + limits_frame(0))] == [52]
    assert fitshow.unusable_bytes == 0


def test_what_is_around_a_message_costs_nothing_else() -> None:
    fitshow = Fitshow()
    assert [one.cadence_rpm for one in feed(fitshow, "02" + RIDE)] == [52]
    assert [one.cadence_rpm for one in feed(fitshow, RIDE + AT_REST[:-2], AT_REST)] == [0]
    assert fitshow.unusable_bytes == 1 + len(RIDE + AT_REST[:-2]) // 2


@pytest.mark.parametrize("state", [RUNNING, PAUSED])
def test_running_and_paused_workouts_have_values(state: int) -> None:
    (reading,) = feed(Fitshow(), status_frame(FitshowStatus(state, cadence_rpm=60, power_w=90.5)))
    assert (reading.cadence_rpm, reading.power_w) == (60, 90.5)


@pytest.mark.parametrize("state", [IDLE, STARTING, 0x14, 0x15, 0x20])
def test_no_other_state_has_values(state: int) -> None:
    fitshow = Fitshow()
    values = bytes((state,)) + encode_fitshow_status(FitshowStatus(cadence_rpm=60))[1:]
    for body in (bytes((state,)), values):
        assert feed(fitshow, encode_fitshow_message(FitshowMessage(0x42, body)).hex()) == []
    assert fitshow.unusable_bytes == 0


@pytest.mark.parametrize(("level", "reported"), [(0, None), (1, 1), (32, 32), (33, None)])
def test_level_that_no_console_has_is_unknown(level: int, reported: int | None) -> None:
    (reading,) = feed(Fitshow(), status_frame(FitshowStatus(level=level)))
    assert reading.resistance_raw == reported


@pytest.mark.parametrize(
    ("cadence_rpm", "reported"), [(199, 199), (200, 200), (201, None), (0xFFFF, None)]
)
def test_cadence_that_no_rider_reaches_is_another_layout(
    cadence_rpm: int, reported: int | None
) -> None:
    status = FitshowStatus(cadence_rpm=cadence_rpm, heart_rate_bpm=85)
    (reading,) = feed(Fitshow(), status_frame(status))
    assert reading.cadence_rpm == reported
    assert reading.heart_rate_bpm == (reported and 85), "the cadence, in qdomyos-zwift"


def limits_frame(settings: int) -> str:
    return encode_fitshow_message(FitshowMessage(0x41, bytes((2, 24, 0, settings, 0)))).hex()


@pytest.mark.parametrize(
    ("settings", "speed_kmh"), [(0x00, 18.63), (0x06, 18.63), (0x01, None), (0x07, None)]
)
def test_speed_of_a_console_in_miles_is_unknown(settings: int, speed_kmh: float | None) -> None:
    fitshow = Fitshow()
    feed(fitshow, limits_frame(settings))
    assert [one.speed_kmh for one in feed(fitshow, RIDE)] == [speed_kmh]


NO_MESSAGE = {
    "empty": "",
    "cut": AT_REST[:-2],
    "another beginning": "0342 4203",
    "another end": "0242 4204",
    "another exclusive or": "0242 4303",
    "qdomyos-zwift's test of an FS-IB50, not sealed": "02420247071e340000000000000000",
    "a status that is too short": "0242 02000000 40 03",
    "a status without a state": "0242 42 03",
}


@pytest.mark.parametrize("frame", NO_MESSAGE.values(), ids=NO_MESSAGE)
def test_malformed_fitshow_message_is_unusable(frame: str) -> None:
    fitshow = Fitshow()
    assert feed(fitshow, frame) == []
    assert [one.cadence_rpm for one in feed(fitshow, RIDE)] == [52]
    assert fitshow.unusable_bytes == len(bytes.fromhex(frame))


@pytest.mark.parametrize(
    ("answer", "is_recognised"),
    [
        (AT_REST, True),
        ("0241024303" + AT_REST, True),
        (AT_REST + "0241024303", True),
        ("0242004203", True),
        ("0242144203", False),
        ("02424203", False),
        ("0241024303", False),
        ("f0b00101a2", False),
    ],
    ids=[
        "running",
        "second",
        "first",
        "idle",
        "a wrong exclusive or",
        "an echo",
        "another op",
        "iConsole",
    ],
)
def test_fitshow_is_recognised_by_its_status(answer: str, is_recognised: bool) -> None:
    assert Fitshow.recognises(bytes.fromhex(answer)) is is_recognised


@pytest.mark.parametrize(
    "status",
    [
        FitshowStatus(speed_kmh=656),
        FitshowStatus(level=256),
        FitshowStatus(cadence_rpm=-1),
        FitshowStatus(state=256),
        FitshowStatus(segment=256),
    ],
)
def test_a_value_that_does_not_fit_is_refused(status: FitshowStatus) -> None:
    with pytest.raises(ValueError, match=r"fit|range"):
        encode_fitshow_status(status)


U8, U16 = st.integers(0, 0xFF), st.integers(0, 0xFFFF)


@given(
    st.builds(
        FitshowStatus,
        st.sampled_from((RUNNING, PAUSED)),
        U16.map(lambda number: number / 100),
        U8,
        U16,
        U8,
        U16.map(lambda number: number / 10),
        U8,
        st.none() | U8,
    )
    | U8.filter(lambda state: state not in (RUNNING, PAUSED)).map(FitshowStatus)
)
def test_fitshow_status_reads_the_same_as_written(status: FitshowStatus) -> None:
    assert decode_fitshow_status(encode_fitshow_status(status)) == status


def test_sent_frame_gives_no_reading() -> None:
    fitshow = Fitshow()
    assert fitshow.feed(Frame(7, bytes.fromhex(RIDE), sent=True)) == []
    assert fitshow.unusable_bytes == 0


@given(st.lists(st.binary(max_size=32), max_size=8))
def test_junk_never_stops_the_next_good_message(junk: list[bytes]) -> None:
    fitshow = Fitshow()
    for data in junk:
        fitshow.feed(Frame(0, data))
    assert fitshow.unusable_bytes <= sum(map(len, junk))
    assert [one.cadence_rpm for one in feed(fitshow, RIDE)] == [52]


def sent(fitshow: Fitshow, seconds: float, answers: dict[str, str]) -> list[str]:
    """Return what is sent to a console that answers with `answers`, by request."""
    heard = []
    for at_ns in range(0, round(seconds * 1e9), 50_000_000):
        if request := fitshow.request(at_ns).hex():
            heard.append(request)
            feed(fitshow, answers.get(request, ""), at_ns=at_ns)
    return heard


LIMITS = {"0241024303": limits_frame(0)}
IDLE_ANSWER = {"02424203": status_frame(FitshowStatus(IDLE))}
STARTED = {"0244014503": "0244014503", "0244024603": "0244024603"}


def test_console_that_runs_is_asked_for_its_limits_once_and_then_for_its_status() -> None:
    heard = sent(Fitshow(), 10, LIMITS | {"02424203": RIDE})
    assert heard[0] == "0241024303"
    assert set(heard[1:]) == {"02424203"}


def test_console_that_stays_idle_is_started() -> None:
    heard = sent(Fitshow(), IDLE_NS / 1e9 + 1.5, LIMITS | IDLE_ANSWER | STARTED)
    control = [one for one in heard if one.startswith("0244")]
    assert control == ["0244014503", "0244024603"]
    assert heard.index("0244014503") >= IDLE_NS // EVERY_NS


def test_console_that_stays_idle_for_ten_minutes_is_started_rarely() -> None:
    heard = sent(Fitshow(), 600, LIMITS | IDLE_ANSWER | STARTED)
    assert heard.count("0244014503") < 16


@pytest.mark.parametrize("state", [STARTING, PAUSED, 0x14, 0x15, 0x20])
def test_console_in_another_state_is_not_started(state: int) -> None:
    heard = sent(Fitshow(), 30, LIMITS | {"02424203": status_frame(FitshowStatus(state))})
    assert set(heard) == {"0241024303", "02424203"}


@pytest.mark.parametrize(("later_ns", "readings"), [(0, 1), (REST_NS, 1), (REST_NS + 1, 0)])
def test_beginning_of_a_message_waits_a_short_time_for_its_rest(
    later_ns: int, readings: int
) -> None:
    """What comes later belongs to the next answer, whose beginning was lost."""
    fitshow = Fitshow()
    data = bytes.fromhex(RIDE)
    assert fitshow.feed(Frame(7, data[:9])) == []
    assert len(fitshow.feed(Frame(7 + later_ns, data[9:]))) == readings
    assert fitshow.unusable_bytes == (0 if readings else len(data))
    assert len(fitshow.feed(Frame(7 + EVERY_NS, data))) == 1
