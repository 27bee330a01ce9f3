"""The line of the Peloton Bike: its messages, and its stream whole, cut, lossy and full of junk.

Messages named "real" were recorded on bikes and published in the repository named; the
resistance values are those of the table of the bike in ihaque/pelomon.
"""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.serial.peloton import (
    LONGEST_MESSAGE_BYTES,
    Deframer,
    Peloton,
    PelotonOp,
    PelotonRequest,
    PelotonResponse,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    encode_table_request,
)
from drivers.protocols.serial.peloton_table import (
    CHECKED_ENTRIES,
    DEFAULT_RESISTANCE_TABLE,
    RESISTANCE_TABLE_SIZE,
    resistance_percent,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

REQUESTS = {
    "pelomon, real, power": ("f5 44 39 f6", PelotonRequest(PelotonOp.POWER)),
    "pelomon, real, raw resistance": ("f5 4a 3f f6", PelotonRequest(PelotonOp.RESISTANCE_RAW)),
    "pelomon, real, cadence": ("f5 41 36 f6", PelotonRequest(PelotonOp.CADENCE)),
    "pelomon #6, resistance in percent": (
        "f5 49 3e f6",
        PelotonRequest(PelotonOp.RESISTANCE_PERCENT),
    ),
    "pelomon, boot": ("fe 00 fe f6", PelotonRequest(PelotonOp.BOOT)),
    "pelomon, bike id": ("f5 fb f0 f6", PelotonRequest(PelotonOp.BIKE_ID)),
    "pelomon, first of the table": ("f7 00 f7 f6", PelotonRequest(PelotonOp.RESISTANCE_TABLE, 0)),
    "pelomon, last of the table": ("f7 1e 15 f6", PelotonRequest(PelotonOp.RESISTANCE_TABLE, 30)),
}

RESPONSES = {
    "pelomon, real, 0 rpm": ("f1 41 03 303030 c5 f6", PelotonResponse(PelotonOp.CADENCE, 0)),
    "pelomon, real, 88 rpm": ("f1 41 03 383830 d5 f6", PelotonResponse(PelotonOp.CADENCE, 88)),
    "pelomon, real, 57 rpm": ("f1 41 03 373530 d1 f6", PelotonResponse(PelotonOp.CADENCE, 57)),
    "SmartSpin2k, 51 rpm": ("f1 41 03 313530 cb f6", PelotonResponse(PelotonOp.CADENCE, 51)),
    "pelomon, real, 0 W": ("f1 44 05 3030303030 2a f6", PelotonResponse(PelotonOp.POWER, 0)),
    "pelomon, real, 92.3 W": ("f1 44 05 3332393030 38 f6", PelotonResponse(PelotonOp.POWER, 923)),
    "pelomon, real, 20.4 W": ("f1 44 05 3430323030 30 f6", PelotonResponse(PelotonOp.POWER, 204)),
    "pelomon, real, raw 155": (
        "f1 4a 04 35353130 0a f6",
        PelotonResponse(PelotonOp.RESISTANCE_RAW, 155),
    ),
    "pelomon, real, raw 156": (
        "f1 4a 04 36353130 0b f6",
        PelotonResponse(PelotonOp.RESISTANCE_RAW, 156),
    ),
    "pelomon, real, raw 968": (
        "f1 4a 04 38363930 16 f6",
        PelotonResponse(PelotonOp.RESISTANCE_RAW, 968),
    ),
    "pelomon #2, real, raw 474": (
        "f1 4a 04 34373430 0e f6",
        PelotonResponse(PelotonOp.RESISTANCE_RAW, 474),
    ),
    "pelonot, real, 366.1 W": ("f1 44 05 3136363330 3a f6", PelotonResponse(PelotonOp.POWER, 3661)),
    "pelonot, real, 40 %": (
        "f1 49 03 303430 d1 f6",
        PelotonResponse(PelotonOp.RESISTANCE_PERCENT, 40),
    ),
    "pelonot, real, 27 %": (
        "f1 49 03 373230 d6 f6",
        PelotonResponse(PelotonOp.RESISTANCE_PERCENT, 27),
    ),
    "synthetic, table 164": (
        "f1 f7 04 34363130 b7 f6",
        PelotonResponse(PelotonOp.RESISTANCE_TABLE, 164),
    ),
}


def encode(message: PelotonRequest | PelotonResponse) -> bytes:
    if isinstance(message, PelotonResponse):
        return encode_response(message)
    if message.table_index is not None:
        return encode_table_request(message.table_index)
    return encode_request(message.op)


@pytest.mark.parametrize(("frame", "request_"), REQUESTS.values(), ids=REQUESTS)
def test_request_reads_and_writes(frame: str, request_: PelotonRequest) -> None:
    assert_wire(request_, frame, decode_request, encode)


@pytest.mark.parametrize(("frame", "response"), RESPONSES.values(), ids=RESPONSES)
def test_response_reads_and_writes(frame: str, response: PelotonResponse) -> None:
    assert_wire(response, frame, decode_response, encode_response)


@pytest.mark.parametrize(("frame", "_response"), RESPONSES.values(), ids=RESPONSES)
def test_a_response_with_any_wrong_byte_is_none(frame: str, _response: PelotonResponse) -> None:
    good = bytes.fromhex(frame)
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 1
        assert decode_response(bytes(bad)) is None


@pytest.mark.parametrize(
    "frame",
    {
        "empty": "",
        "one byte": "f1",
        "no digits": "f1 41 00 32 f6",
        "a digit too few": "f1 41 02 3030 94 f6",
        "a digit less than counted": "f1 41 03 3030 95 f6",
        "a digit too many": "f1 41 04 30303030 f6 f6",
        "a count that is not that of the digits": "f1 41 04 303030 c6 f6",
        "a sign for a digit": "f1 41 03 30302b c0 f6",
        "a space for a digit": "f1 41 03 303020 b5 f6",
        "a letter for a digit": "f1 41 03 303041 d6 f6",
        "an unknown op": "f1 42 03 303030 c6 f6",
        "a bike id, which is no number": "f1 fb 07 30303030303030 43 f6",
        "a request": "f5 41 36 f6",
        "two of them": "f1 41 03 303030 c5 f6 f1 41 03 303030 c5 f6",
    }.items(),
    ids=lambda case: case[0],
)
def test_bytes_that_are_no_response_decode_to_none(frame: tuple[str, str]) -> None:
    assert decode_response(bytes.fromhex(frame[1])) is None


@pytest.mark.parametrize(
    "frame", ["", "f5", "f5 41 37 f6", "f5 42 37 f6", "f5 41 36 f5", "f7 1f 16 f6", "f5 f7 ec f6"]
)
def test_bytes_that_are_no_request_decode_to_none(frame: str) -> None:
    assert decode_request(bytes.fromhex(frame)) is None


@given(st.binary(max_size=16))
def test_any_bytes_decode(data: bytes) -> None:
    assert isinstance(decode_request(data), PelotonRequest | None)
    assert isinstance(decode_response(data), PelotonResponse | None)
    assert isinstance(decode_response(b"\xf1" + data), PelotonResponse | None)


def test_requests_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="index"):
        encode_request(PelotonOp.RESISTANCE_TABLE)
    for index in (-1, 31):
        with pytest.raises(ValueError, match="no entry"):
            encode_table_request(index)


