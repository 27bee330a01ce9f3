"""The last lines of the log."""

import json
import logging

from gateway.web.hub import UNREAD_MAX_BYTES
from gateway.web.owner.log_lines import LINES_KEPT, TEXT_MAX, LogLines


def record(text: str) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": text, "levelname": "INFO", "created": 7})


def test_last_lines_are_kept() -> None:
    lines = LogLines()
    for number in range(LINES_KEPT + 3):
        lines.add(record(f"event {number}"))
    found = json.loads(lines.as_json())
    assert len(found) == LINES_KEPT
    assert found[0] == {"at_ms": 7000, "level": "info", "text": "event 3"}


def test_longest_lines_do_not_disconnect_a_page() -> None:
    lines = LogLines()
    for _ in range(LINES_KEPT):
        lines.add(record("x " * 10_000))
    assert TEXT_MAX - 4 <= len(json.loads(lines.as_json())[0]["text"]) <= TEXT_MAX
    assert len(lines.as_json()) < UNREAD_MAX_BYTES / 2


def test_long_line_keeps_its_beginning_and_its_end_in_whole_words() -> None:
    traceback = "task failed\n" + 100 * "  File x\n" + "  ValueError: expected more"
    text = json.loads(LogLines().add(record(traceback)))["text"]
    assert text.startswith("task failed")
    assert text.endswith("ValueError: expected more")
    secret = "planted" * 10
    for shift in range(TEXT_MAX):
        text = json.loads(LogLines().add(record(f"{'x ' * shift} {secret} {'y ' * 999}")))["text"]
        assert ("planted" in text) == (secret in text)


def test_line_has_no_control_characters() -> None:
    line = LogLines().add(record("bad\n\x1b[31mname"))
    assert b"\n" not in line
    assert "\x1b" not in json.loads(line)["text"]
