"""The line of a Daum premium: messages whole, cut, damaged and amid junk, and what is replied."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.serial.daum_premium import (
    CONFIRM,
    MAX_MESSAGE_BYTES,
    REFUSE,
    DaumMessage,
    DaumPremium,
    PremiumRide,
    decode_message,
    decode_ride,
    encode_message,
    encode_ride,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

MS = 1_000_000
S = 1_000 * MS

MESSAGES = {
    "incyclist buildMessage, M72": ("01 4d 37 32 38 32 17", DaumMessage("M72")),
    "incyclist buildMessage, M72 with 0": ("01 4d3732 30 3330 17", DaumMessage("M72", "0")),
    "incyclist buildMessage, M72 with NUL": ("01 4d3732 00 3832 17", DaumMessage("M72", "\0")),
    "by the rule, X70": ("01 583730 3931 17", DaumMessage("X70")),
    "by the rule, Y00": ("01 593030 3835 17", DaumMessage("Y00")),
    "by the rule, V00": ("01 563030 3832 17", DaumMessage("V00")),
}
#: Payload and values of incyclist's parseTrainingData; the envelope by the rule.
FRAME = bytes.fromhex(
    "01 583730 3130 1d 3939 1d 31302e30 1d 2d332e33 1d 313530 1d 39302e31 1d 313330 1d 3133302e32"
    "1d 3133302e33 1d 31332e31 1d 3131 1d 31 1d 30 3131 17"
)
RIDE = PremiumRide(10, 99, 10.0, -3.3, 150, 90.1, 130, 130.2, 130.3, 13.1, 11, 1, 0)
READING = Reading(
    7,
    cadence_rpm=90.1,
    resistance_raw=10,
    power_w=130,
    speed_kmh=36.0,
    distance_m=150,
    heart_rate_bpm=99,
)
ASKS = encode_message(DaumMessage("X70"))

numbers = st.none() | st.integers(0, 9999) | st.floats(0, 9999).map(lambda one: round(one, 2))
rides = st.builds(PremiumRide, *[numbers] * 13)


def ride_frame(ride: PremiumRide = RIDE) -> bytes:
    return encode_message(encode_ride(ride))


def payload(text: str) -> bytes:
    """An answer to X70 with that text, | for the separator."""
    return encode_message(DaumMessage("X70", text.replace("|", "\x1d")))


def heard(protocol: DaumPremium, *pieces: bytes) -> list[Reading]:
    return [one for piece in pieces for one in protocol.feed(Frame(7, piece))]


@pytest.mark.parametrize(("frame", "message"), MESSAGES.values(), ids=MESSAGES)
def test_message_reads_and_writes(frame: str, message: DaumMessage) -> None:
    assert_wire(message, frame, decode_message, encode_message)


def test_ride_of_incyclist_reads_and_writes() -> None:
    message = decode_message(FRAME)
    assert message is not None
    assert decode_ride(message) == RIDE
    assert ride_frame() == FRAME
    assert heard(DaumPremium(), FRAME) == [READING]


def test_ride_at_rest_by_the_rule_reads_zeros() -> None:
    frame = bytes.fromhex(
        "01 583730 30 1d30 1d302e30 1d302e30 1d30 1d30 1d30 1d302e30 1d302e30 1d302e30 1d31 1d30"
        "1d30 3334 17"
    )
    assert heard(DaumPremium(), frame) == [
        Reading(7, cadence_rpm=0, resistance_raw=0, power_w=0, speed_kmh=0, distance_m=0)
    ]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(FRAME[1:], id="no beginning"),
        pytest.param(FRAME[:-1], id="no end"),
        pytest.param(FRAME.replace(b"90.1", b"91.1"), id="a digit is wrong"),
        pytest.param(FRAME.replace(b"11\x17", b"12\x17"), id="checksum is wrong"),
        pytest.param(FRAME + b"\x17", id="two ends"),
        pytest.param(b"\x01\x17", id="empty"),
        pytest.param(b"\x0100\x17", id="only a checksum"),
        pytest.param(b"\x01x7091\x17", id="no letter"),
    ],
)
def test_bytes_that_are_no_message_decode_to_none(frame: bytes) -> None:
    assert decode_message(frame) is None


def test_message_with_another_command_is_no_ride() -> None:
    assert decode_ride(DaumMessage("Y00", "2")) is None
    assert heard(DaumPremium(), encode_message(DaumMessage("Y00", "2"))) == []


@given(rides)
def test_premium_ride_reads_the_same_as_written(ride: PremiumRide) -> None:
    message = decode_message(ride_frame(ride))
    assert message is not None
    assert decode_ride(message) == ride


class TestReadings:
    @pytest.mark.parametrize(
        ("text", "reading"),
        [
            pytest.param("10|99", Reading(7, heart_rate_bpm=99), id="fewer fields"),
            pytest.param("1|0|x||-|8e1|12", Reading(7, power_w=12), id="fields that are no number"),
            pytest.param("|||||60|||||0", Reading(7, cadence_rpm=60), id="no gear"),
            pytest.param("|||||60" + "|1" * 9, None, id="more fields"),
        ],
    )
    def test_values_that_are_there_are_taken(self, text: str, reading: Reading | None) -> None:
        (only,) = heard(DaumPremium(), payload(text))
        expected = reading or Reading(7, cadence_rpm=60, power_w=1, resistance_raw=0)
        assert only == expected

    @pytest.mark.parametrize("text", ["", "5", "5|0", "|||||||||", "a|b|c"])
    def test_ride_without_a_value_is_no_reading(self, text: str) -> None:
        assert heard(DaumPremium(), payload(text)) == []

    def test_sent_message_is_no_answer(self) -> None:
        assert DaumPremium().feed(Frame(7, FRAME, sent=True)) == []


class TestWire:
    @given(st.lists(rides, max_size=4), st.integers(1, 60))
    def test_premium_answers_may_be_cut_anywhere(self, sent: list[PremiumRide], size: int) -> None:
        sent = [replace(ride, cadence_rpm=number) for number, ride in enumerate(sent)]
        wire = b"".join(CONFIRM + ride_frame(ride) for ride in sent)
        protocol = DaumPremium()
        readings = heard(protocol, *(wire[at : at + size] for at in range(0, len(wire), size)))
        assert [one.cadence_rpm for one in readings] == list(range(len(sent)))
        assert protocol.unusable_bytes == 0

    @pytest.mark.parametrize("control", [CONFIRM, REFUSE])
    @pytest.mark.parametrize("at", range(len(FRAME) + 1))
    def test_control_byte_within_an_answer_is_passed_over(self, at: int, control: bytes) -> None:
        assert heard(DaumPremium(), FRAME[:at] + control + FRAME[at:]) == [READING]

    def test_answer_without_its_first_byte_is_still_read(self) -> None:
        assert heard(DaumPremium(), CONFIRM + FRAME[1:]) == [READING]

    @pytest.mark.parametrize("at", range(1, len(FRAME)))
    def test_lost_byte_costs_no_more_than_one_answer(self, at: int) -> None:
        protocol = DaumPremium()
        assert heard(protocol, FRAME[:at] + FRAME[at + 1 :] + FRAME) == [READING]
        # Neither the lost byte nor the beginning and the end count.
        assert protocol.unusable_bytes == len(FRAME) - (2 if at == len(FRAME) - 1 else 3)

    @pytest.mark.slow
    @pytest.mark.parametrize("alphabet", [bytes(range(256)), b"\x01", b"\x17", b"X", b"X70\x17"])
    def test_premium_answer_is_heard_after_100_kb_of_junk(self, alphabet: bytes) -> None:
        random, protocol = Random(0), DaumPremium()
        heard(protocol, bytes(random.choice(alphabet) for _ in range(100_000)))
        assert heard(protocol, FRAME) == [READING]

    @given(st.lists(st.tuples(st.binary(max_size=300), st.booleans())))
    def test_premium_protocol_survives_any_bytes(self, junk: list[tuple[bytes, bool]]) -> None:
        protocol = DaumPremium()
        for data, sent in junk:
            protocol.feed(Frame(7, data, sent))
            assert len(protocol._held) <= MAX_MESSAGE_BYTES
        assert protocol.unusable_bytes <= sum(len(data) for data, sent in junk if not sent)
        assert heard(protocol, FRAME) == [READING]


def sent_until(protocol: DaumPremium, from_ns: int, to_ns: int) -> list[tuple[int, bytes]]:
    """What is sent in that time, with the ms at which it is."""
    sent = []
    for now_ns in range(from_ns, to_ns, 50 * MS):
        while data := protocol.request(now_ns):
            sent.append((now_ns // MS, data))
            protocol.feed(Frame(now_ns, data, sent=True))
    return sent


class TestAsking:
    def test_answer_is_confirmed_at_once_and_the_next_asked_half_a_second_later(self) -> None:
        protocol = DaumPremium()
        assert sent_until(protocol, 0, 100 * MS) == [(0, ASKS)]
        protocol.feed(Frame(100 * MS, CONFIRM + FRAME))
        assert sent_until(protocol, 100 * MS, S) == [(100, CONFIRM), (600, ASKS)]

    def test_damaged_answer_is_asked_for_again(self) -> None:
        protocol = DaumPremium()
        sent_until(protocol, 0, 100 * MS)
        protocol.feed(Frame(100 * MS, CONFIRM + FRAME.replace(b"90.1", b"91.1")))
        assert sent_until(protocol, 100 * MS, S) == [(100, REFUSE)]
        protocol.feed(Frame(S, FRAME))
        assert sent_until(protocol, S, 2 * S) == [(1000, CONFIRM), (1500, ASKS)]

    def test_refused_request_is_sent_again(self) -> None:
        protocol = DaumPremium()
        sent_until(protocol, 0, 50 * MS)
        protocol.feed(Frame(50 * MS, REFUSE))
        assert sent_until(protocol, 50 * MS, S) == [(150, ASKS)]

    def test_bike_that_does_not_answer_is_given_the_confirmation_it_may_wait_for(self) -> None:
        protocol = DaumPremium()
        assert sent_until(protocol, 0, 3 * S) == [(0, ASKS), (2000, CONFIRM + ASKS)]
