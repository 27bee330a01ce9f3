"""PEM files pasted at the terminal; test_cloud_dialogue.py has the questions around them."""

import io
from pathlib import Path

import pytest
import typer
from rich.console import Console

from gateway.setup.pasted import LINES_MAX, PASTE, or_pasted
from gateway.setup.questions import Check
from tests.support.mosquitto import Authority


def never(answer: str) -> str:
    raise AssertionError(answer)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "certificate.pem"


def check(file: Path, otherwise: Check = never) -> Check:
    return or_pasted(Console(file=io.StringIO()), "CERTIFICATE", file, otherwise)


def type_in(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_answer_that_is_not_paste_is_checked_as_before(file: Path) -> None:
    assert check(file, str.upper)("mine.pem") == "MINE.PEM"


def test_pasted_block_ends_with_its_last_line(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = Authority(tmp_path / "ca").issue("gateway-7").certificate_file.read_text()
    type_in(f"\n  {pem.strip()}  \nnext answer\n", monkeypatch)
    assert check(file)(PASTE) == str(file)
    assert file.read_text() == pem
    assert input() == "next answer"


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\n"])
def test_end_of_the_input_leaves_setup_and_no_file(
    text: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(text, monkeypatch)
    with pytest.raises(typer.Abort):
        check(file)(PASTE)
    assert not file.exists()


@pytest.mark.parametrize("text", ["-----END of it\n", "x\n" * (LINES_MAX + 1)])
def test_text_that_is_no_pem_is_refused(
    text: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(text, monkeypatch)
    with pytest.raises(typer.BadParameter, match="not a certificate in PEM format"):
        check(file)(PASTE)
    assert list(file.parent.iterdir()) == []


def test_block_pasted_at_the_question_is_the_answer(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = Authority(tmp_path / "ca").issue("gateway-7").certificate_file.read_text()
    first, *rest = pem.splitlines()
    for replaces in ("", "y\n"):
        type_in("\n".join(rest) + f"\n{replaces}next answer\n", monkeypatch)
        assert check(file)(first) == str(file)
        assert file.read_text() == pem
        assert input() == "next answer"


def test_line_that_begins_and_ends_a_block_is_the_whole_block(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in("next answer\n", monkeypatch)
    line = "-----BEGIN CERTIFICATE----- MII= -----END CERTIFICATE-----"
    assert check(file)(line) == str(file)
    assert input() == "next answer"
