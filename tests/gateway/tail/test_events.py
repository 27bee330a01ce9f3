"""The lines of `tail`, as the daemon writes them and the command reads them."""

import json

import pytest

from gateway.tail.events import (
    TailEvent,
    TailFormatError,
    event_from_line,
    message_line,
    skipped_line,
)
from tests.support.telemetry import message


def test_line_of_a_message_contains_its_payload_byte_for_byte() -> None:
    payload = message(3).to_json()
    line = message_line("produced", payload)
    assert payload in line
    assert line.endswith(b"}\n")
    assert json.loads(line) == {"state": "produced", "message": json.loads(payload)}


def test_line_of_a_message_is_read_back() -> None:
    line = message_line("acknowledged", message(3).to_json())
    assert event_from_line(line) == TailEvent("acknowledged", message(3))


def test_line_of_skipped_events_is_read_back() -> None:
    assert event_from_line(skipped_line(12)) == TailEvent("skipped", events=12)


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b'{"state":"sung"}\n', b'{"state":"produced'])
def test_line_of_another_version_asks_for_a_restart(line: bytes) -> None:
    with pytest.raises(TailFormatError, match="restart it: sudo systemctl restart"):
        event_from_line(line)