@pytest.mark.parametrize(
    "response",
    [
        PelotonResponse(PelotonOp.BIKE_ID, 1),
        PelotonResponse(PelotonOp.CADENCE, 1000),
        PelotonResponse(PelotonOp.CADENCE, -1),
        PelotonResponse(PelotonOp.POWER, 100_000),
    ],
)
def test_responses_that_do_not_exist_are_refused(response: PelotonResponse) -> None:
    with pytest.raises(ValueError, match=r"fit|number"):
        encode_response(response)


requests = st.sampled_from([op for op in PelotonOp if op is not PelotonOp.RESISTANCE_TABLE]).map(
    PelotonRequest
) | st.integers(0, RESISTANCE_TABLE_SIZE - 1).map(
    lambda index: PelotonRequest(PelotonOp.RESISTANCE_TABLE, index)
)
responses = (
    st.builds(
        PelotonResponse,
        st.sampled_from([PelotonOp.CADENCE, PelotonOp.RESISTANCE_PERCENT]),
        st.integers(0, 999),
    )
    | st.builds(
        PelotonResponse,
        st.sampled_from([PelotonOp.RESISTANCE_RAW, PelotonOp.RESISTANCE_TABLE]),
        st.integers(0, 9999),
    )
    | st.builds(PelotonResponse, st.just(PelotonOp.POWER), st.integers(0, 99_999))
)
messages = requests | responses


