"""Domyos' messages, against those of real bikes and against every byte there is."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.bluetooth.domyos import (
    EVERY_NS,
    GREETING,
    PART_BYTES,
    REST_OF_START,
    UNMOVED_NS,
    Domyos,
    DomyosStatus,
    decode_domyos_status,
    encode_domyos_status,
)
from drivers.protocols.bluetooth.sum_frames import seal
from drivers.reading import Frame, Reading

BIKE_900 = "f0bc0000000000e7005f00000000030001006800000009000168"
STATUSES = {
    "qdomyos-zwift #203, Bike 900": (BIKE_900, DomyosStatus(95, 23.1, 3, 104)),
    "qdomyos-zwift #1725, EL540": (
        "f0bc0001001c0019001e0000000001000100530006000000015c",
        DomyosStatus(30, 2.5, 1, 83),
    ),
    "Palantir555/domyos-el500-hack, at rest": (
        "f0bcffff0000000000000000000001000100000000ff000000ab",
        DomyosStatus(0, 0, 1, 0),
    ),
    "Palantir555/domyos-el500-hack, riding": (
        "f0bcffff0000003b00450002000001000100000038ff00000166",
        DomyosStatus(69, 5.9, 1, 0),
    ),
}


@pytest.mark.parametrize(("frame", "value"), STATUSES.values(), ids=STATUSES)
def test_status_is_decoded(frame: str, value: DomyosStatus) -> None:
    assert decode_domyos_status(bytes.fromhex(frame)) == value


U16 = st.integers(0, 0xFFFE)


@given(
    st.builds(
        DomyosStatus,
        st.none() | U16,
        st.none() | U16.map(lambda number: number / 10),
        st.none() | st.integers(0, 0xFE),
        st.none() | U16,
    )
)
def test_domyos_status_reads_the_same_as_written(status: DomyosStatus) -> None:
    assert decode_domyos_status(encode_domyos_status(status)) == status


@pytest.mark.parametrize(
    "status", [DomyosStatus(-1), DomyosStatus(0x1_0000), DomyosStatus(1, level=256)]
)
def test_a_value_that_does_not_fit_is_refused(status: DomyosStatus) -> None:
    with pytest.raises(ValueError, match=r"fit|range"):
        encode_domyos_status(status)


def feed(domyos: Domyos, *frames: str, at_ns: int = 7) -> list[Reading]:
    return [
        reading for frame in frames for reading in domyos.feed(Frame(at_ns, bytes.fromhex(frame)))
    ]


@pytest.mark.parametrize("cut", [1, 2, 20, 26])
def test_status_may_be_cut_by_the_link(cut: int) -> None:
    domyos = Domyos()
    assert feed(domyos, BIKE_900[: 2 * cut], BIKE_900[2 * cut :]) == [
        Reading(7, cadence_rpm=95, resistance_raw=3, speed_kmh=23.1, heart_rate_bpm=104)
    ]
    assert domyos.unusable_bytes == 0


def test_values_that_are_not_set_are_unknown() -> None:
    status = DomyosStatus(None, None, None, None)
    assert feed(Domyos(), encode_domyos_status(status).hex()) == []
    (reading,) = feed(Domyos(), encode_domyos_status(DomyosStatus(60, level=0)).hex())
    assert reading == Reading(7, cadence_rpm=60)


#: What an EL500 sends when its app connects, in its parts: Palantir555/domyos-el500-hack.
CONNECTED = """
    f0d90008368167ef
    f0bdffffffffffffffff01ffffffffffffff01ff ffff9d
    f0d403c7
    f0db020008ff0100000101000000010000000100 000001000000da
    f0b30101ffffa3
    f0bcffff00000000000000000000010001000000 00ff000000ab
    f0b416110004deffffffffffa8
    f0b50000ffffa3
    f0bb0000ffffffa8
