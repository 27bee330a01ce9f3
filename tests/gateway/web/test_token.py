"""The file of the token."""

import stat
from pathlib import Path

import pytest

from gateway.web.token import TOKEN_BYTES, TokenFile, cookie_of, is_token


def test_token_is_created_once_for_its_owner_only(tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    assert file.token() == ""
    token = file.create()
    assert len(token) >= TOKEN_BYTES * 8 // 6
    assert file.create() == TokenFile(tmp_path).create() == token
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_rotated_token_is_seen_by_a_running_gateway(tmp_path: Path) -> None:
    gateway, command = TokenFile(tmp_path), TokenFile(tmp_path)
    old = gateway.create()
    assert command.rotate() == gateway.token() != old


def test_removed_file_locks_everybody_out(tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    file.create()
    file.path.unlink()
    assert file.token() == ""
    assert not is_token("", file.token())


def test_cookie_of_another_token_is_another_one() -> None:
    assert cookie_of("one") != cookie_of("other")


def test_file_in_a_directory_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        TokenFile(tmp_path / "missing").create()


def test_file_that_is_no_token_is_an_error_and_opens_nothing(tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    file.path.mkdir()
    with pytest.raises(OSError, match="it is a directory; expected a file"):
        file.create()
    assert file.token_or_nothing() == ""