@given(messages)
def test_peloton_message_reads_the_same_as_written(
    message: PelotonRequest | PelotonResponse,
) -> None:
    data = encode(message)
    assert len(data) <= LONGEST_MESSAGE_BYTES
    # The deframer stands on this: F6 ends a message and is nowhere else in it.
    assert data.index(0xF6) == len(data) - 1
    assert (decode_response(data) or decode_request(data)) == message


def chunks(data: bytes, random: Random, longest: int) -> list[bytes]:
    """`data` cut anywhere."""
    pieces = []
    while data:
        size = random.randint(1, longest)
        pieces.append(data[:size])
        data = data[size:]
    return pieces


def deframe(pieces: list[bytes]) -> tuple[list[PelotonRequest | PelotonResponse], int]:
    """The messages in `pieces` and the count of unusable bytes; memory is checked on the way."""
    deframer = Deframer()
    found = []
    unaccounted_bytes = 0
    for piece in pieces:
        ended = deframer.feed(piece)
        found += ended
        unaccounted_bytes += len(piece) - sum(len(encode(message)) for message in ended)
        assert unaccounted_bytes - deframer.unusable_bytes < LONGEST_MESSAGE_BYTES
    return found, deframer.unusable_bytes


@given(st.lists(messages), st.randoms(use_true_random=False), st.integers(1, 30))
def test_peloton_messages_of_both_directions_may_be_cut_anywhere(
    sent: list[PelotonRequest | PelotonResponse], random: Random, longest: int
) -> None:
    wire = b"".join(map(encode, sent))
    assert deframe(chunks(wire, random, longest)) == (sent, 0)


@given(st.lists(messages))
def test_peloton_messages_may_come_byte_by_byte(
    sent: list[PelotonRequest | PelotonResponse],
) -> None:
    wire = b"".join(map(encode, sent))
    assert deframe([bytes((byte,)) for byte in wire]) == (sent, 0)


@given(st.lists(messages), st.randoms(use_true_random=False), st.floats(0, 0.5))
def test_messages_that_arrive_whole_survive_the_loss_of_others(
    sent: list[PelotonRequest | PelotonResponse], random: Random, loss: float
) -> None:
    wire = b""
    whole = []
    for message in sent:
        data = encode(message)
        kept = bytes(byte for byte in data if random.random() >= loss)
        wire += kept
        if kept == data:
            whole.append(message)
    found, _ = deframe([wire])
    in_order = iter(found)
    assert all(message in in_order for message in whole)


@given(st.lists(messages, min_size=1), st.data())
def test_a_message_with_one_byte_lost_is_dropped_and_no_other(
    sent: list[PelotonRequest | PelotonResponse], data: st.DataObject
) -> None:
    frames = [encode(message) for message in sent]
    victim = data.draw(st.integers(0, len(sent) - 1))
    lost = data.draw(st.integers(0, len(frames[victim]) - 1))
    frames[victim] = frames[victim][:lost] + frames[victim][lost + 1 :]
    found, _ = deframe([b"".join(frames)])
    assert found == sent[:victim] + sent[victim + 1 :]


GOOD = PelotonResponse(PelotonOp.CADENCE, 88)


@given(st.binary(), st.integers(1, 30), st.randoms(use_true_random=False))
def test_junk_never_stops_the_next_good_message(junk: bytes, longest: int, random: Random) -> None:
    found, _ = deframe(chunks(junk + encode(GOOD), random, longest))
    assert found[-1] == GOOD


@pytest.mark.parametrize("alphabet", [bytes(range(256)), b"\xf1\xf5\xf6\x41\x44\x03\x05\x30"])
def test_peloton_message_is_heard_after_100_kb_of_junk(alphabet: bytes) -> None:
    random = Random(0)
    junk = bytes(random.choice(alphabet) for _ in range(100_000))
    found, unusable_bytes = deframe(chunks(junk + encode(GOOD), random, 64))
    assert found == [GOOD]
    assert unusable_bytes == len(junk)


def test_half_a_message_does_not_delay_the_next_one() -> None:
    found, unusable_bytes = deframe([bytes.fromhex("f1 44 05 30"), encode(GOOD)])
    assert found == [GOOD]
    assert unusable_bytes == 4


