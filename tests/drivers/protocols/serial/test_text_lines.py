"""Lines of ASCII in a stream that is cut anywhere and full of junk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.serial.text_lines import TextLines

MAX_BYTES = 10


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_text_line_ends_with_cr_or_lf_or_both(end: bytes) -> None:
    lines = TextLines(MAX_BYTES)
    assert lines.feed(b"one" + end + b"two" + end + b"thr") == ["one", "two"]
    assert lines.feed(b"ee" + end) == ["three"]
    assert lines.unusable_bytes == 0


def test_empty_lines_are_skipped() -> None:
    assert TextLines(MAX_BYTES).feed(b"\r\n\r\n\n\rone\r\n\r\n") == ["one"]


def test_text_line_longer_than_the_limit_is_left_out() -> None:
    lines = TextLines(MAX_BYTES)
    assert lines.feed(b"x" * 10 + b"\n" + b"y" * 11 + b"\n" + b"z\n") == ["x" * 10, "z"]
    assert lines.unusable_bytes == 11


def test_a_line_that_is_not_ascii_is_left_out_whole() -> None:
    lines = TextLines(MAX_BYTES)
    assert lines.feed(b"\xff12\n34\n") == ["34"]
    assert lines.unusable_bytes == 3


def test_text_line_without_an_end_is_not_held() -> None:
    lines = TextLines(MAX_BYTES)
    assert lines.feed(b"x" * 100_000) == []
    assert lines.unusable_bytes == 100_000
    assert lines.feed(b"\none\n") == ["one"]


@given(st.lists(st.binary(max_size=40)))
def test_text_lines_survive_any_bytes(junk: list[bytes]) -> None:
    lines = TextLines(MAX_BYTES)
    fed_bytes = used_bytes = 0
    for data in junk:
        found = lines.feed(data)
        assert all(line and len(line) <= MAX_BYTES for line in found)
        fed_bytes += sum(byte not in b"\r\n" for byte in data)
        used_bytes += sum(map(len, found))
        assert 0 <= fed_bytes - used_bytes - lines.unusable_bytes <= MAX_BYTES
    assert lines.feed(b"\none\n")[-1] == "one"


@given(st.binary(max_size=100), st.integers(1, 20))
def test_text_lines_do_not_depend_on_where_the_stream_is_cut(wire: bytes, size: int) -> None:
    whole, cut = TextLines(MAX_BYTES), TextLines(MAX_BYTES)
    pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
    assert [line for piece in pieces for line in cut.feed(piece)] == whole.feed(wire)
    assert cut.unusable_bytes == whole.unusable_bytes
