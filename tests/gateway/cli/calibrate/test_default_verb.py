"""A group whose first verb may be left out: help, options first, completion."""

import pytest
import typer
from typer.testing import CliRunner, Result

from gateway.cli.calibrate.default_verb import DefaultVerbGroup

app = typer.Typer(cls=DefaultVerbGroup, no_args_is_help=True, rich_markup_mode=None)
main = typer.Typer(rich_markup_mode=None)
main.add_typer(app, name="calibrate")


@app.command()
def resistance(bike: str, points: int = 5, both_ways: bool = False) -> None:
    """Guided."""
    typer.echo(f"resistance {bike} {points} {both_ways}")


@app.command()
def show(bike: str) -> None:
    """Shown."""
    typer.echo(f"show {bike}")


@main.command()
def other() -> None:
    pass


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["calibrate", *arguments])


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ("bike-1", "resistance bike-1 5 False"),
        ("resistance bike-1", "resistance bike-1 5 False"),
        ("--points 11 bike-1", "resistance bike-1 11 False"),
        ("bike-1 --points 11 --both-ways", "resistance bike-1 11 True"),
        ("--both-ways bike-1", "resistance bike-1 5 True"),
        ("show bike-1", "show bike-1"),
        ("resistance show", "resistance show 5 False"),  # a bike of that name
    ],
)
def test_default_verb_is_taken_where_none_is_named(arguments: str, output: str) -> None:
    assert run(*arguments.split()).output == f"{output}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_calibrate_help_lists_the_verbs(arguments: list[str]) -> None:
    shown = run(*arguments).output
    assert "resistance" in shown
    assert "Shown." in shown
    assert "--points" not in shown


def test_calibrate_help_after_the_bike_is_that_of_the_verb() -> None:
    assert "--points" in run("bike-1", "--help").output
    assert "--points" in run("--points", "3", "--help").output


def test_calibrate_wrong_option_is_told_as_of_the_verb() -> None:
    result = run("bike-1", "--pionts", "3")
    assert result.exit_code == 2
    assert "--pionts" in result.output


def completed(words: str) -> list[str]:
    """What bash is offered after `alleycat-gateway`; the last word is not finished."""
    result = CliRunner().invoke(
        main,
        prog_name="alleycat-gateway",
        env={
            "_ALLEYCAT_GATEWAY_COMPLETE": "complete_bash",
            "COMP_WORDS": f"alleycat-gateway {words}",
            "COMP_CWORD": str(len(words.split(" "))),
        },
    )
    return result.output.split()


def test_the_shell_completes_verbs_and_the_options_of_the_one_left_out() -> None:
    assert completed("calibrate ") == ["resistance", "show"]
    assert completed("calibrate sh") == ["show"]
    assert completed("calibrate --po") == ["--points"]
    assert completed("calibrate bike-1 --bo") == ["--both-ways"]
    assert completed("calibrate show --po") == []