def test_a_leading_f6_is_junk() -> None:
    """gymnasticon sends F6 before its requests, to flush what the bike may have half received."""
    found, unusable_bytes = deframe([bytes.fromhex("f6 f5 41 36 f6 f5 44 39 f6")])
    assert found == [PelotonRequest(PelotonOp.CADENCE), PelotonRequest(PelotonOp.POWER)]
    assert unusable_bytes == 1


def feed(
    protocol: Peloton, *sent: PelotonRequest | PelotonResponse, at_ns: int = 7
) -> list[Reading]:
    return protocol.feed(Frame(at_ns, b"".join(map(encode, sent))))


@pytest.mark.parametrize(
    ("response", "reading"),
    [
        (PelotonResponse(PelotonOp.CADENCE, 0), Reading(7, cadence_rpm=0)),
        (PelotonResponse(PelotonOp.CADENCE, 88), Reading(7, cadence_rpm=88)),
        (PelotonResponse(PelotonOp.POWER, 923), Reading(7, power_w=92.3)),
        (PelotonResponse(PelotonOp.RESISTANCE_PERCENT, 40), Reading(7, resistance_percent=40)),
        (
            PelotonResponse(PelotonOp.RESISTANCE_RAW, 803),
            Reading(7, resistance_raw=803, resistance_percent=50),
        ),
        (
            PelotonResponse(PelotonOp.RESISTANCE_RAW, 155),
            Reading(7, resistance_raw=155, resistance_percent=0),
        ),
    ],
)
def test_an_answer_is_a_reading(response: PelotonResponse, reading: Reading) -> None:
    assert feed(Peloton(), response) == [reading]


def test_requests_are_skipped_and_are_not_unusable() -> None:
    protocol = Peloton()
    assert feed(
        protocol,
        PelotonRequest(PelotonOp.BOOT),
        PelotonRequest(PelotonOp.CADENCE),
        GOOD,
        PelotonRequest(PelotonOp.POWER),
    ) == [Reading(7, cadence_rpm=88)]
    assert protocol.unusable_bytes == 0


def test_a_reading_has_the_time_of_its_last_byte() -> None:
    protocol = Peloton()
    data = encode(GOOD)
    assert protocol.feed(Frame(1, data[:-1])) == []
    assert protocol.feed(Frame(2, data[-1:])) == [Reading(2, cadence_rpm=88)]


def test_unusable_bytes_add_up() -> None:
    protocol = Peloton()
    protocol.feed(Frame(0, b"\x00\xf6"))
    protocol.feed(Frame(0, b"\x01" + encode(GOOD)))
    assert protocol.unusable_bytes == 3


OTHER_TABLE = [raw + 10 for raw in DEFAULT_RESISTANCE_TABLE]
RAW_813 = PelotonResponse(PelotonOp.RESISTANCE_RAW, 813)


def table_dialogue(table: list[int]) -> list[PelotonRequest | PelotonResponse]:
    """What the tablet and the bike say when the tablet reads the table of the bike."""
    dialogue: list[PelotonRequest | PelotonResponse] = []
    for index, raw in enumerate(table):
        dialogue += [
            PelotonRequest(PelotonOp.RESISTANCE_TABLE, index),
            PelotonResponse(PelotonOp.RESISTANCE_TABLE, raw),
        ]
    return dialogue


def percent_after(*sent: PelotonRequest | PelotonResponse) -> float | None:
    """What the raw value 813 is after that: 50 by OTHER_TABLE, 51.39 by the default one."""
    protocol = Peloton()
    assert feed(protocol, *sent) == []
    return feed(protocol, RAW_813)[0].resistance_percent


BY_DEFAULT = resistance_percent(813)


def test_the_table_of_the_bike_replaces_the_default_one() -> None:
    assert percent_after(*table_dialogue(OTHER_TABLE)) == 50


def test_lost_table_entry_may_come_later() -> None:
    dialogue = table_dialogue(OTHER_TABLE)
    assert percent_after(*dialogue[:10], *dialogue[12:]) == BY_DEFAULT
    assert percent_after(*dialogue[:10], *dialogue[12:], *dialogue[10:12]) == 50


def test_second_answer_to_one_request_is_no_table_entry() -> None:
    dialogue = table_dialogue(OTHER_TABLE)
    entry_15_last = [*dialogue[32:], *dialogue[:32]]
    assert percent_after(*entry_15_last, PelotonResponse(PelotonOp.RESISTANCE_TABLE, 820)) == 50


