"""Questions of `calibrate`, answered by keys on a terminal or by words in a file.

    # answers.txt: one word for each question, in order
    hold        capture the first point as soon as the knob is held still
    skip        skip the second point
    accept
    save

A word has the same effect as the key that the question shows for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from drivers import Reading
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import CalibrationError, LinkStatus
from gateway.host.errors import GatewayError
from gateway.terminal.units import duration
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

#: The word in a file that lets a question wait for an event to answer it.
HOLD = "hold"


class AnswerError(GatewayError):
    """A file's answer is missing or invalid. The text names the place, and what was expected."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question to the user. `words` contains the possible answers by key.

    `may_hold`: events may answer the question. `is_put`: files answer it, too; else only a key
    does.
    """

    text: str
    words: Mapping[str, str]
    may_hold: bool = False
    is_put: bool = True


class AnswerSource(Protocol):
    """A source of answers: a keyboard or a file."""

    async def next(self, question: Question) -> str:
        """Return one of the question's words, or HOLD if no further answer to it will come."""
        ...


class Keys:
    """Answers from a keyboard: `key` returns the next key. Keys without a word are ignored."""

    def __init__(self, key: Callable[[], Awaitable[str]]) -> None:
        self._key = key

    async def next(self, question: Question) -> str:
        while (word := question.words.get((await self._key()).lower())) is None:
            pass
        return word


class AnswerFile:
    """Answers from a file. Raises AnswerError, and OSError if it cannot be read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text(encoding="utf-8").splitlines()
        words = [line.partition("#")[0].strip() for line in lines]
        self._words = iter([(number, word) for number, word in enumerate(words, 1) if word])
        self._answered: Question | None = None

    async def next(self, question: Question) -> str:
        """Answer each question once, until another question is asked."""
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
            raise AnswerError(f"{self._file} has no answer to {question.text!r}; {one_of}")
        raise AnswerError(
            f"{self._file}: line {line}: {word!r} is not an answer to {question.text!r}; {one_of}"
        )


#: How often `Prompt.next` returns when nothing happens, in nanoseconds.
TICK_NS = NS_PER_S // 4


class Prompt:
    """A context manager that waits for news of the bike and for answers to questions.

    It ends the session if neither the user nor an event answers a question for `patience_s`.
    """

    def __init__(
        self,
        session: CalibrationSession,
        clock: GatewayClock,
        patience_s: float = inf,
        tick_ns: int = TICK_NS,
    ) -> None:
        self._session = session
        self._clock = clock
        self._patience_s = patience_s
        self._tick_ns = tick_ns
        self._question: Question | None = None
        self._asked_ns = 0
        self._asking: asyncio.Task[str] | None = None
        self._hearing: asyncio.Task[Reading | LinkStatus] | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._is_held = False

    async def __aenter__(self) -> Self:
        self._news = self._session.news()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        waiting = [one for one in (self._hearing, self._asking, self._ticking) if one is not None]
        for task in waiting:
            task.cancel()
        if waiting:
            await asyncio.wait(waiting)
        await self._news.aclose()

    async def begin(self, question: Question, answers: AnswerSource) -> None:
        """Start to wait for the answer before the question is shown.

        A source may discard earlier keys; the answer to this question is not among them.
        """
        self._put(question)
        self._wait_for(question, answers)
        await asyncio.sleep(0)  # The task starts to wait.

    async def next(
        self, question: Question, answers: AnswerSource | None
    ) -> Reading | LinkStatus | str | None:
        """Return news, an answer to `question`, or None after `tick_ns` without either.

        Without `answers` only news is awaited. Raises CalibrationError when the session has ended
        or `patience_s` is over, and what the answers raise.
        """
        if question != self._question:
            self._put(question)
        await asyncio.wait(self._wait_for(question, answers), return_when=asyncio.FIRST_COMPLETED)
        if self._asking is not None and self._asking.done():
            return self._answered()
        if self._hearing is not None and self._hearing.done():
            heard, self._hearing = self._hearing.result(), None
            return heard
        self._ticking = None
        self._be_patient()
        return None

    def _wait_for(
        self, question: Question, answers: AnswerSource | None
    ) -> list[asyncio.Task[Any]]:
        if self._hearing is None:
            self._hearing = asyncio.create_task(self._hear())
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick())
        if self._asking is None and not self._is_held and answers is not None:
            self._asking = asyncio.create_task(self._answer(question, answers))
        return [one for one in (self._hearing, self._asking, self._ticking) if one is not None]

    async def _hear(self) -> Reading | LinkStatus:
        return await anext(self._news)

    async def _answer(self, question: Question, answers: AnswerSource) -> str:
        return await answers.next(question)

    async def _tick(self) -> None:
        await self._clock.sleep_until(self._clock.monotonic_ns() + self._tick_ns)

    def _put(self, question: Question) -> None:
        if self._asking is not None:
            self._asking.cancel()
        self._asking = None
        self._is_held = False
        self._question = question
        self._asked_ns = self._clock.monotonic_ns()

    def _answered(self) -> str | None:
        assert self._asking is not None
        word, self._asking = self._asking.result(), None
        if word == HOLD:
            self._is_held = True
            return None
        self._asked_ns = self._clock.monotonic_ns()
        return word

    def _be_patient(self) -> None:
        waited_ns = self._clock.monotonic_ns() - self._asked_ns
        if waited_ns > self._patience_s * NS_PER_S:
            assert self._question is not None
            link = self._session.link
            why = f" ({link.reason})" if link.reason else ""
            raise CalibrationError(
                f"nothing happened for {duration(self._patience_s)}{why}; the session has ended, "
                f"and nothing was changed. The last step was: {self._question.text}"
            )
