"""Answers to the questions of `calibrate`: keys on a terminal, or words in a file.

    # answers.txt: one word for each question, in their order
    hold        the first point, as soon as the knob is held still
    skip        the second
    accept
    save

A word means the same as the key that the question names for it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.host.errors import GatewayError

#: In a file, where a question may also be answered by what happens: wait for that.
HOLD = "hold"


class AnswerError(GatewayError):
    """The file has no answer, or one that is none. The text says where, and what was expected."""


@dataclass(frozen=True, slots=True)
class Question:
    """`words`: what may be answered, by the key for it.

    `may_hold`: it may answer itself. `is_put`: an answer is waited for; else a key is heard, too.
    """

    text: str
    words: Mapping[str, str]
    may_hold: bool = False
    is_put: bool = True


class Answers(Protocol):
    """Who answers."""

    async def next(self, question: Question) -> str:
        """One of the question's words, or HOLD: nothing more is answered to this question."""
        ...


class Keys:
    """Of a keyboard: `key` gives the next one that is pressed. Others than the question's pass."""

    def __init__(self, key: Callable[[], Awaitable[str]]) -> None:
        self._key = key

    async def next(self, question: Question) -> str:
        while (word := question.words.get((await self._key()).lower())) is None:
            pass
        return word


class Script:
    """Of a file. Raises AnswerError, and OSError if it cannot be read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text(encoding="utf-8").splitlines()
        words = [line.partition("#")[0].strip() for line in lines]
        self._words = iter([(number, word) for number, word in enumerate(words, 1) if word])
        self._answered: Question | None = None

    async def next(self, question: Question) -> str:
        """Each question is answered once, until another is put."""
        if not question.is_put or (question == self._answered and question.may_hold):
            return HOLD
        self._answered = question
        expected = [*dict.fromkeys(question.words.values()), *([HOLD] if question.may_hold else [])]
        line, word = next(self._words, (None, ""))
        word = word.split()[0] if word else ""
        if word in expected:
            return word
        one_of = f"expected one of: {', '.join(expected)}"
        if line is None:
            raise AnswerError(f"{self._file}: it has no answer to {question.text!r}; {one_of}")
        raise AnswerError(
            f"{self._file}: line {line}: {word!r} is no answer to {question.text!r}; {one_of}"
        )