"""


def test_every_answer_of_an_el500_is_understood() -> None:
    domyos = Domyos()
    assert feed(domyos, *CONNECTED.split()) == [
        Reading(7, cadence_rpm=0, resistance_raw=1, speed_kmh=0)
    ]
    assert domyos.unusable_bytes == 0


@pytest.mark.parametrize(
    ("answer", "is_recognised"),
    [
        ("f0d90008368167ef", True),
        (BIKE_900[:40], True),
        (BIKE_900, True),
        ("f0c9b9", False),
        ("f0b00101a2", False),
        ("f0", False),
        ("f0d9", False),
        ("f0d9deadbeef", False),
        ("f0d90008368167ee", False),
        (BIKE_900[:-2] + "00", False),
        (BIKE_900[:38], False),
    ],
    ids=[
        "greeting",
        "the first part of a status",
        "a status",
        "an echo",
        "iConsole",
        "cut",
        "only the beginning of a greeting",
        "junk after the beginning of a greeting",
        "a greeting with a wrong sum",
        "a status with a wrong sum",
        "less than a part of a status",
    ],
)
def test_domyos_is_recognised_by_its_answers(answer: str, is_recognised: bool) -> None:
    assert Domyos.recognises(bytes.fromhex(answer)) is is_recognised


def test_sent_frame_gives_no_reading() -> None:
    domyos = Domyos()
    assert domyos.feed(Frame(7, bytes.fromhex(BIKE_900), sent=True)) == []
    assert domyos.unusable_bytes == 0


@given(st.lists(st.binary(max_size=32), max_size=8))
def test_junk_never_stops_the_next_good_message(junk: list[bytes]) -> None:
    domyos = Domyos()
    for data in junk:
        domyos.feed(Frame(0, data))
    assert domyos.unusable_bytes <= sum(map(len, junk))
    assert [one.cadence_rpm for one in feed(domyos, BIKE_900)][-1:] == [95]


def sent(domyos: Domyos, seconds: float, answers: dict[str, str]) -> list[str]:
    """Return the requests to a bike that answers with `answers`; parts are joined."""
    heard = []
    for at_ns in range(0, round(seconds * 1e9), 50_000_000):
        parts = list(iter(partial(domyos.request, at_ns), b""))
        assert all(len(part) <= PART_BYTES for part in parts)
        if parts:
            heard.append(b"".join(parts).hex())
            feed(domyos, answers.get(heard[-1], ""), at_ns=at_ns)
    return heard


GREETED = {"f0c801b9": "f0d801c9", "f0c9b9": "f0d90008368167ef"}


def test_bike_that_reports_turning_pedals_gets_the_greeting_and_polls_alone() -> None:
    heard = sent(Domyos(), 10, GREETED | {"f0ac9c": BIKE_900})
    assert heard[:2] == ["f0c801b9", "f0c9b9"]
    assert set(heard[2:]) == {"f0ac9c"}


#: The start of cagnulein/qdomyos-zwift src/devices/domyosbike, after the greeting.
REST = [
    "f0a393",
    "f0a494",
    "f0a595",
    "f0ab9b",
    "f0c403b7",
    "f0adffffffffffffffffffffffffffffffff01ffffff8b",
    "f0cb020008ffffffffffffffffffffffffff01000001ffffffffb6",
    "f0adffff0005ffffffffffffff0000ffffff01ffffff94",
]


@pytest.mark.parametrize(
    "status", ["", encode_domyos_status(DomyosStatus(0, 0, 1)).hex()], ids=["silent", "unmoved"]
)
def test_bike_without_a_turn_of_the_pedals_gets_the_rest_of_the_start_once(status: str) -> None:
    answered = {one: seal(bytes.fromhex(one)[1] + 0x10, b"").hex() for one in REST}
    heard = sent(Domyos(), 60, GREETED | answered | {"f0ac9c": status})
    polls = UNMOVED_NS // EVERY_NS
    assert set(heard[2 : 2 + polls]) == {"f0ac9c"}
    assert [request for request in heard[2:] if request != "f0ac9c"] == REST


def test_start_is_that_of_the_bikes_app() -> None:
    assert [one.hex() for one in (*GREETING, *REST_OF_START)] == ["f0c801b9", "f0c9b9", *REST]


def test_level_is_never_set() -> None:
    """The tenth byte of AD is the level; FF leaves it as it is."""
    assert {bytes.fromhex(one)[10] for one in REST if one.startswith("f0ad")} == {0xFF}


def test_console_that_must_not_be_started_gets_no_rest_of_the_start() -> None:
    console = Domyos()
    console.never_start()
    sent = set()
    for second in range(60):
        while data := console.request(second * 1_000_000_000):
            sent.add(data)
    assert sent
    assert not any(map(console.starts, sent))
    assert all(console.starts(one[:20]) for one in REST_OF_START)
    assert not any(map(console.starts, (*GREETING, seal(0xAC, b""), b"")))
