"""Monark LC, LT2, Novo and 839E: each request is one word, each answer one number.

4800 baud, 8N1, XON/XOFF, ASCII. In both directions a line ends with CR. An answer does not
contain the word that it answers:

    id        text, such as LC4         pulse     1/min
    power     W                         pedal     rpm

Source: GoldenCheetah/GoldenCheetah (MonarkConnection).
"""

import re
from enum import Enum

from drivers.protocols.base import Evidence, SerialLine, WireProtocol
from drivers.protocols.serial.text_lines import TextLines
from drivers.reading import Frame, Reading

#: The interval at which power, pulse and pedal are requested.
CYCLE_NS = 1_000_000_000
#: An answer is ignored after this time …
ANSWER_WITHIN_NS = 500_000_000
#: … but may still arrive. The next question waits this long, so as not to be answered by it.
NEXT_AFTER_NS = 1_000_000_000
#: The first line after opening the port may be lost, so an empty one is sent first.
WAKE = b"\r"

MAX_LINE_BYTES = 80

#: W = kp × rpm × this: a force of one kilopond at the rim, which moves 6 m each turn.
W_PER_KP_RPM = 0.98
#: The least cadence from which the force is derived; below it the quotient is meaningless.
MIN_KP_RPM = 10


class MonarkQuestion(Enum):
    """A question; its value is the word that is sent."""

    ID = "id"
    #: The answer is in W.
    POWER = "power"
    #: The answer is in 1/min; 0 without a sensor.
    PULSE = "pulse"
    #: The answer is in rpm.
    PEDAL = "pedal"


_CYCLE = (MonarkQuestion.POWER, MonarkQuestion.PULSE, MonarkQuestion.PEDAL)
_NUMBER = re.compile(r"[0-9]{1,5}")
_MOST = {MonarkQuestion.POWER: 3000, MonarkQuestion.PULSE: 250, MonarkQuestion.PEDAL: 250}


def encode_question(question: MonarkQuestion) -> bytes:
    return f"{question.value}\r".encode("ascii")


_QUESTIONS = {encode_question(question): question for question in MonarkQuestion}


def decode_question(data: bytes) -> MonarkQuestion | None:
    """Decode a question with its CR; return None if `data` is not a known one."""
    return _QUESTIONS.get(data)


def decode_answer(question: MonarkQuestion, line: str) -> int | None:
    """Decode the answer to `question`; return None unless `line` is a plausible number."""
    text = line.strip(" ")
    if question not in _MOST or not _NUMBER.fullmatch(text):
        return None
    value = int(text)
    return value if value <= _MOST[question] else None


def encode_answer(value: int) -> bytes:
    return f"{value}\r".encode("ascii")


def kp(power_w: float, cadence_rpm: float) -> float | None:
    """Return the brake's force in kilopond; None if the pedals are too slow to derive it."""
    return power_w / (cadence_rpm * W_PER_KP_RPM) if cadence_rpm >= MIN_KP_RPM else None


class Monark(WireProtocol):
    """The client of a Monark bike: one Reading for each answer.

    The question that was sent last determines the meaning of an answer. Each cadence is followed
    by a second Reading with the force in kp, which is derived from power and cadence.
    """

    evidence = Evidence.DOCUMENTS
    line = SerialLine(baud_rates=(4800,), xonxoff=True)
    #: Three cycles of questions.
    stale_after_s = 3.0
    reports_own_number = True

    def __init__(self) -> None:
        super().__init__()
        self._lines = TextLines(MAX_LINE_BYTES)
        self._meaningless_bytes = 0
        self._to_ask = [WAKE, encode_question(MonarkQuestion.ID)]
        self._cycle_ns = 0
        #: The question that has not been answered yet, and the time at which it was sent.
        self._question: MonarkQuestion | None = None
        self._asked_ns = 0
        #: The answer to POWER in this cycle.
        self._power_w: int | None = None

    def feed(self, frame: Frame) -> list[Reading]:
        # Bytes that arrived before a question are not the beginning of its answer: end their line.
        lines = self._lines.feed(WAKE if frame.sent else frame.data)
        if frame.sent:
            self._question = None
        readings = [reading for line in lines for reading in self._take_line(frame.at_ns, line)]
        if frame.sent:
            self._open(frame)
        self.unusable_bytes = self._lines.unusable_bytes + self._meaningless_bytes
        return readings

    def request(self, now_ns: int) -> bytes:
        """Return the next question, once the last one is answered or NEXT_AFTER_NS has passed."""
        if self._question is not None and now_ns - self._asked_ns < NEXT_AFTER_NS:
            return b""
        if not self._to_ask:
            if now_ns < self._cycle_ns:
                return b""
            self._cycle_ns = now_ns + CYCLE_NS
            self._to_ask = [encode_question(question) for question in _CYCLE]
        return self._to_ask.pop(0)

    def _open(self, frame: Frame) -> None:
        self._question = decode_question(frame.data)
        self._asked_ns = frame.at_ns
        if self._question is MonarkQuestion.POWER:
            self._power_w = None

    def _take_line(self, at_ns: int, line: str) -> list[Reading]:
        question = self._question
        is_late = at_ns - self._asked_ns > ANSWER_WITHIN_NS
        if question is MonarkQuestion.ID and not is_late:
            self._question = None
            return []
        value = None if question is None or is_late else decode_answer(question, line)
        if question is None or value is None:
            self._meaningless_bytes += len(line)
            return []
        self._question = None
        return self._readings(at_ns, question, value)

    def _readings(self, at_ns: int, question: MonarkQuestion, value: int) -> list[Reading]:
        match question:
            case MonarkQuestion.POWER:
                self._power_w = value
                return [Reading(at_ns, power_w=value)]
            case MonarkQuestion.PULSE:
                return [Reading(at_ns, heart_rate_bpm=value)] if value else []
            case _:
                readings = [Reading(at_ns, cadence_rpm=value)]
                force = None if self._power_w is None else kp(self._power_w, value)
                if force is not None:
                    readings.append(Reading(at_ns, resistance_raw=force, source="derived"))
                return readings
