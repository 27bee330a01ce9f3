"""The line protocol of home-made rigs: its three ways, its checksum, and any junk between."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.serial import lines
from drivers.protocols.serial.lines import (
    MAX_LINE_BYTES,
    Lines,
    decode_line,
    encode_csv,
    encode_json,
    encode_pairs,
    with_checksum,
)
from drivers.reading import Frame, Reading

S = 1_000_000_000
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "rpm": st.floats(0, 250),
        "res": st.integers(-100_000, 100_000),
        "w": st.integers(0, 3000),
        "hr": st.integers(0, 250),
        "t": st.integers(0, 2**32 - 1),
        "revs": st.integers(0, 2**32 - 1),
    },
)


def feed(protocol: Lines, data: bytes, at_ns: int = 7) -> list[Reading]:
    return protocol.feed(Frame(at_ns, data))


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ('{"t":123456,"revs":812,"res":417}', {"t": 123456, "revs": 812, "res": 417}),
        ('{"rpm": 82.5, "hr": 120, "w": 150}', {"rpm": 82.5, "hr": 120, "w": 150}),
        ("rpm=82.5 res=417", {"rpm": 82.5, "res": 417}),
        ("rpm=82.5,res=417", {"rpm": 82.5, "res": 417}),
        ("123456,812,417", {"t": 123456, "revs": 812, "res": 417}),
        ("123456,812", {"t": 123456, "revs": 812}),
        ("82", {"rpm": 82}),
        ("  82 ", {"rpm": 82}),
        ("rpm=82.5 res=417*08", {"rpm": 82.5, "res": 417}),
        ('{"res": 1, "name": "bike", "on": true, "list": [1]}', {"res": 1}),
        ("rpm=82 lap=3", {"rpm": 82}),
        ("rpm=82 res=", {"rpm": 82}),
    ],
)
def test_line_of_any_form_gives_its_values(line: str, values: dict[str, float]) -> None:
    assert decode_line(line) == values


@pytest.mark.parametrize(
    "line",
    [
        *("", "*", "hello", "rpm", "=", "{", "{}", "[]", "null", "1,2,3,4", "1,,3", "82 rpm"),
        *("rpm=82.5 res=417*09", "82*", "82*8", "nan", "rpm=inf", "rpm=251", "-1", "rpm=-1"),
        *('{"rpm": NaN}', '{"rpm": 1e999}', '{"rpm": "82"}', '{"rpm": null}', "t=4294967296"),
        *("-1,3,82", "[" * 150, '{"rpm": ' + "9" * 180 + "}", '{"rpm": ' + "9" * 400 + "}"),
        *('{"rpm": true}', "[" * 100_000, '{"rpm": ' + "9" * 5000 + "}"),
    ],
)
def test_unusable_line_gives_no_values(line: str) -> None:
    assert decode_line(line) == {}


@given(VALUES)
def test_line_reads_the_same_as_a_board_wrote_it(values: dict[str, float]) -> None:
    for encode in (encode_json, encode_pairs):
        line = encode(**values)
        assert decode_line(line.decode()) == values
        assert decode_line(with_checksum(line).decode()) == values


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.none() | st.integers(0, 1023))
def test_csv_line_reads_the_same_as_written(t: int, revs: int, res: int | None) -> None:
    expected = {"t": t, "revs": revs} | ({} if res is None else {"res": res})
    assert decode_line(encode_csv(t, revs, res).decode()) == expected


@given(VALUES.filter(bool), st.integers(0, 10_000), st.integers(0, 7))
def test_a_turned_bit_does_not_pass_the_checksum(
    values: dict[str, float], place: int, bit: int
) -> None:
    line = bytearray(with_checksum(encode_pairs(**values)))
    line[place % (len(line) - 4)] ^= 1 << bit
    decoded = decode_line(line.decode("latin-1"))
    assert decoded in ({}, values) or "*" not in line.decode("latin-1").rstrip()[-3:-2]


def test_a_line_becomes_a_reading() -> None:
    assert feed(Lines(), b"rpm=82.5 res=417 w=150 hr=120\n") == [
        Reading(7, cadence_rpm=82.5, resistance_raw=417, power_w=150, heart_rate_bpm=120)
    ]
    assert feed(Lines(), b"hr=0 res=1\r\n") == [Reading(7, resistance_raw=1)]


def test_turns_and_times_become_a_cadence() -> None:
    protocol = Lines()
    assert feed(protocol, b"1000,10,400\n", S) == [Reading(S, resistance_raw=400)]
    second = feed(protocol, b"2500,12,400\n", 2 * S + S // 2)
    assert second == [Reading(2 * S + S // 2, cadence_rpm=80, resistance_raw=400)]


def test_lost_line_does_not_change_the_cadence() -> None:
    protocol = Lines()
    feed(protocol, b"1000,10\n", S)
    assert feed(protocol, b"4000,14\n", 4 * S) == [Reading(4 * S, cadence_rpm=80)]


@pytest.mark.parametrize("bits", [16, 32])
def test_cadence_is_right_when_the_counters_wrap(bits: int) -> None:
    protocol = Lines()
    feed(protocol, encode_csv(2**32 - 500, 2**bits - 1), S)
    assert feed(protocol, encode_csv(500, 0), 2 * S) == [Reading(2 * S, cadence_rpm=60)]


def test_end_of_a_cut_line_is_no_cadence() -> None:
    protocol = Lines()
    assert feed(protocol, b"41\n123456,812,41\n") == [Reading(7, resistance_raw=41)]
    assert protocol.unusable_bytes == 2
    assert feed(protocol, b"82\n") == [Reading(7, cadence_rpm=82)]


def test_junk_and_boot_messages_before_a_line_do_no_harm() -> None:
    protocol = Lines()
    boot = b"\x00\xff\xfeets Jun  8 2016\r\nrst:0x1 (POWERON_RESET)\r\n12,4"
    assert feed(protocol, boot) == []
    assert feed(protocol, b"56,1\nrpm=80\n")[-1] == Reading(7, cadence_rpm=80)
    assert protocol.unusable_bytes > 0


def test_pieces_of_a_line_are_put_together() -> None:
    protocol = Lines()
    pieces = [bytes([byte]) for byte in b"rpm=80\nrpm=81\n"]
    heard = [one.cadence_rpm for piece in pieces for one in feed(protocol, piece)]
    assert heard == [80, 81]


def test_sent_frame_gives_no_reading() -> None:
    assert Lines().feed(Frame(1, b"rpm=80\n", sent=True)) == []


def test_lines_protocol_never_asks() -> None:
    assert Lines().request(0) == b""


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(0, 2**32))
def test_any_bytes_are_survived_and_the_next_line_is_heard(junk: list[bytes], seed: int) -> None:
    protocol = Lines()
    random = Random(seed)
    for data in junk:
        feed(protocol, data, at_ns=random.randrange(S))
    feed(protocol, b"\n")
    assert feed(protocol, b"rpm=80\n") == [Reading(7, cadence_rpm=80)]


def test_a_line_without_end_is_not_held() -> None:
    protocol = Lines()
    for _ in range(1000):
        feed(protocol, b"7" * 1000)
    assert protocol.unusable_bytes >= 1_000_000 - MAX_LINE_BYTES


def test_documented_line_examples_decode() -> None:
    assert lines.__doc__ is not None
    examples = re.findall(r"^    (\S.*?)(?:   .*)?$", lines.__doc__, re.MULTILINE)
    assert len(examples) == 4
    assert all(decode_line(example) for example in examples)