WHOLE = table_dialogue(OTHER_TABLE)
LAST_ANSWER = WHOLE[-1]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(WHOLE[:-1], id="one answer short"),
        pytest.param(WHOLE[1::2], id="answers without requests"),
        pytest.param(
            [*WHOLE[:-1], PelotonRequest(PelotonOp.CADENCE), LAST_ANSWER],
            id="an answer after another request",
        ),
        pytest.param(
            table_dialogue([*OTHER_TABLE[:14], *OTHER_TABLE[16:13:-1], *OTHER_TABLE[17:]]),
            id="falling in places",
        ),
        pytest.param(table_dialogue(OTHER_TABLE[::-1]), id="falling"),
        pytest.param(table_dialogue([0] * RESISTANCE_TABLE_SIZE), id="level"),
    ],
)
def test_default_table_stays_after_an_incomplete_or_wrong_table(
    sent: list[PelotonRequest | PelotonResponse],
) -> None:
    assert percent_after(*sent) == BY_DEFAULT


@given(st.lists(st.binary(max_size=40)))
def test_peloton_protocol_survives_any_bytes(junk: list[bytes]) -> None:
    protocol = Peloton()
    for data in junk:
        protocol.feed(Frame(0, data))
    assert protocol.unusable_bytes <= sum(map(len, junk))
    assert feed(protocol, GOOD) == [Reading(7, cadence_rpm=88)]


@given(st.lists(messages), st.randoms(use_true_random=False))
def test_readings_do_not_depend_on_where_the_stream_is_cut(
    sent: list[PelotonRequest | PelotonResponse], random: Random
) -> None:
    wire = b"".join(map(encode, sent))
    cut = Peloton()
    readings = [
        reading for piece in chunks(wire, random, 30) for reading in cut.feed(Frame(7, piece))
    ]
    assert readings == feed(Peloton(), *sent)


S = 1_000_000_000
MS = 1_000_000


class Bike:
    """The other end of a polled line: answers as a real one does."""

    def __init__(self, tells_table: bool = True, tells_percent: bool = True) -> None:
        self._tells_table = tells_table
        self._tells_percent = tells_percent
        #: Unlike the default one.
        self.table = [raw + 7 for raw in DEFAULT_RESISTANCE_TABLE]
        self.asked: list[PelotonRequest] = []

    def answer(self, data: bytes) -> bytes:
        request = decode_request(data)
        assert request is not None
        self.asked.append(request)
        match request.op:
            case PelotonOp.RESISTANCE_TABLE if (
                request.table_index is not None and self._tells_table
            ):
                return encode_response(PelotonResponse(request.op, self.table[request.table_index]))
            case PelotonOp.RESISTANCE_PERCENT if self._tells_percent:
                return encode_response(PelotonResponse(request.op, 33))
            case PelotonOp.CADENCE | PelotonOp.POWER:
                return encode_response(PelotonResponse(request.op, 80))
            case PelotonOp.RESISTANCE_RAW:
                return encode_response(PelotonResponse(request.op, self.table[15]))
            case _:
                return b""


def converse(protocol: Peloton, bike: Bike, seconds: float, from_s: float = 0) -> list[Reading]:
    """As the transport does it: asked twenty times a second, everything that is sent is fed."""
    readings = []
    for now_ns in range(round(from_s * S), round((from_s + seconds) * S), 50 * MS):
        request = protocol.request(now_ns)
        if request:
            assert protocol.feed(Frame(now_ns, request, sent=True)) == []
            readings += protocol.feed(Frame(now_ns + 10 * MS, bike.answer(request)))
    return readings


