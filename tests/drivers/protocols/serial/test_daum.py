"""The line of a Daum Ergobike: answers whole, cut, damaged and amid junk, and the asking."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.serial.daum import (
    OLD_RIDE_BYTES,
    RIDE_BYTES,
    Daum,
    DaumOp,
    DaumRequest,
    DaumRide,
    decode_address,
    decode_request,
    decode_ride,
    encode_address,
    encode_request,
    encode_ride,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

S = 1_000_000_000
MS = 1_000_000

#: With bytes of unknown meaning, which are read past and cannot be written.
REAL = {
    "incyclist, 95 W, 101.7 km, gear 7": (
        "40 00 0000 c0 13 00 00 f903 282e 0329 00 00 07 e432",
        DaumRide(0, True, 19, 0, 0, 1017, 11816, 0, 7),
    ),
    "incyclist, 25 W, gear 10": (
        "40 00 0000 40 05 00 00 0000 0000 0000 00 00 0a 0000",
        DaumRide(0, True, 5, 0, 0, 0, 0, 0, 10),
    ),
}
RIDING = DaumRide(5, True, 30, 90, 31, 3, 60, 140, 12)
STANDING = DaumRide(5, False, 5, 0, 0, 3, 60, 0, 1)
SYNTHETIC = {
    "riding, with a sensor": ("40 05 0000 01 1e 5a 1f 0300 3c00 0000 8c 00 0c 0000", RIDING),
    "standing": ("40 05 0000 00 05 00 00 0300 3c00 0000 00 00 01 0000", STANDING),
}
GOOD = encode_ride(RIDING)
READING = Reading(
    7,
    cadence_rpm=90,
    resistance_raw=12,
    power_w=150,
    speed_kmh=31,
    distance_m=300,
    heart_rate_bpm=140,
)
ASK_ADDRESS = DaumRequest(DaumOp.ADDRESS)
ASK_RIDE = DaumRequest(DaumOp.RIDE, 5)

rides = st.builds(
    DaumRide,
    st.just(5),
    st.booleans(),
    st.integers(0, 160),
    st.integers(0, 250),
    st.integers(0, 99),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, 250),
    st.integers(0, 28),
)


def ask(protocol: Daum, request: DaumRequest, *pieces: bytes) -> list[Reading]:
    """The Readings of what comes after `request`."""
    assert protocol.feed(Frame(7, encode_request(request), sent=True)) == []
    return [one for piece in pieces for one in protocol.feed(Frame(7, piece))]


@pytest.mark.parametrize(("frame", "ride"), REAL.values(), ids=REAL)
def test_real_ride_reads(frame: str, ride: DaumRide) -> None:
    data = bytes.fromhex(frame)
    assert decode_ride(data) == ride
    assert decode_ride(encode_ride(ride)) == ride
    assert decode_ride(data[:OLD_RIDE_BYTES]) == ride


@pytest.mark.parametrize(("frame", "ride"), SYNTHETIC.values(), ids=SYNTHETIC)
def test_ride_reads_and_writes(frame: str, ride: DaumRide) -> None:
    assert_wire(ride, frame, decode_ride, encode_ride)
    assert encode_ride(ride, OLD_RIDE_BYTES) == bytes.fromhex(frame)[:OLD_RIDE_BYTES]


@pytest.mark.parametrize(("frame", "address"), [("11 00", 0), ("11 05", 5)])
def test_address_reads_and_writes(frame: str, address: int) -> None:
    assert_wire(address, frame, decode_address, encode_address)


@pytest.mark.parametrize(
    ("frame", "request_"),
    [("11", ASK_ADDRESS), ("40 05", ASK_RIDE), ("40 00", DaumRequest(DaumOp.RIDE, 0))],
)
def test_request_reads_and_writes(frame: str, request_: DaumRequest) -> None:
    assert_wire(request_, frame, decode_request, encode_request)


@pytest.mark.parametrize("frame", ["", "11", "12 00", "11 00 00"])
def test_bytes_that_are_no_address_decode_to_none(frame: str) -> None:
    assert decode_address(bytes.fromhex(frame)) is None


@pytest.mark.parametrize("frame", ["", "40", "11 00", "40 00 00", "51 00 14"])
def test_bytes_that_are_no_request_decode_to_none(frame: str) -> None:
    assert decode_request(bytes.fromhex(frame)) is None


@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param(0, 0x41, id="another beginning"),
        pytest.param(5, 161, id="more than 800 W"),
        pytest.param(6, 251, id="more than 250 rpm"),
        pytest.param(7, 100, id="more than 99 km/h"),
    ],
)
def test_impossible_ride_decodes_to_none(at: int, value: int) -> None:
    bad = bytearray(GOOD)
    bad[at] = value
    assert decode_ride(bytes(bad)) is None
    bad[at] = value - 1
    assert decode_ride(bytes(bad)) is not None


@pytest.mark.parametrize("size", [0, 1, 16, 18, 20])
def test_a_ride_of_another_length_is_none(size: int) -> None:
    assert decode_ride((GOOD + b"\0")[:size]) is None


@given(st.binary(max_size=20))
def test_any_bytes_decode(data: bytes) -> None:
    for decode, value in (
        (decode_ride, DaumRide),
        (decode_address, int),
        (decode_request, DaumRequest),
    ):
        assert isinstance(decode(data), value | None)
        assert isinstance(decode(b"\x40" + data), value | None)


@given(rides, st.sampled_from([OLD_RIDE_BYTES, RIDE_BYTES]))
def test_daum_ride_reads_the_same_as_written(ride: DaumRide, size: int) -> None:
    assert decode_ride(encode_ride(ride, size)) == ride


class TestReadings:
    def test_a_ride_becomes_a_reading(self) -> None:
        assert ask(Daum(), ASK_RIDE, GOOD) == [READING]

    def test_the_brake_of_a_bike_that_stands_is_no_power(self) -> None:
        assert ask(Daum(), ASK_RIDE, encode_ride(STANDING)) == [
            Reading(7, cadence_rpm=0, resistance_raw=1, power_w=0, speed_kmh=0, distance_m=300)
        ]

    def test_invalid_gear_and_heart_rate_are_left_out(self) -> None:
        (reading,) = ask(Daum(), ASK_RIDE, encode_ride(replace(RIDING, gear=0, heart_rate_bpm=255)))
        assert reading == replace(READING, resistance_raw=None, heart_rate_bpm=None)

    def test_sent_frame_is_no_answer(self) -> None:
        assert Daum().feed(Frame(7, GOOD, sent=True)) == []

    @pytest.mark.parametrize(
        "data",
        [encode_ride(replace(RIDING, address=6)), encode_address(5)],
        ids=["other", "address"],
    )
    def test_an_answer_to_something_else_is_junk(self, data: bytes) -> None:
        protocol = Daum()
        assert ask(protocol, ASK_RIDE, data) == []
        assert ask(protocol, ASK_RIDE, GOOD) == [READING]
        assert protocol.unusable_bytes == len(data)

    def test_an_answer_counts_once(self) -> None:
        protocol = Daum()
        assert ask(protocol, ASK_RIDE, GOOD, GOOD) == [READING]
        assert protocol.unusable_bytes == len(GOOD)

    def test_an_answer_that_nobody_asked_for_is_junk(self) -> None:
        protocol = Daum()
        assert protocol.feed(Frame(7, GOOD)) == []
        assert protocol.unusable_bytes == len(GOOD)

    def test_old_bikes_are_understood_from_their_second_answer(self) -> None:
        """The first could still become 19 bytes until the next question."""
        protocol = Daum()
        old = GOOD[:OLD_RIDE_BYTES]
        assert ask(protocol, ASK_RIDE, old) == []
        assert ask(protocol, ASK_RIDE, old) == [READING]
        assert protocol.unusable_bytes == 0


class TestWire:
    @given(st.lists(rides, max_size=5), st.integers(1, 30))
    def test_daum_answers_may_be_cut_anywhere(self, sent: list[DaumRide], size: int) -> None:
        protocol = Daum()
        readings = []
        for ride in sent:
            wire = encode_ride(ride)
            pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
            readings += ask(protocol, ASK_RIDE, *pieces)
        assert [one.distance_m for one in readings] == [one.distance_100m * 100 for one in sent]
        assert protocol.unusable_bytes == 0

    def test_daum_answer_may_come_byte_by_byte(self) -> None:
        pieces = [bytes((byte,)) for byte in GOOD]
        assert ask(Daum(), ASK_RIDE, *pieces) == [READING]

    @pytest.mark.parametrize("at", range(RIDE_BYTES))
    def test_a_lost_byte_costs_one_answer(self, at: int) -> None:
        protocol = Daum()
        ask(protocol, ASK_RIDE, GOOD)
        assert ask(protocol, ASK_RIDE, GOOD[:at] + GOOD[at + 1 :]) == []
        assert ask(protocol, ASK_RIDE, GOOD) == [READING]
        assert protocol.unusable_bytes == RIDE_BYTES - 1

    def test_junk_before_an_answer_does_not_hide_it(self) -> None:
        protocol = Daum()
        assert ask(protocol, ASK_RIDE, b"\x40\x05\x11\x00junk" + GOOD) == [READING]
        assert protocol.unusable_bytes == 8

    def test_junk_before_an_address_does_not_hide_it(self) -> None:
        protocol = Daum()
        ask(protocol, DaumRequest(DaumOp.ADDRESS), b"junk" + encode_address(5))
        assert protocol.request(0) == b"\x40\x05"
        assert protocol.unusable_bytes == 4

    def test_daum_protocol_holds_no_more_than_one_answer(self) -> None:
        protocol = Daum()
        ask(protocol, ASK_RIDE, b"\x40" * 1000)
        assert protocol.unusable_bytes == 1000 - RIDE_BYTES

    @pytest.mark.slow
    @pytest.mark.parametrize("alphabet", [bytes(range(256)), b"\x40", b"\x11", b"\x40\x05"])
    def test_daum_answer_is_heard_after_100_kb_of_junk(self, alphabet: bytes) -> None:
        random = Random(0)
        protocol = Daum()
        ask(protocol, ASK_RIDE, GOOD)
        ask(protocol, ASK_RIDE, bytes(random.choice(alphabet) for _ in range(100_000)))
        assert ask(protocol, ASK_RIDE, GOOD) == [READING]
        assert 99_000 < protocol.unusable_bytes <= 100_000

    @given(st.lists(st.tuples(st.binary(max_size=40), st.booleans())), st.booleans())
    def test_daum_protocol_survives_any_bytes(
        self, junk: list[tuple[bytes, bool]], is_understood: bool
    ) -> None:
        protocol = Daum()
        if is_understood:
            ask(protocol, ASK_RIDE, GOOD)
        for data, sent in junk:
            protocol.feed(Frame(7, data, sent))
            assert len(protocol._held) <= RIDE_BYTES
        assert protocol.unusable_bytes <= sum(len(data) for data, sent in junk if not sent)
        assert ask(protocol, ASK_RIDE, GOOD) == [READING]


class Bike:
    """The other end: answers as a real one does, with its own address."""

    def __init__(self, address: int = 5, size_bytes: int = RIDE_BYTES) -> None:
        self._address = address
        self._size_bytes = size_bytes
        #: (ms, question)
        self.asked: list[tuple[int, DaumRequest]] = []

    def answer(self, request: DaumRequest) -> bytes:
        if request.op is DaumOp.ADDRESS:
            return encode_address(self._address)
        is_mine = request.address == self._address
        ride = replace(RIDING, address=self._address)
        return encode_ride(ride, self._size_bytes) if is_mine else b""

    def converse(self, protocol: Daum, from_ms: int, to_ms: int) -> list[Reading]:
        """From then to then, twenty times a second."""
        readings = []
        for now_ns in range(from_ms * MS, to_ms * MS, 50 * MS):
            data = protocol.request(now_ns)
            if data:
                request = decode_request(data)
                assert request is not None
                self.asked.append((now_ns // MS, request))
                protocol.feed(Frame(now_ns, data, sent=True))
                readings += protocol.feed(Frame(now_ns + 30 * MS, self.answer(request)))
        return readings


class Silence(Bike):
    def answer(self, request: DaumRequest) -> bytes:
        del request
        return b""


class TestAsking:
    def test_daum_is_asked_its_address_and_then_its_ride_twice_a_second(self) -> None:
        bike = Bike()
        assert len(bike.converse(Daum(), 0, 5000)) == 9
        assert [request for _, request in bike.asked] == [ASK_ADDRESS, *[ASK_RIDE] * 9]

    def test_daum_is_never_asked_twice_within_50_ms(self) -> None:
        bike = Bike()
        bike.converse(Daum(), 0, 5000)
        assert min(after - before for (before, _), (after, _) in pairwise(bike.asked)) >= 50

    def test_old_daum_is_asked_and_understood_too(self) -> None:
        assert len(Bike(size_bytes=OLD_RIDE_BYTES).converse(Daum(), 0, 5000)) == 8

    def test_daum_is_asked_its_address_until_it_answers(self) -> None:
        protocol, silence, bike = Daum(), Silence(), Bike()
        assert silence.converse(protocol, 0, 2000) == []
        assert {request for _, request in silence.asked} == {ASK_ADDRESS}
        assert bike.converse(protocol, 2000, 4000)

    def test_a_bike_that_changes_its_address_is_found_again(self) -> None:
        protocol = Daum()
        Bike(5).converse(protocol, 0, 2000)
        bike = Bike(6)
        assert bike.converse(protocol, 2000, 6000)
        assert bike.asked[-1][1] == DaumRequest(DaumOp.RIDE, 6)
