"""A line of JSON, whatever the texts in it are."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.terminal.json_line import json_line


@given(st.dictionaries(st.text(st.characters()), st.text(st.characters())))
def test_any_text_becomes_one_line_that_can_be_read(texts: dict[str, str]) -> None:
    line = json_line(texts)
    assert line.count(b"\n") == 1
    read = json.loads(line.decode())
    assert all(value.encode(errors="replace").decode() in read.values() for value in texts.values())


def test_text_in_unicode_is_unchanged() -> None:
    assert json_line({"name": "Zoë 🚲\n"}) == '{"name":"Zoë 🚲\\n"}\n'.encode()