class TestAsking:
    def test_peloton_is_polled_ten_times_a_second_half_for_its_table(self) -> None:
        bike = Bike()
        readings = converse(Peloton("poll"), bike, 6)
        assert len(bike.asked) == 60
        ops = [request.op for request in bike.asked]
        assert ops[1::2] == [PelotonOp.RESISTANCE_TABLE] * 30
        assert ops[0::2] == [PelotonOp.CADENCE, PelotonOp.POWER, PelotonOp.RESISTANCE_RAW] * 10
        assert sum(one.cadence_rpm == 80 for one in readings) == 10

    def test_every_value_comes_three_times_a_second_once_the_table_is_known(self) -> None:
        bike = Bike()
        protocol = Peloton("poll")
        converse(protocol, bike, 7)
        bike.asked.clear()
        readings = converse(protocol, bike, 3, from_s=7)
        assert sum(one.cadence_rpm == 80 for one in readings) == 10
        assert PelotonOp.RESISTANCE_TABLE not in [request.op for request in bike.asked]

    def test_poll_mode_learns_the_bikes_own_table(self) -> None:
        protocol, bike = Peloton("poll"), Bike()
        readings = [one for one in converse(protocol, bike, 14) if one.resistance_raw]
        before, after = readings[0].resistance_percent, readings[-1].resistance_percent
        assert list(protocol.table) == bike.table
        assert before != 50
        assert after == 50

    def test_given_table_is_used_from_the_first_answer(self) -> None:
        bike = Bike()
        readings = converse(Peloton("poll", bike.table), bike, 1)
        percents = [one.resistance_percent for one in readings if one.resistance_raw]
        assert set(percents) == {50}

    def test_lost_table_entries_are_asked_for_again(self) -> None:
        protocol, bike = Peloton("poll"), Bike()
        losing, answer = Random(1), bike.answer
        bike.answer = lambda data: b"" if losing.random() < 0.2 else answer(data)  # type: ignore[method-assign]
        converse(protocol, bike, 25)
        assert list(protocol.table) == bike.table

    def test_bikes_own_percent_is_used_when_it_tells_no_table(self) -> None:
        readings = converse(Peloton("poll"), Bike(tells_table=False), 20)
        percents = [one.resistance_percent for one in readings if one.resistance_percent]
        assert percents[-3:] == [33, 33, 33]
        assert all(one.resistance_percent is None for one in readings[-8:] if one.resistance_raw)

    def test_default_table_is_used_when_the_bike_tells_no_table_or_percent(self) -> None:
        bike = Bike(tells_table=False, tells_percent=False)
        readings = converse(Peloton("poll"), bike, 20)
        assert readings[-1].resistance_percent or readings[-2].resistance_percent

    @pytest.mark.parametrize("tells_percent", [True, False])
    def test_bike_is_asked_again_for_its_percent_only_if_it_answers(
        self, tells_percent: bool
    ) -> None:
        protocol, bike = Peloton("poll"), Bike(tells_table=False, tells_percent=tells_percent)
        converse(protocol, bike, 60)
        bike.asked.clear()
        converse(protocol, bike, 10, from_s=60)
        asked = PelotonRequest(PelotonOp.RESISTANCE_PERCENT) in bike.asked
        assert asked == tells_percent

    def test_a_request_in_the_middle_of_an_answer_does_not_cut_it(self) -> None:
        protocol = Peloton("poll")
        answer = encode_response(PelotonResponse(PelotonOp.CADENCE, 88))
        assert protocol.feed(Frame(1, answer[:4])) == []
        protocol.feed(Frame(2, encode_request(PelotonOp.POWER), sent=True))
        assert protocol.feed(Frame(3, answer[4:])) == [Reading(3, cadence_rpm=88)]


def entries_asked(bike: Bike) -> list[int | None]:
    return [one.table_index for one in bike.asked if one.op is PelotonOp.RESISTANCE_TABLE]


