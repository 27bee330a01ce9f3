"""The example of the buffer's format is a log as the gateway writes and reads it."""

import re
from pathlib import Path

import pytest

from gateway.buffer import log_file
from gateway.buffer.log_file import LogFile
from gateway.buffer.log_format import HEADER_BYTES, LogKind, LogName, decode_log, decode_record
from tests.support.telemetry import message

PAGE = (Path(__file__).parents[2] / "docs" / "buffer-format.md").read_text(encoding="utf-8")
RACE = 5984158
MESSAGES = [(40 + n, message(n, RACE, "bike-001").to_json()) for n in (1, 2)]


def example() -> bytes:
    """Return the log of the page, whose lines begin where its parts do."""
    [block] = re.findall(r"```hex\n(.*?)```", PAGE, re.DOTALL)
    data = b""
    for line in block.splitlines():
        at, first, *second = line.split("  ", maxsplit=3)
        assert int(at, 16) == len(data)
        data += bytes.fromhex(" ".join([first, *second[:1]]))
    return data


def name() -> LogName:
    [text] = re.findall(r"`(\d+-R\d+-[0-9a-f]+\.log)`", PAGE)
    found = LogName.parse(text)
    assert found is not None
    return found


def test_example_of_the_page_has_its_messages() -> None:
    found = decode_log(example(), name().salt)
    assert (found.messages, found.done, found.damage) == ({42: MESSAGES[1][1]}, 1, [])
    assert MESSAGES[1][1].decode() in PAGE


def test_example_of_the_page_is_what_the_gateway_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apart from the deflated bodies, and hence their CRCs and sizes: not every zlib is alike."""
    monkeypatch.setattr(log_file, "randbits", lambda bits: name().salt)
    log = LogFile.create(tmp_path, LogKind.RACE, RACE, MESSAGES[0][0])
    for one in MESSAGES:
        log.append([one])
        log.sync()
        log.keep()
        log.finish([41] if one[0] == 41 else [])
    log.close()
    written = log.path.read_bytes()
    assert log.name == name()
    assert written[:HEADER_BYTES] == example()[:HEADER_BYTES]
    assert records(written) == records(example())


def records(data: bytes) -> list[object]:
    found, at = list[object](), HEADER_BYTES
    while decoded := decode_record(data, at, name().salt):
        record, _, at = decoded
        found.append(record)
    assert at == len(data)
    return found
