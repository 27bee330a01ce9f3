"""Answers: from keys and from a file, the same words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers import Reading
from gateway.calibrating.prompt import (
    HOLD,
    AnswerError,
    AnswerFile,
    AnswerSource,
    Keys,
    Prompt,
    Question,
)
from gateway.calibrating.state import CalibrationError, LinkStatus
from tests.support.calibration_sitting import Sitting

POINT = Question("turn to 25 %", {"enter": "capture", "s": "skip", "q": "quit"}, may_hold=True)
NEXT = Question("turn to 50 %", POINT.words, may_hold=True)
USE = Question("use it?", {"y": "accept", "enter": "accept", "q": "quit"})


def script(directory: Path, text: str) -> AnswerFile:
    file = directory / "a.txt"
    file.write_text(text)
    return AnswerFile(file)


async def test_answer_file_answers_in_order_with_comments(tmp_path: Path) -> None:
    text = "# a bike in the hall\nhold  # 0 %\n\n  skip\naccept and nothing else matters\n"
    answers = script(tmp_path, text)
    found = [await answers.next(question) for question in (POINT, NEXT, USE)]
    assert found == [HOLD, "skip", "accept"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", r"a\.txt has no answer to 'use it\?'; expected one of: accept, quit"),
        ("# none\n", "has no answer"),
        ("\nacept", r"a\.txt: line 2: 'acept' is not an answer to 'use it\?'; expected one of"),
        ("hold", "line 1: 'hold' is not an answer"),
        ("y", "line 1: 'y' is not an answer"),
    ],
)
async def test_answer_file_names_the_place_of_a_wrong_answer(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(AnswerError, match=complaint):
        await script(tmp_path, text).next(USE)


async def test_answer_file_answers_a_question_once(tmp_path: Path) -> None:
    answers = script(tmp_path, "skip\nskip\ncapture")
    found = [await answers.next(question) for question in (POINT, POINT, POINT, NEXT, POINT)]
    assert found == ["skip", HOLD, HOLD, "skip", "capture"]


async def test_keys_give_the_word_they_stand_for_and_others_pass() -> None:
    pressed = iter("xX9S")

    async def key() -> str:
        return next(pressed)

    assert await Keys(key).next(POINT) == "skip"


WHERE = Question("where to?", {"l": "left", "r": "right"}, may_hold=True)
WHEN = Question("when?", {"n": "now"})


@asynccontextmanager
async def talking(directory: Path, *words: str) -> AsyncIterator[tuple[Sitting, Prompt]]:
    sitting = Sitting(directory, list(words))
    async with sitting.rig.session, sitting.context.prompt() as prompt:
        yield sitting, prompt


async def happened(
    sitting: Sitting, prompt: Prompt, question: Question, answers: AnswerSource | None = None
) -> object:
    answers = answers or sitting.context.answers
    waiting = asyncio.create_task(prompt.next(question, answers))
    while not waiting.done():
        await sitting.clock.run_for(0.05)
    return waiting.result()


async def test_prompt_hears_the_bike_and_answers(tmp_path: Path) -> None:
    async with talking(tmp_path, "left", "now") as (sitting, prompt):
        assert await happened(sitting, prompt, WHERE) == "left"
        assert await happened(sitting, prompt, WHEN) == "now"


async def test_prompt_puts_a_held_question_once_and_hears_the_bike(tmp_path: Path) -> None:
    async with talking(tmp_path, "hold", "now") as (sitting, prompt):
        heard = [await happened(sitting, prompt, WHERE) for _ in range(20)]
        assert any(isinstance(one, LinkStatus) for one in heard)
        assert any(isinstance(one, Reading) for one in heard)
        assert not any(isinstance(one, str) for one in heard)
        assert await happened(sitting, prompt, WHEN) == "now"


async def test_question_that_is_not_put_takes_no_line_of_a_file(tmp_path: Path) -> None:
    async with talking(tmp_path, "left") as (sitting, prompt):
        nobody = Question("is it there?", {"q": "quit"}, is_put=False)
        heard = [await happened(sitting, prompt, nobody) for _ in range(5)]
        assert not any(isinstance(one, str) for one in heard)
        assert await happened(sitting, prompt, WHERE) == "left"


async def test_a_key_that_was_pressed_for_one_question_answers_no_other(tmp_path: Path) -> None:
    async with talking(tmp_path) as (sitting, _):
        keys: asyncio.Queue[str] = asyncio.Queue()
        context, keyboard = sitting.context, Keys(keys.get)
        async with Prompt(context.session, context.clock, patience_s=20) as prompt:
            await happened(sitting, prompt, WHERE, keyboard)
            await happened(sitting, prompt, WHEN, keyboard)
            keys.put_nowait("l")
            keys.put_nowait("n")
            words = [await happened(sitting, prompt, WHEN, keyboard) for _ in range(10)]
            assert [word for word in words if isinstance(word, str)] == ["now"]


@pytest.mark.slow
@pytest.mark.parametrize(("waits_s", "ends"), [(110, False), (125, True)])
async def test_prompt_ends_when_its_patience_does(tmp_path: Path, waits_s: int, ends: bool) -> None:
    async with talking(tmp_path, "hold") as (sitting, prompt):

        async def wait() -> None:
            while True:
                await prompt.next(WHERE, sitting.context.answers)

        waiting = asyncio.create_task(wait())
        await sitting.clock.run_for(waits_s)
        assert waiting.done() == ends
        if ends:
            with pytest.raises(CalibrationError, match=r"nothing happened for 2 min.*where to\?"):
                waiting.result()
        waiting.cancel()
