"""The check for plain English finds what it is for, where it is, and leaves code alone."""

import textwrap
from pathlib import Path

import pytest

from tests import prose


def found_in(path: Path, content: str) -> list[tuple[int, str]]:
    """Return the line and the words of each complaint about a file with that content."""
    path.write_text(textwrap.dedent(content), encoding="utf-8")
    return [(complaint.line, complaint.found) for complaint in prose.complaints(path)]


@pytest.fixture
def module(tmp_path: Path) -> Path:
    return tmp_path / "module.py"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.md"


@pytest.mark.parametrize("start", ["def", "async def"])
def test_function_docstring_without_a_verb_is_found(module: Path, start: str) -> None:
    code = f'''\
        X = 1


        {start} name():
            """The name of the bike."""
        '''
    assert found_in(module, code) == [(4, "The")]


@pytest.mark.parametrize("first", ["Return", "Yield", "Raise", "Wait"])
def test_function_docstring_with_a_verb_passes(module: Path, first: str) -> None:
    assert found_in(module, f'def name():\n    """{first} the name of the bike."""\n') == []


def test_property_may_begin_with_a_noun(module: Path) -> None:
    code = '''\
        class Bike:
            """A bike."""

            @property
            def name(self):
                """The name on Bluetooth."""
        '''
    assert found_in(module, code) == []


def test_class_docstring_that_begins_with_no_noun_is_found(module: Path) -> None:
    assert found_in(module, 'class Bike:\n    """Of one bike."""\n') == [(1, "Of")]


def test_word_to_avoid_is_found_in_a_comment(module: Path) -> None:
    code = """\
        X = 1
        # The link is made anew.
        Y = 2  # whoever asks
        """
    assert found_in(module, code) == [(2, "anew"), (2, "whoever")]


def test_words_that_are_split_over_two_lines_of_a_comment_are_found(module: Path) -> None:
    assert found_in(module, "# A link that is so\n# long silent is closed.\n") == [(1, "so long")]


def test_word_to_avoid_is_found_in_a_text_for_the_user(module: Path) -> None:
    code = """\
        def main():
            print("nobody uses the port")
        """
    assert found_in(module, code) == [(2, "nobody")]


def test_word_to_avoid_is_found_in_an_f_string(module: Path) -> None:
    assert found_in(module, 'print(f"{1} says nothing")\n') == [(1, "says")]


def test_word_to_avoid_is_found_in_a_docstring(module: Path) -> None:
    code = '''\
        def close():
            """Close the link.

            The file stays as it was.
            """
        '''
    assert found_in(module, code) == [(2, "as it was")]


def test_code_of_a_module_is_not_prose(module: Path) -> None:
    code = """\
        from enum import Enum


        class says(Enum):
            told = "said"


        nobody = {"anew": says.told}
        """
    assert found_in(module, code) == []


def test_word_to_avoid_is_found_in_markdown(page: Path) -> None:
    text = """\
        # Bikes

        A bike is beside
        the gateway.

        * Everybody may look.
        """
    assert found_in(page, text) == [(3, "beside"), (6, "Everybody")]


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("The file stays. What is in it is sent.", "What is"),
        ("Who has no certificate cannot connect.", "Who has"),
    ],
)
def test_question_word_as_a_subject_is_found(page: Path, text: str, subject: str) -> None:
    assert found_in(page, text) == [(1, subject)]


def test_question_is_none_of_these(page: Path) -> None:
    assert found_in(page, "Who may calibrate a bike? Its owner.") == []


@pytest.mark.parametrize(
    "code",
    [
        "```\nnobody says so long\n```",
        "```sh\necho anew  # whoever\n```",
        "* An item:\n\n  ```\n  nobody says so long\n  ```",
        "    nobody says so long",
        "The option `--anew` and the file `beside.txt` are new.",
    ],
    ids=["fence", "fence with a language", "fence in a list", "indented", "in a line"],
)
def test_code_in_markdown_is_not_prose(page: Path, code: str) -> None:
    assert found_in(page, f"Before.\n\n{code}\n\nAfter.\n") == []


def test_word_after_a_code_block_is_found_on_its_line(page: Path) -> None:
    assert found_in(page, "```\nanew\n```\n\nIt is made anew.\n") == [(5, "anew")]


@pytest.mark.parametrize("name", ["gateway.toml", "gateway.service", "gateway.rules", "a.yaml"])
def test_other_files_are_read_whole(tmp_path: Path, name: str) -> None:
    assert found_in(tmp_path / name, "# The port,\n# which nobody uses.\n") == [(2, "nobody")]


def test_complaint_names_file_line_and_remedy(
    module: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module.write_text("# The link is made anew.\n", encoding="utf-8")
    assert prose.main([str(module)]) == 1
    assert capsys.readouterr().out == f"{module}:1: 'anew': again\n"


def test_plain_file_costs_no_words(module: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module.write_text("# The link is made again.\n", encoding="utf-8")
    assert prose.main([str(module)]) == 0
    assert capsys.readouterr().out == ""


def test_folder_is_read_without_what_programs_wrote(tmp_path: Path) -> None:
    for name in ("module.py", "page.md", "SUPPORTED_BIKES.md", "picture.svg"):
        (tmp_path / name).touch()
    assert [path.name for path in prose.files([str(tmp_path)])] == ["module.py", "page.md"]
