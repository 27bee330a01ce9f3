"""A number in a file, and everything else that a file can hold."""

from pathlib import Path

import pytest

from drivers.fake.number_file import number_in


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (b"25", 25.0),
        (b" 12.5\n", 12.5),
        (b"0", 0.0),
        (b"100", 100.0),
        (b"100.1", None),
        (b"-1", None),
        (b"", None),
        (b"fast", None),
        (b"nan", None),
        (b"inf", None),
        (b"\xff\xfe", None),
        (b"0" * 100 + b"7", 0.0),
    ],
)
def test_it_is_a_number_in_its_bounds_or_none(
    tmp_path: Path, content: bytes, number: float | None
) -> None:
    file = tmp_path / "number"
    file.write_bytes(content)
    assert number_in(file, most=100.0) == number


def test_without_a_file_there_is_none(tmp_path: Path) -> None:
    assert number_in(tmp_path / "number", most=100.0) is None
    assert number_in(tmp_path, most=100.0) is None