class TestKnownTable:
    def test_known_table_is_used_at_once_and_three_entries_are_asked(self) -> None:
        bike = Bike()
        protocol = Peloton("poll", known_table=bike.table)
        readings = converse(protocol, bike, 20)
        assert {one.resistance_percent for one in readings if one.resistance_raw} == {50}
        assert entries_asked(bike) == list(CHECKED_ENTRIES)
        assert PelotonOp.RESISTANCE_PERCENT not in [one.op for one in bike.asked]
        assert protocol.bike_table == bike.table

    @pytest.mark.parametrize("known", [(), (1, 2), range(32), (5,) * 31])
    def test_known_table_that_cannot_be_one_is_not_used(self, known: Sequence[int]) -> None:
        bike = Bike()
        protocol = Peloton("poll", known_table=known)
        assert protocol.bike_table is None
        converse(protocol, bike, 20)
        assert protocol.bike_table == bike.table

    def test_known_table_is_checked_within_a_second(self) -> None:
        bike = Bike()
        converse(Peloton("poll", known_table=bike.table), bike, 0.7)
        assert entries_asked(bike) == list(CHECKED_ENTRIES)

    @pytest.mark.parametrize("entry", CHECKED_ENTRIES)
    def test_another_bike_at_the_port_is_asked_for_its_whole_table(self, entry: int) -> None:
        bike = Bike()
        known = list(bike.table)
        known[entry] += 1
        protocol = Peloton("poll", known_table=known)
        converse(protocol, bike, 7)
        assert protocol.bike_table == bike.table
        assert set(entries_asked(bike)) == set(range(RESISTANCE_TABLE_SIZE))

    def test_table_of_another_bike_is_not_used_once_an_entry_differs(self) -> None:
        bike = Bike()
        protocol = Peloton("poll", bike.table, known_table=DEFAULT_RESISTANCE_TABLE)
        readings = converse(protocol, bike, 3)
        assert protocol.bike_table is None
        percents = {one.resistance_percent for one in readings if one.resistance_raw}
        assert percents == {50}, "by the table of the config; an entry came before the first value"

    def test_known_table_is_kept_while_the_bike_does_not_answer(self) -> None:
        bike = Bike(tells_table=False, tells_percent=False)
        protocol = Peloton("poll", known_table=bike.table)
        readings = converse(protocol, bike, 20)
        assert {one.resistance_percent for one in readings if one.resistance_raw} == {50}

    def test_known_table_is_used_while_a_tablet_asks(self) -> None:
        bike = Bike()
        protocol = Peloton("listen", known_table=bike.table)
        answer = encode_response(PelotonResponse(PelotonOp.RESISTANCE_RAW, bike.table[15]))
        (reading,) = protocol.feed(Frame(0, answer))
        assert reading.resistance_percent == 50

    def test_tablet_that_asks_for_another_table_corrects_a_known_one(self) -> None:
        bike = Bike()
        protocol = Peloton("listen", known_table=DEFAULT_RESISTANCE_TABLE)
        for index in range(RESISTANCE_TABLE_SIZE):
            request = encode_table_request(index)
            protocol.feed(Frame(0, request + bike.answer(request)))
        assert protocol.bike_table == bike.table


def test_line_of_the_peloton_has_19200_baud() -> None:
    assert Peloton.line is not None
    assert Peloton.line.baud_rates == (19200,)


class TestListening:
    ANSWER = encode_response(PelotonResponse(PelotonOp.CADENCE, 88))

    def test_auto_mode_listens_first_and_asks_if_nothing_is_heard(self) -> None:
        bike = Bike()
        protocol = Peloton()
        assert converse(protocol, bike, 1.5) == []
        assert bike.asked == []
        assert converse(Peloton(), bike, 3)

    @pytest.mark.parametrize(
        "heard", [ANSWER, encode_request(PelotonOp.POWER)], ids=["answer", "request"]
    )
    def test_auto_mode_never_asks_where_somebody_else_does(self, heard: bytes) -> None:
        protocol = Peloton()
        protocol.request(0)
        protocol.feed(Frame(S, heard))
        assert [protocol.request(now_ns) for now_ns in range(0, 60 * S, S // 10)] == [b""] * 600

    def test_junk_does_not_keep_auto_mode_from_asking(self) -> None:
        protocol = Peloton()
        protocol.request(0)
        protocol.feed(Frame(S, b"\xf1\xf6junk"))
        assert protocol.request(2 * S)

    def test_listen_mode_never_asks(self) -> None:
        protocol = Peloton("listen")
        assert [protocol.request(now_ns) for now_ns in range(0, 60 * S, S // 10)] == [b""] * 600

    def test_is_asked_tells_whether_the_protocol_polls_the_bike(self) -> None:
        asking, listening = Peloton("poll"), Peloton()
        assert not asking.is_asked
        asking.request(0)
        asking.feed(Frame(0, self.ANSWER))
        assert asking.is_asked, "one answer is enough"
        listening.feed(Frame(0, self.ANSWER))
        assert (asking.is_asked, listening.is_asked) == (True, False)

    def test_poll_mode_leaves_the_line_to_a_tablet_that_comes_later(self) -> None:
        protocol, bike = Peloton("poll"), Bike()
        converse(protocol, bike, 1)
        protocol.feed(Frame(S, encode_request(PelotonOp.POWER)))
        assert protocol.request(2 * S) == b""
