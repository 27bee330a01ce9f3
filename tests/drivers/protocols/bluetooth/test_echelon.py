"""Echelon's messages, against those of real bikes and against every byte there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.bluetooth.echelon import (
    RESISTANCE,
    STATUS,
    Echelon,
    EchelonOther,
    EchelonResistance,
    EchelonStatus,
    EchelonStream,
    Message,
    decode_message,
    encode_message,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

CANONICAL = {
    "SmartSpin2k #237, 1": ("f0d109 0000 0000 0000 0000 00 ca", EchelonStatus(cadence_rpm=0)),
    "SmartSpin2k #237, 2": ("f0d109 0001 0000 0000 0000 00 cb", EchelonStatus(0, elapsed_s=1)),
    "qdomyos-zwift virtualbike.cpp": (
        "f0d109 0000 0000 0001 005f 00 2a",
        EchelonStatus(cadence_rpm=95, distance=1),
    ),
    "synthetic, a fast hour": (
        "f0d109 0e10 0000 0bb8 0101 00 ad",
        EchelonStatus(cadence_rpm=257, elapsed_s=3600, distance=3000),
    ),
    "synthetic, the lowest resistance": ("f0d201 01 c4", EchelonResistance(1)),
    "synthetic, the highest resistance": ("f0d201 20 e3", EchelonResistance(32)),
    "qdomyos-zwift, start 1": ("f0a100 91", EchelonOther(0xA1)),
    "qdomyos-zwift, start 2": ("f0a300 93", EchelonOther(0xA3)),
    "qdomyos-zwift, start 3": ("f0b001 01 a2", EchelonOther(0xB0, b"\x01")),
    "synthetic, poll 255": ("f0a001 ff 90", EchelonOther(0xA0, b"\xff")),
}


@pytest.mark.parametrize(("frame", "value"), CANONICAL.values(), ids=CANONICAL)
def test_message_reads_and_writes(frame: str, value: Message) -> None:
    assert_wire(value, frame, decode_message, encode_message)


def test_unknown_bytes_of_a_status_are_ignored() -> None:
    status = bytes.fromhex("f0d109 0000 1234 0001 005f 07 77")
    assert decode_message(status) == EchelonStatus(cadence_rpm=95, distance=1)


NO_MESSAGE = {
    "empty": "",
    "another beginning": "f1d201 01 c5",
    "another length": "f0d200 01 c5",
    "another checksum": "f0d201 01 c5",
}


@pytest.mark.parametrize("frame", NO_MESSAGE.values(), ids=NO_MESSAGE)
def test_malformed_echelon_message_is_unusable(frame: str) -> None:
    echelon = Echelon()
    assert decode_message(bytes.fromhex(frame)) is None
    assert feed(echelon, frame) == []
    assert echelon.unusable_bytes == len(bytes.fromhex(frame))


@pytest.mark.parametrize(
    "frame", ["f0d109 0000 0000 0000 0000 00", "f0d201 01 c4 00"], ids=["cut", "something after it"]
)
def test_decode_message_takes_exactly_one(frame: str) -> None:
    assert decode_message(bytes.fromhex(frame)) is None


def test_something_after_a_message_does_not_hide_it() -> None:
    echelon = Echelon()
    assert feed(echelon, "f0d201 14 d7 00") == [Reading(at_ns=7, resistance_raw=20)]
    assert echelon.unusable_bytes == 1


def test_stream_holds_at_most_one_message() -> None:
    stream = EchelonStream()
    for _ in range(1000):
        assert stream.feed(bytes.fromhex("f0d1ff f0")) == []
    assert 4000 - stream.unusable_bytes <= 4 + 0xFF


@pytest.mark.parametrize(
    "message",
    [
        EchelonStatus(-1),
        EchelonStatus(0x1_0000),
        EchelonResistance(256),
        EchelonResistance(-1),
        EchelonOther(1, bytes(256)),
    ],
)
def test_a_value_that_does_not_fit_is_refused(message: Message) -> None:
    with pytest.raises(ValueError, match=r"fit|range"):
        encode_message(message)


U8, U16 = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
messages = (
    st.builds(EchelonStatus, U16, U16, U16)
    | st.builds(EchelonResistance, U8)
    | st.builds(EchelonOther, U8.filter(lambda op: op not in (STATUS, RESISTANCE)), st.binary())
)


@given(messages)
def test_echelon_message_reads_the_same_as_written(message: Message) -> None:
    assert decode_message(encode_message(message)) == message


def feed(echelon: Echelon, frame: str) -> list[Reading]:
    return echelon.feed(Frame(7, bytes.fromhex(frame)))


def test_a_resistance_is_sent_when_it_changes_and_holds_until_then() -> None:
    echelon = Echelon()
    assert feed(echelon, "f0d201 14 d7") == [Reading(at_ns=7, resistance_raw=20)]
    assert feed(echelon, "f0d109 0000 0000 0001 005f 00 2a") == [
        Reading(at_ns=7, cadence_rpm=95, resistance_raw=20)
    ]
    assert feed(Echelon(), "f0d109 0000 0000 0001 005f 00 2a") == [Reading(at_ns=7, cadence_rpm=95)]
    assert feed(echelon, "f0d109 0001 0000 0000 0000 00 cb") == [
        Reading(at_ns=7, cadence_rpm=0, resistance_raw=20)
    ]


def test_an_answer_is_no_reading_and_no_junk() -> None:
    echelon = Echelon()
    assert feed(echelon, "f0a100 91") == []
    assert echelon.unusable_bytes == 0


def test_sent_frame_gives_no_reading() -> None:
    echelon = Echelon()
    assert echelon.feed(Frame(7, bytes.fromhex("f0d201 14 d7"), sent=True)) == []
    assert echelon.feed(Frame(7, b"junk", sent=True)) == []
    assert echelon.unusable_bytes == 0


@given(st.lists(st.binary(max_size=32), max_size=8))
def test_junk_never_stops_the_next_good_message(junk: list[bytes]) -> None:
    echelon = Echelon()
    for data in junk:
        assert len(echelon.feed(Frame(0, data))) <= 1
    assert echelon.unusable_bytes <= sum(map(len, junk))
    assert feed(echelon, "f0d201 14 d7") == [Reading(at_ns=7, resistance_raw=20)]


def test_echelon_is_made_to_stream_and_then_polled() -> None:
    echelon = Echelon()
    sent = [
        (at_ms, message.hex())
        for at_ms in range(5_000, 9_000, 50)
        if (message := echelon.request(at_ms * 1_000_000))
    ]
    assert sent == [
        (5000, "f0a10091"),
        (5100, "f0a10091"),
        (5200, "f0a10091"),
        (5300, "f0a10091"),
        (5400, "f0a30093"),
        (5500, "f0a10091"),
        (5600, "f0b00101a2"),
        (6600, "f0a0010192"),
        (7600, "f0a0010293"),
        (8600, "f0a0010394"),
    ]


def test_after_poll_255_comes_poll_1() -> None:
    echelon = Echelon()
    sent = [echelon.request(second * 1_000_000_000) for second in range(7 + 256)]
    assert [message.hex() for message in sent[-2:]] == ["f0a001ff90", "f0a0010192"]
