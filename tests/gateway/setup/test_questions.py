"""Questions repeat until their check accepts the answer; dialogues: cli/test_setup.py."""

import pytest
import typer
from typer.testing import CliRunner

from gateway.setup.questions import agrees, ask


def said(answers: str) -> str:
    app = typer.Typer()

    def even(answer: str) -> str:
        if int(answer) % 2:
            raise typer.BadParameter("expected an even number")
        return answer

    @app.command()
    def command() -> None:
        typer.echo(f"got {ask('Number', 4, even, 'Enter an even number.')}")
        typer.echo(f"got {agrees('Sure?')}")

    return CliRunner().invoke(app, [], input=answers).output


def test_question_is_repeated_until_its_answer_is_valid() -> None:
    text = said(" 3 \n 8 \nn\n")
    assert "expected an even number" in text
    assert "got 8\n" in text
    assert "got False" in text


@pytest.mark.parametrize("words", ["Number [4]: ", "got 4\n", "got True"])
def test_enter_accepts_what_is_proposed(words: str) -> None:
    assert words in said("\n\n")


def test_explanation_is_printed_once_above_the_question() -> None:
    lines = said("3\n8\ny\n").splitlines()
    assert lines.count("Enter an even number.") == 1
    assert lines[:2] == ["Enter an even number.", "Number [4]: 3"]


@pytest.mark.parametrize(("answer", "agreed"), [("Y", True), ("yes", True), ("No", False)])
def test_yes_and_no_have_several_spellings(answer: str, *, agreed: bool) -> None:
    assert f"got {agreed}\n" in said(f"8\n{answer}\n")


def test_answer_that_is_neither_yes_nor_no_is_told_what_is_expected() -> None:
    text = said("8\nx\nn\n")
    assert "Error: 'x' is not an answer; expected y (yes) or n (no)\nSure? [Y/n]: n" in text
    assert "got False\n" in text
