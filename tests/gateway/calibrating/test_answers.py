"""Answers: from keys and from a file, the same words."""

from pathlib import Path

import pytest

from gateway.calibrating.answers import HOLD, AnswerError, Keys, Question, Script

POINT = Question("turn to 25 %", {"enter": "capture", "s": "skip", "q": "quit"}, may_hold=True)
NEXT = Question("turn to 50 %", POINT.words, may_hold=True)
USE = Question("use it?", {"y": "accept", "enter": "accept", "q": "quit"})


def script(directory: Path, text: str) -> Script:
    file = directory / "a.txt"
    file.write_text(text)
    return Script(file)


async def test_a_file_answers_in_order_with_comments(tmp_path: Path) -> None:
    text = "# a bike in the hall\nhold  # 0 %\n\n  skip\naccept and nothing else matters\n"
    answers = script(tmp_path, text)
    found = [await answers.next(question) for question in (POINT, NEXT, USE)]
    assert found == [HOLD, "skip", "accept"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", r"a\.txt: it has no answer to 'use it\?'; expected one of: accept, quit"),
        ("# none\n", "it has no answer"),
        ("\nacept", r"a\.txt: line 2: 'acept' is no answer to 'use it\?'; expected one of"),
        ("hold", "line 1: 'hold' is no answer"),
        ("y", "line 1: 'y' is no answer"),
    ],
)
async def test_what_is_no_answer_is_said_with_its_place(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(AnswerError, match=complaint):
        await script(tmp_path, text).next(USE)


async def test_a_question_is_answered_once(tmp_path: Path) -> None:
    answers = script(tmp_path, "skip\nskip\ncapture")
    found = [await answers.next(question) for question in (POINT, POINT, POINT, NEXT, POINT)]
    assert found == ["skip", HOLD, HOLD, "skip", "capture"]


async def test_a_key_is_the_word_it_stands_for_and_others_pass() -> None:
    pressed = iter("xX9S")

    async def key() -> str:
        return next(pressed)

    assert await Keys(key).next(POINT) == "skip"
