"""The line of a Monark: questions, numbers that answer them, and any junk between.

No recording of one is published: all answers are synthetic, of the form GoldenCheetah reads.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.serial.monark import (
    MAX_LINE_BYTES,
    WAKE,
    Monark,
    MonarkQuestion,
    decode_answer,
    decode_question,
    encode_answer,
    encode_question,
    kp,
)
from drivers.reading import Frame, Reading

S = 1_000_000_000
MS = 1_000_000

QUESTIONS = {
    "id": (b"id\r", MonarkQuestion.ID),
    "power": (b"power\r", MonarkQuestion.POWER),
    "pulse": (b"pulse\r", MonarkQuestion.PULSE),
    "pedal": (b"pedal\r", MonarkQuestion.PEDAL),
}
ANSWERS = {
    "0 W": (MonarkQuestion.POWER, b"0\r", 0),
    "147 W": (MonarkQuestion.POWER, b"147\r", 147),
    "3000 W": (MonarkQuestion.POWER, b"3000\r", 3000),
    "131 beats": (MonarkQuestion.PULSE, b"131\r", 131),
    "75 rpm": (MonarkQuestion.PEDAL, b"75\r", 75),
    "250 rpm": (MonarkQuestion.PEDAL, b"250\r", 250),
}


def ask(protocol: Monark, question: MonarkQuestion, answer: bytes, at_ns: int = 7) -> list[Reading]:
    """The Readings of `answer`, which comes at once."""
    assert protocol.feed(Frame(at_ns, encode_question(question), sent=True)) == []
    return protocol.feed(Frame(at_ns, answer))


@pytest.mark.parametrize(("data", "question"), QUESTIONS.values(), ids=QUESTIONS)
def test_question_reads_and_writes(data: bytes, question: MonarkQuestion) -> None:
    assert decode_question(data) is question
    assert encode_question(question) == data


@pytest.mark.parametrize(("question", "data", "value"), ANSWERS.values(), ids=ANSWERS)
def test_answer_reads_and_writes(question: MonarkQuestion, data: bytes, value: int) -> None:
    assert decode_answer(question, data.decode().rstrip()) == value
    assert encode_answer(value) == data


@pytest.mark.parametrize("data", [b"", b"\r", b"power", b"power 100\r", b"kp 2.0\r", b"\xff\r"])
def test_bytes_that_are_no_question_decode_to_none(data: bytes) -> None:
    assert decode_question(data) is None


@pytest.mark.parametrize(
    ("question", "line"),
    [
        *((MonarkQuestion.POWER, line) for line in ("", "power", "-1", "+1", "1.5", "1 2", "3001")),
        *((MonarkQuestion.PULSE, line) for line in ("251", "manual", "0x10", "9" * 79)),
        *((MonarkQuestion.PEDAL, line) for line in ("251", "1e1", "\u0665", "²")),
        (MonarkQuestion.ID, "100"),
    ],
)
def test_line_that_is_no_answer_decodes_to_none(question: MonarkQuestion, line: str) -> None:
    assert decode_answer(question, line) is None


@given(st.sampled_from(MonarkQuestion), st.text(max_size=20))
def test_any_text_decodes(question: MonarkQuestion, line: str) -> None:
    assert isinstance(decode_answer(question, line), int | None)


def test_kp_is_what_makes_the_power_at_that_cadence() -> None:
    assert kp(147, 75) == pytest.approx(2)
    assert kp(58.8, 60) == pytest.approx(1)
    assert kp(0, 10) == 0
    assert kp(100, 9) is None
    assert kp(100, 0) is None


class TestAnswers:
    def test_monark_answer_is_understood_by_its_question(self) -> None:
        protocol = Monark()
        assert ask(protocol, MonarkQuestion.ID, b"LC4\r") == []
        assert ask(protocol, MonarkQuestion.POWER, b"147\r") == [Reading(7, power_w=147)]
        assert ask(protocol, MonarkQuestion.PULSE, b"131\r") == [Reading(7, heart_rate_bpm=131)]
        cadence, force = ask(protocol, MonarkQuestion.PEDAL, b"75\r")
        assert cadence == Reading(7, cadence_rpm=75)
        assert force.resistance_raw == pytest.approx(2)
        assert force == Reading(7, resistance_raw=force.resistance_raw, source="derived")
        assert protocol.unusable_bytes == 0

    def test_pulse_of_zero_gives_no_heart_rate(self) -> None:
        assert ask(Monark(), MonarkQuestion.PULSE, b"0\r") == []

    def test_slow_pedals_tell_no_kp(self) -> None:
        protocol = Monark()
        ask(protocol, MonarkQuestion.POWER, b"147\r")
        assert ask(protocol, MonarkQuestion.PEDAL, b"9\r") == [Reading(7, cadence_rpm=9)]

    def test_the_power_of_another_cycle_tells_no_kp(self) -> None:
        protocol = Monark()
        ask(protocol, MonarkQuestion.POWER, b"147\r")
        ask(protocol, MonarkQuestion.POWER, b"")
        assert ask(protocol, MonarkQuestion.PEDAL, b"75\r") == [Reading(7, cadence_rpm=75)]

    def test_a_number_nobody_asked_for_is_junk(self) -> None:
        protocol = Monark()
        assert protocol.feed(Frame(7, b"147\r")) == []
        ask(protocol, MonarkQuestion.POWER, b"1\r")
        assert protocol.feed(Frame(7, b"147\r")) == []
        assert protocol.unusable_bytes == 6

    def test_a_number_that_comes_too_late_is_junk(self) -> None:
        protocol = Monark()
        ask(protocol, MonarkQuestion.POWER, b"", 0)
        assert protocol.feed(Frame(501 * MS, b"147\r")) == []
        assert protocol.unusable_bytes == 3

    def test_other_lines_before_the_number_do_no_harm(self) -> None:
        protocol = Monark()
        assert ask(protocol, MonarkQuestion.POWER, b"power\r\r\n9999\r147\r") == [
            Reading(7, power_w=147)
        ]
        assert protocol.unusable_bytes == 9

    def test_half_a_number_does_not_become_part_of_the_next(self) -> None:
        protocol = Monark()
        ask(protocol, MonarkQuestion.POWER, b"14")
        assert ask(protocol, MonarkQuestion.PULSE, b"131\r") == [Reading(7, heart_rate_bpm=131)]
        assert protocol.unusable_bytes == 2


class TestWire:
    @given(st.integers(0, 3000), st.integers(1, 6))
    def test_monark_answer_may_be_cut_anywhere(self, power_w: int, size: int) -> None:
        protocol = Monark()
        wire = encode_answer(power_w)
        ask(protocol, MonarkQuestion.POWER, b"")
        pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
        assert [one for piece in pieces for one in protocol.feed(Frame(7, piece))] == [
            Reading(7, power_w=power_w)
        ]
        assert protocol.unusable_bytes == 0

    @given(st.lists(st.tuples(st.binary(max_size=200), st.booleans())))
    def test_monark_protocol_survives_any_bytes(self, junk: list[tuple[bytes, bool]]) -> None:
        protocol = Monark()
        for data, sent in junk:
            protocol.feed(Frame(7, data, sent))
            assert len(protocol._lines._held) <= MAX_LINE_BYTES
        assert protocol.unusable_bytes <= sum(len(data) for data, sent in junk if not sent)
        assert ask(protocol, MonarkQuestion.POWER, b"147\r") == [Reading(7, power_w=147)]

    def test_monark_answer_is_heard_after_100_kb_of_junk(self) -> None:
        protocol = Monark()
        ask(protocol, MonarkQuestion.POWER, b"\xff" * 100_000)
        assert protocol.unusable_bytes == 100_000
        assert ask(protocol, MonarkQuestion.POWER, b"147\r") == [Reading(7, power_w=147)]


class Bike:
    """The other end, with an answer for some questions."""

    def __init__(self, **answers: str) -> None:
        self._answers = answers
        #: (ms, question)
        self.asked: list[tuple[int, str]] = []

    def converse(self, protocol: Monark, seconds: float) -> list[Reading]:
        readings = []
        for now_ns in range(0, round(seconds * S), 50 * MS):
            data = protocol.request(now_ns)
            if data:
                word = data.decode().rstrip()
                self.asked.append((now_ns // MS, word))
                protocol.feed(Frame(now_ns, data, sent=True))
                answer = self._answers.get(word)
                if answer is not None:
                    readings += protocol.feed(Frame(now_ns + 30 * MS, f"{answer}\r".encode()))
        return readings


class TestAsking:
    def test_monark_is_woken_then_asked_its_id_then_its_values_each_second(self) -> None:
        bike = Bike(id="lc4", power="147", pulse="0", pedal="75")
        readings = bike.converse(Monark(), 2.5)
        assert bike.asked == [
            *((0, ""), (50, "id"), (100, "power"), (150, "pulse"), (200, "pedal")),
            *((1100, "power"), (1150, "pulse"), (1200, "pedal")),
            *((2100, "power"), (2150, "pulse"), (2200, "pedal")),
        ]
        assert [one.cadence_rpm for one in readings if one.cadence_rpm] == [75] * 3

    def test_a_question_without_an_answer_is_given_up_after_a_second(self) -> None:
        bike = Bike(power="147", pedal="75")
        readings = bike.converse(Monark(), 2.3)
        assert bike.asked == [
            *((0, ""), (50, "id"), (1050, "power"), (1100, "pulse"), (2100, "pedal")),
            *((2150, "power"), (2200, "pulse")),
        ]
        assert [one.power_w for one in readings if one.power_w] == [147, 147]

    @pytest.mark.parametrize("late_ns", [550 * MS, 950 * MS])
    def test_a_late_answer_is_not_that_to_the_next_question(self, late_ns: int) -> None:
        protocol = Monark()
        readings, coming = [], dict[int, bytes]()
        for now_ns in range(0, 20 * S, 50 * MS):
            readings += protocol.feed(Frame(now_ns, coming.pop(now_ns, b"")))
            data = protocol.request(now_ns)
            if data:
                protocol.feed(Frame(now_ns, data, sent=True))
                coming[now_ns + late_ns] = b"LC4\r" if data in (WAKE, b"id\r") else b"147\r"
        assert readings == []

    def test_monark_that_never_answers_is_still_asked(self) -> None:
        bike = Bike()
        assert bike.converse(Monark(), 10) == []
        assert {word for _, word in bike.asked[-3:]} == {"power", "pulse", "pedal"}

    def test_first_request_to_a_monark_is_an_empty_line(self) -> None:
        assert Monark().request(0) == WAKE == b"\r"
