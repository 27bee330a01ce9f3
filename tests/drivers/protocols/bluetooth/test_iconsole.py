"""iConsole's messages, against those of real consoles and against every byte there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.bluetooth.iconsole import (
    EVERY_NS,
    MAX_OTHER_IDS,
    STOPPED_NS,
    Iconsole,
    IconsoleData,
    IconsoleMessage,
    decode_iconsole_data,
    decode_iconsole_message,
    encode_iconsole_data,
    encode_iconsole_message,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

MESSAGES = {
    "gissleh/iconsole-bike-client, hello": ("f0a0 0101 92", IconsoleMessage(0xA0)),
    "gissleh/iconsole-bike-client, answer to hello": ("f0b0 0101 a2", IconsoleMessage(0xB0)),
    "gissleh/iconsole-bike-client, status": ("f0a1 0101 93", IconsoleMessage(0xA1)),
    "gissleh/iconsole-bike-client, highest level": (
        "f0b1 0101 21 c4",
        IconsoleMessage(0xB1, body=b"\x21"),
    ),
    "gissleh/iconsole-bike-client, mode": (
        "f0a3 0101 01 96",
        IconsoleMessage(0xA3, body=b"\x01"),
    ),
    "gissleh/iconsole-bike-client, targets": (
        "f0a4 0101 01010101010101010101 a0",
        IconsoleMessage(0xA4, body=b"\x01" * 10),
    ),
    "gissleh/iconsole-bike-client, start": (
        "f0a5 0101 02 99",
        IconsoleMessage(0xA5, body=b"\x02"),
    ),
    "gissleh/iconsole-bike-client, read": ("f0a2 0101 94", IconsoleMessage(0xA2)),
    "qdomyos-zwift, read of DKN Motion": ("f0a2 0201 95", IconsoleMessage(0xA2, (2, 1))),
    "qdomyos-zwift, read of Casall": ("f0a2 3b01 ce", IconsoleMessage(0xA2, (0x3B, 1))),
    "qdomyos-zwift, read of Toorx": ("f0a2 23d3 88", IconsoleMessage(0xA2, (0x23, 0xD3))),
}


@pytest.mark.parametrize(("frame", "value"), MESSAGES.values(), ids=MESSAGES)
def test_message_reads_and_writes(frame: str, value: IconsoleMessage) -> None:
    assert_wire(value, frame, decode_iconsole_message, encode_iconsole_message)


DATA = {
    # Its checksum, which the source does not print, follows from the rule.
    "haraldh/iconsole, 3:05 at 58 rpm, 145 W and level 8": (
        "0406 0311 013b 0107 010d 0101 0f33 09 02",
        IconsoleData(58, 145.0, 8, 21.6, 0.6, 12, 0, 3, 5),
    ),
    "gissleh/iconsole-bike-client, at rest": (
        "0101 0101 0101 0101 0101 0101 0101 02 02",
        IconsoleData(0, 0, 1, 0, 0, 0, 0, 0, 0),
    ),
    "vmedea/iconsole, heart rate 68 and level 32": (
        "0101 0101 0101 0101 0101 0145 0101 21 02",
        IconsoleData(0, 0, 32, 0, 0, 0, 68, 0, 0),
    ),
    "synthetic, stopped, and three digits": (
        "0101 0101 0206 0101 0101 0257 1562 01 01",
        IconsoleData(105, 209.7, 0, 0, 0, 0, 186, 0, 0, is_running=False),
    ),
    "synthetic, no valid number": ("0000 0000 0000 0000 0000 0000 0000 00 02", IconsoleData()),
}


@pytest.mark.parametrize(("body", "value"), DATA.values(), ids=DATA)
def test_data_reads_and_writes(body: str, value: IconsoleData) -> None:
    assert_wire(value, body, decode_iconsole_data, encode_iconsole_data)


RIDE = "f0b2010104060311013b0107010d01010f33090263"


def feed(iconsole: Iconsole, *frames: str, at_ns: int = 7) -> list[Reading]:
    return [
        reading for frame in frames for reading in iconsole.feed(Frame(at_ns, bytes.fromhex(frame)))
    ]


def test_ride_gives_all_values_but_a_missing_heart_rate() -> None:
    iconsole = Iconsole()
    assert feed(iconsole, RIDE) == [
        Reading(7, cadence_rpm=58, resistance_raw=8, power_w=145, speed_kmh=21.6, distance_m=600)
    ]
    assert iconsole.unusable_bytes == 0


@pytest.mark.parametrize("cut", [1, 2, 20])
def test_data_may_be_cut_by_the_link(cut: int) -> None:
    whole = bytes.fromhex(RIDE)
    iconsole = Iconsole()
    assert feed(iconsole, whole[:cut].hex()) == []
    assert [one.cadence_rpm for one in feed(iconsole, whole[cut:].hex())] == [58]
    assert iconsole.unusable_bytes == 0


@pytest.mark.parametrize("size", [1, 2, 19, 20])
def test_data_may_lack_its_last_byte(size: int) -> None:
    short = encode_iconsole_message(IconsoleMessage(0xB2, (3, 1), bytes.fromhex(RIDE)[4:19]))
    assert len(short) == 20, "cagnulein/qdomyos-zwift, Tunturi"
    assert Iconsole.recognises(short)
    iconsole = Iconsole()
    parts = (short[:size].hex(), short[size:].hex())
    readings = feed(iconsole, *parts, short.hex(), short.hex())
    assert [(one.cadence_rpm, one.resistance_raw) for one in readings] == [(58, 8)] * 3
    assert iconsole.unusable_bytes == 0


def data_frame(data: IconsoleData, ids: tuple[int, int] = (1, 1)) -> str:
    message = IconsoleMessage(0xB2, ids, encode_iconsole_data(data))
    return encode_iconsole_message(message).hex()


def test_speed_and_power_of_0_are_unknown_while_the_pedals_turn() -> None:
    (turning,) = feed(Iconsole(), data_frame(IconsoleData(70, 0, 4, 0)))
    assert (turning.power_w, turning.speed_kmh) == (None, None)
    (at_rest,) = feed(Iconsole(), data_frame(IconsoleData(0, 0, 4, 0)))
    assert (at_rest.power_w, at_rest.speed_kmh) == (0, 0)


@pytest.mark.parametrize("at", [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
def test_a_byte_that_is_no_digit_of_base_100_is_no_number(at: int) -> None:
    body = bytearray(encode_iconsole_data(IconsoleData(58, 145, 8, 21.6, 0.6, 12, 68, 3, 5)))
    fields = ("speed_kmh", "cadence_rpm", "distance_km", "energy_kcal", "heart_rate_bpm", "power_w")

    def unknown() -> list[str]:
        data = decode_iconsole_data(bytes(body))
        return [name for name in fields if getattr(data, name) is None]

    body[at] = 101
    assert unknown() == [fields[at // 2 - 1]]
    body[at] = 100
    assert unknown() == []


def cadences(*polls: tuple[float, int]) -> list[float | None]:
    """Return the cadences that are read from those that a console sends, each with its second."""
    iconsole = Iconsole()
    return [
        one.cadence_rpm
        for at_s, rpm in polls
        for one in feed(iconsole, data_frame(IconsoleData(rpm, 145)), at_ns=round(at_s * 1e9))
    ]


def test_cadence_that_no_rider_reaches_between_two_polls_is_unknown() -> None:
    assert cadences((0, 58), (0.5, 158), (1, 58)) == [58, None, 58]
    assert cadences((0, 0), (0.5, 100), (1, 158), (1.5, 0)) == [0, None, None, 0]
    assert cadences((0, 58), (0.5, 118), (1, 178)) == [58, 118, 178], "60 more each time"
    assert cadences((0, 30), (0.5, 99), (1, 20)) == [30, 99, 20], "below 100"
    assert cadences((0, 158), (0.5, 58)) == [158, 58], "nothing before it, and falling"


def test_cadence_that_has_jumped_is_believed_once_it_lasts() -> None:
    polls = [(0.0, 30), *((half / 2, 110) for half in range(1, 9))]
    assert cadences(*polls) == [30, *[None] * 5, *[110] * 3]


def test_power_of_0_is_unknown_while_the_cadence_is() -> None:
    iconsole = Iconsole()
    first, second = (data_frame(IconsoleData(rpm, 0)) for rpm in (58, 158))
    assert [one.power_w for one in feed(iconsole, first, second)] == [None]


def test_data_without_a_valid_number_is_no_reading() -> None:
    assert feed(Iconsole(), data_frame(IconsoleData())) == []


def test_data_of_another_length_is_unusable() -> None:
    iconsole = Iconsole()
    frame = encode_iconsole_message(IconsoleMessage(0xB2, body=b"\x01" * 14))
    assert feed(iconsole, frame.hex()) == []
    assert iconsole.unusable_bytes == len(frame) == 19


@pytest.mark.parametrize("meter", [0xE7, 0xE8])
def test_rower_is_not_decoded(meter: int) -> None:
    iconsole = Iconsole()
    assert feed(iconsole, data_frame(IconsoleData(30), (1, meter))) == []
    assert iconsole.unusable_bytes == 21
    hello = encode_iconsole_message(IconsoleMessage(0xB0, (1, meter)))
    assert not Iconsole.recognises(hello)


@pytest.mark.parametrize(
    ("answer", "is_recognised"),
    [
        ("f0b00101a2", True),
        ("f0b70101a9", True),
        ("f0b7010101aa", True),
        ("f0a0010192", False),
        ("f0b00101a3", False),
        ("f0d90008368167ef", False),
        ("f0b30101ffffa3", False),
        ("f0d109000000000001005f002a", False),
    ],
    ids=[
        "hello",
        "other ids",
        "other ids, longer",
        "an echo",
        "a wrong sum",
        "Domyos",
        "Domyos, palantir555/domyos-el500-hack",
        "Echelon",
    ],
)
def test_iconsole_is_recognised_by_its_answers(answer: str, is_recognised: bool) -> None:
    assert Iconsole.recognises(bytes.fromhex(answer)) is is_recognised


def test_iconsole_is_recognised_by_each_answer_of_a_console() -> None:
    for answer in ANSWERS.values():
        assert Iconsole.recognises(bytes.fromhex(answer)), answer


def test_sent_frame_gives_no_reading() -> None:
    iconsole = Iconsole()
    assert iconsole.feed(Frame(7, bytes.fromhex(RIDE), sent=True)) == []
    assert iconsole.unusable_bytes == 0


@pytest.mark.parametrize(
    "data",
    [
        IconsoleData(cadence_rpm=-1),
        IconsoleData(cadence_rpm=25_500),
        IconsoleData(cadence_rpm=10_000),
        IconsoleData(power_w=1000),
        IconsoleData(level=255),
        IconsoleData(level=-1),
        IconsoleData(power_w=-0.1),
    ],
)
def test_a_value_that_does_not_fit_is_refused(data: IconsoleData) -> None:
    with pytest.raises(ValueError, match=r"fit|range"):
        encode_iconsole_data(data)


NUMBER, PAIR = st.none() | st.integers(0, 254), st.none() | st.integers(0, 9999)
TENTHS = st.none() | st.integers(0, 9999).map(lambda number: number / 10)


@given(
    st.builds(
        IconsoleData,
        PAIR,
        TENTHS,
        NUMBER,
        TENTHS,
        TENTHS,
        PAIR,
        PAIR,
        NUMBER,
        NUMBER,
        st.booleans(),
    )
)
def test_iconsole_data_reads_the_same_as_written(data: IconsoleData) -> None:
    assert decode_iconsole_data(encode_iconsole_data(data)) == data


@given(st.lists(st.binary(max_size=32), max_size=8))
def test_junk_never_stops_the_next_good_message(junk: list[bytes]) -> None:
    iconsole = Iconsole()
    for data in junk:
        iconsole.feed(Frame(0, data))
    assert iconsole.unusable_bytes <= sum(map(len, junk))
    assert [one.cadence_rpm for one in feed(iconsole, RIDE)][-1:] == [58]


def sent(iconsole: Iconsole, from_ns: int, seconds: float, answers: dict[str, str]) -> list[str]:
    """Return what is sent to a console that answers with `answers`, by request."""
    heard = []
    for at_ns in range(from_ns, from_ns + round(seconds * 1e9), 50_000_000):
        if request := iconsole.request(at_ns).hex():
            heard.append(request)
            feed(iconsole, answers.get(request, ""), at_ns=at_ns)
    return heard


ANSWERS = {
    "f0a0010192": "f0b00101a2",
    "f0a1010193": "f0b1010121c4",
    "f0a301010196": "f0b3010101a6",
    "f0a4010101010101010101010101a0": "f0b4010101010101010101010101b0",
    "f0a501010299": "f0b5010102a9",
    "f0a2010194": RIDE,
}


def test_iconsole_is_started_step_by_step_and_then_read() -> None:
    assert sent(Iconsole(), 0, 3.4, ANSWERS) == [*ANSWERS, "f0a2010194"]


def test_iconsole_is_asked_again_with_the_ids_that_it_expects() -> None:
    heard = sent(Iconsole(), 0, 1, {"f0a0010192": "f0b72301cb", "f0a02301b4": "f0b02301c4"})
    assert heard == ["f0a0010192", "f0a02301b4", "f0a12301b5"]


def test_console_that_expects_other_ids_again_and_again_is_no_longer_followed() -> None:
    iconsole = Iconsole()
    asked = set()
    for second in range(60):
        asked.add(iconsole.request(second * 10**9)[2:4])
        other = IconsoleMessage(0xB7, (second % 200 + 2, 1))
        feed(iconsole, encode_iconsole_message(other).hex(), at_ns=second * 10**9)
    assert len(asked) == 1 + MAX_OTHER_IDS


def test_resistance_is_never_set() -> None:
    heard = [*sent(Iconsole(), 0, 60, ANSWERS), *sent(Iconsole(), 0, 60, {})]
    assert not [one for one in heard if one.startswith("f0a6")]


def test_console_that_stopped_is_started_again() -> None:
    iconsole = Iconsole()
    sent(iconsole, 0, 5, ANSWERS)
    stopped = data_frame(IconsoleData(0, 0, 8, is_running=False))
    later = sent(iconsole, 10**10, STOPPED_NS / 1e9 + 1, ANSWERS | {"f0a2010194": stopped})
    assert later.count("f0a501010299") == 1
    assert later.index("f0a501010299") >= STOPPED_NS // EVERY_NS


def test_console_that_stays_stopped_for_ten_minutes_is_started_rarely() -> None:
    stopped = data_frame(IconsoleData(0, 0, 8, is_running=False))
    heard = sent(Iconsole(), 0, 600, ANSWERS | {"f0a2010194": stopped})
    assert heard.count("f0a501010299") < 16


def test_console_that_reports_turning_pedals_is_not_started_again() -> None:
    iconsole = Iconsole()
    sent(iconsole, 0, 5, ANSWERS)
    turning = data_frame(IconsoleData(60, 90, 8, is_running=False))
    later = sent(iconsole, 10**10, 10, ANSWERS | {"f0a2010194": turning})
    assert set(later) == {"f0a2010194"}
