"""Answers: from keys and from a file, the same words."""

from pathlib import Path

import pytest

from gateway.answers import HOLD, AnswerError, Keys, Question, Script

POINT = Question("turn to 25 %", {"enter": "capture", "s": "skip", "q": "quit"}, may_hold=True)
USE = Question("use it?", {"y": "accept", "enter": "accept", "q": "quit"})


async def answers(text: str, file: Path, *questions: Question) -> list[str]:
    file.write_text(text)
    script = Script(file)
    return [await script.next(question) for question in questions]


async def test_a_file_answers_in_order_with_comments(tmp_path: Path) -> None:
    text = "# a bike in the hall\nhold  # 0 %\n\n  skip\naccept and nothing else matters\n"
    found = await answers(text, tmp_path / "a.txt", POINT, POINT, USE)
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
        await answers(text, tmp_path / "a.txt", USE)


async def test_a_key_is_the_word_it_stands_for_and_others_pass() -> None:
    pressed = iter("xX9S")

    async def key() -> str:
        return next(pressed)

    assert await Keys(key).next(POINT) == "skip"
