"""What a log consists of: sound records are read, damaged ones cost only themselves."""

import pytest
from awscrt.checksums import crc32c
from hypothesis import given
from hypothesis import strategies as st

from gateway.buffer.log_format import (
    HEADER,
    HEADER_BYTES,
    OVERHEAD_BYTES,
    RECORD_MAX_BYTES,
    VERSION,
    Message,
    NewerLogError,
    RecordKind,
    check_version,
    decode_closing_record,
    decode_log,
    decode_record,
    encode_header,
    encode_ids,
    encode_messages,
    encode_record,
)

SALT = 0x1234ABCD
#: The bytes of a record before its body.
HEAD_BYTES = OVERHEAD_BYTES - 4
#: The end of what shows how many messages, less than 256, it has.
COUNT_END = 13


def log_of(*ticks: list[Message], done: tuple[int, ...] = (), salt: int = SALT) -> bytes:
    """A log with a record for each tick, and one for what is done with."""
    data, total, highest_id = HEADER, 0, 0
    for tick in ticks:
        highest_id = max(highest_id, *(id_ for id_, _ in tick))
        numbers = len(tick), total, 0, highest_id
        data += encode_record(salt, RecordKind.MESSAGES, encode_messages(tick), *numbers)
        total += len(tick)
    if done:
        numbers = 0, total, len(done), highest_id
        data += encode_record(salt, RecordKind.DONE, encode_ids(done), *numbers)
    return data


messages = st.lists(
    st.tuples(st.integers(1, 2**63), st.binary(max_size=300)), min_size=1, max_size=20
)


def test_crc_is_crc32c() -> None:
    """RFC 3720, B.4: 32 bytes of zeros, of ones, and rising."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@given(st.lists(messages, max_size=5))
def test_log_is_read_as_it_was_written(ticks: list[list[Message]]) -> None:
    data = log_of(*ticks)
    found = decode_log(data + bytes(5000), SALT)
    assert found.messages == dict(message for tick in ticks for message in tick)
    assert (found.total, found.lost, found.end) == (sum(map(len, ticks)), 0, len(data))
    assert found.damage == []


def test_messages_that_are_done_with_are_left_out() -> None:
    data = log_of([(1, b"a"), (2, b"b")], [(3, b"c")], done=(1, 3))
    found = decode_log(data, SALT)
    assert found.messages == {2: b"b"}
    assert found.done == 2


TICKS = [[(n, b'{"second":%d}' % n), (n + 100, b"x")] for n in range(1, 6)]


@given(st.integers(HEADER_BYTES, len(log_of(*TICKS)) - 1), st.integers(0, 7))
def test_flipped_bit_costs_only_its_own_record_and_is_counted(at: int, bit: int) -> None:
    whole = bytearray(log_of(*TICKS, done=(1,)))
    whole[at] ^= 1 << bit
    found = decode_log(bytes(whole), SALT)
    every = dict(message for tick in TICKS for message in tick)
    assert found.lost == 2
    is_first = HEADER_BYTES <= at < len(log_of(TICKS[0]))
    assert len(found.messages) == len(every) - 2 - (not is_first)
    assert found.messages.items() <= every.items()
    assert found.damage


@given(st.integers(HEADER_BYTES, len(log_of(*TICKS)) - 1))
def test_torn_log_keeps_all_records_before_the_tear(size: int) -> None:
    found = decode_log(log_of(*TICKS)[:size], SALT)
    ends = [len(log_of(*TICKS[:count])) for count in range(6)]
    whole = max(count for count, end in enumerate(ends) if end <= size)
    assert found.messages == dict(message for tick in TICKS[:whole] for message in tick)
    assert found.end == ends[whole]
    is_counted = size - ends[whole] >= COUNT_END
    assert (found.lost, found.total) == (2 * is_counted, 2 * (whole + is_counted))
    assert found.uncounted_bytes == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 199), st.integers(0, 7)), max_size=3))
def test_damaged_records_at_the_end_are_counted(flips: list[tuple[int, int, int]]) -> None:
    """In each of the last four records a bit of the body, or of the CRC, is flipped."""
    data = bytearray(log_of(*TICKS))
    for number, at, bit in [(number, 0, 0) for number in range(4)] + flips:
        begin, end = (len(log_of(*TICKS[: number + count])) for count in (1, 2))
        places = [*range(begin + 2, begin + 6), *range(begin + HEAD_BYTES, end - 4)]
        data[places[at % len(places)]] ^= 1 << bit
    found = decode_log(bytes(data), SALT)
    assert (found.total, found.uncounted_bytes) == (10, 0)
    assert found.lost == 10 - len(found.messages)


def test_end_that_does_not_show_what_it_had_is_noted() -> None:
    sound = log_of(*TICKS[:2])
    noise = bytes(range(1, 200)) * 2
    assert decode_log(sound + noise, SALT).uncounted_bytes == len(noise)
    assert decode_log(sound + noise[: OVERHEAD_BYTES - 1], SALT).uncounted_bytes == 0


def test_records_of_another_file_are_none() -> None:
    stale = log_of(*TICKS, salt=SALT + 1)
    assert decode_log(stale, SALT).messages == {}
    assert decode_record(stale, HEADER_BYTES, SALT) is None
    assert decode_record(stale, HEADER_BYTES, SALT + 1) is not None


@given(st.binary(max_size=2000))
def test_any_bytes_read(data: bytes) -> None:
    assert decode_log(HEADER + data, SALT).messages == {}


CLOSING = encode_record(SALT, RecordKind.DONE, b"", 0, 10, 2, 105)


def test_closing_record_has_the_totals_of_the_log() -> None:
    last = decode_closing_record(CLOSING, SALT)
    assert last is not None
    assert (last.total, last.done, last.highest_id) == (10, 2, 105)


@pytest.mark.parametrize("bit", range(8 * OVERHEAD_BYTES))
def test_closing_record_with_a_flipped_bit_is_set_right(bit: int) -> None:
    flipped = bytearray(CLOSING)
    flipped[bit // 8] ^= 1 << bit % 8
    assert decode_closing_record(bytes(flipped), SALT) == decode_closing_record(CLOSING, SALT)
    flipped[0 if bit // 8 else 5] ^= 0x80
    assert decode_closing_record(bytes(flipped), SALT) is None


@given(st.binary(max_size=2 * OVERHEAD_BYTES))
def test_other_bytes_close_no_log(data: bytes) -> None:
    assert decode_closing_record(data, SALT) is None
    assert decode_closing_record(CLOSING, SALT + 1) is None


def test_only_a_sound_header_of_a_newer_version_is_newer() -> None:
    check_version(HEADER)
    check_version(b"")
    newer = encode_header(VERSION + 1)
    with pytest.raises(NewerLogError, match=str(VERSION + 1)):
        check_version(newer + b"more")
    for at in range(HEADER_BYTES):
        damaged = bytearray(newer)
        damaged[at] ^= 1
        check_version(bytes(damaged))


def test_record_that_would_be_too_long_to_be_read_is_not_made() -> None:
    body = bytes(RECORD_MAX_BYTES)
    record = encode_record(SALT, RecordKind.MESSAGES, body, 1, 0, 0, 1)
    assert decode_record(record, 0, SALT) is not None
    with pytest.raises(ValueError, match="would not be read"):
        encode_record(SALT, RecordKind.MESSAGES, body + b"x", 1, 0, 0, 1)
