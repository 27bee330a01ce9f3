"""What all tables of the config accept."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config.section import AnyPath, Section


class _Files(Section):
    key: AnyPath


def test_path_is_taken_as_it_is() -> None:
    assert _Files(key=Path("~/a key.pem")).key == Path("~/a key.pem")


@pytest.mark.parametrize("content", ["-----BEGIN PRIVATE KEY-----", "line\nline", "a\0b"])
def test_content_in_place_of_a_path_is_refused_without_repeating_it(content: str) -> None:
    with pytest.raises(ValidationError) as raised:
        _Files.model_validate({"key": content})
    assert "BEGIN" not in raised.value.errors()[0]["msg"]


def test_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        _Files.model_validate({"key": "k.pem", "kye": "k.pem"})
