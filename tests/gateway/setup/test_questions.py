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
        typer.echo(f"got {ask('Number', 4, even)}")
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
