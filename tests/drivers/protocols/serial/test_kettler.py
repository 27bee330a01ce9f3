"""The line of a Kettler: its status, what is none, its silence, and any junk between."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.serial.kettler import (
    MAX_LINE_BYTES,
    Kettler,
    KettlerCommand,
    KettlerStatus,
    decode_command,
    decode_status,
    encode_command,
    encode_status,
)
from drivers.reading import Frame, Reading

S = 1_000_000_000
MS = 1_000_000

#: As the Racer writes them, so that they can be written as well.
PADDED = {
    "incyclist, the example beside the parser": (
        "101\t047\t074\t002\t025\t0312\t01:12\t025",
        KettlerStatus(101, 47, 74, 2, 25, 312, 72, 25),
    ),
    "incyclist, with distance": (
        "000\t075\t266\t001\t070\t0012\t00:36\t065",
        KettlerStatus(0, 75, 266, 1, 70, 12, 36, 65),
    ),
    "incyclist, initial": (
        "000\t000\t000\t000\t100\t0000\t00:04\t000",
        KettlerStatus(0, 0, 0, 0, 100, 0, 4, 0),
    ),
}
UNPADDED = {
    "kettlerUSB2BLE #18, real, E5": (
        "0\t0\t0\t0\t025\t0\t00:00\t0",
        KettlerStatus(0, 0, 0, 0, 25, 0, 0, 0),
    ),
    "synthetic, padded with spaces": (
        "  0\t 75\t266\t  1\t 70\t  12\t00:36\t 65",
        KettlerStatus(0, 75, 266, 1, 70, 12, 36, 65),
    ),
}
GOOD = b"000\t075\t266\t001\t070\t0012\t00:36\t065\r\n"
READING = Reading(7, cadence_rpm=75, resistance_raw=70, power_w=65, speed_kmh=26.6, distance_m=100)

statuses = st.builds(
    KettlerStatus,
    st.integers(0, 250),
    st.integers(0, 250),
    st.integers(0, 999),
    st.integers(0, 999),
    st.integers(0, 999),
    st.integers(0, 9999),
    st.integers(0, 59_999),
    st.integers(0, 999),
)


def feed(protocol: Kettler, data: bytes, at_ns: int = 7) -> list[Reading]:
    return protocol.feed(Frame(at_ns, data))


@pytest.mark.parametrize(("line", "status"), PADDED.values(), ids=PADDED)
def test_status_reads_and_writes(line: str, status: KettlerStatus) -> None:
    assert decode_status(line) == status
    assert encode_status(status) == line.encode() + b"\r\n"


@pytest.mark.parametrize(("line", "status"), UNPADDED.values(), ids=UNPADDED)
def test_status_reads(line: str, status: KettlerStatus) -> None:
    assert decode_status(line) == status


@pytest.mark.parametrize(
    "line",
    [
        *("", "ACK", "\t" * 7, "0\t0\t0\t0\t025\t0\t00:00\t0\t"),
        # incyclist, too short
        "000\t075\t266\t001\t070\t0012\t00:36",
        # nine fields, and twelve, as the extended status has: their meaning is unknown
        "000\t075\t266\t001\t070\t0012\t00:36\t065\t1",
        "000\t075\t266\t001\t070\t0012\t00:36\t065\t1\t2\t3\t4",
        # beyond what can be: heart rate, rpm, speed, target, seconds, power
        "251\t075\t266\t001\t070\t0012\t00:36\t065",
        "000\t251\t266\t001\t070\t0012\t00:36\t065",
        "000\t075\t1000\t001\t070\t0012\t00:36\t065",
        "000\t075\t266\t001\t2001\t0012\t00:36\t065",
        "000\t075\t266\t001\t070\t0012\t00:60\t065",
        "000\t075\t266\t001\t070\t0012\t00:36\t2001",
        # signs, letters, other separators
        "000\t-75\t266\t001\t070\t0012\t00:36\t065",
        "000\tO75\t266\t001\t070\t0012\t00:36\t065",
        "000 075 266 001 070 0012 00:36 065",
    ],
)
def test_line_that_is_no_status_decodes_to_none(line: str) -> None:
    assert decode_status(line) is None


@given(statuses)
def test_kettler_status_reads_the_same_as_written(status: KettlerStatus) -> None:
    assert decode_status(encode_status(status).decode().rstrip()) == status


@given(st.text(max_size=60))
def test_any_text_decodes(line: str) -> None:
    assert isinstance(decode_status(line), KettlerStatus | None)


def test_a_status_becomes_a_reading() -> None:
    assert feed(Kettler(), GOOD) == [READING]
    (reading,) = feed(Kettler(), b"101\t047\t074\t002\t025\t0312\t01:12\t025\r\n")
    assert reading.heart_rate_bpm == 101


def test_words_of_the_bike_are_understood_and_other_lines_are_not() -> None:
    protocol = Kettler()
    assert feed(protocol, b"ACK\r\nRUN\r\nERROR\r\n") == []
    assert protocol.unusable_bytes == 0
    assert feed(protocol, b"SJ10B3579\r\n") == []
    assert protocol.unusable_bytes == 9


def test_sent_frame_is_no_answer() -> None:
    assert Kettler().feed(Frame(7, GOOD, sent=True)) == []


class TestWire:
    def test_kettler_status_may_come_byte_by_byte(self) -> None:
        protocol = Kettler()
        pieces = [bytes((byte,)) for byte in GOOD * 3]
        assert [one for piece in pieces for one in feed(protocol, piece)] == [READING] * 3
        assert protocol.unusable_bytes == 0

    @given(st.lists(statuses, max_size=5), st.integers(1, 60))
    def test_kettler_lines_may_be_cut_anywhere(self, sent: list[KettlerStatus], size: int) -> None:
        wire = b"".join(map(encode_status, sent))
        protocol = Kettler()
        pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
        readings = [one for piece in pieces for one in feed(protocol, piece)]
        assert [one.power_w for one in readings] == [one.power_w for one in sent]
        assert protocol.unusable_bytes == 0

    def test_a_line_that_lost_its_beginning_or_its_middle_is_none(self) -> None:
        protocol = Kettler()
        assert feed(protocol, GOOD[9:] + GOOD[:9] + GOOD[20:] + GOOD) == [READING]
        assert protocol.unusable_bytes == len(GOOD) - 9 - 2 + 9 + len(GOOD) - 20 - 2

    @pytest.mark.parametrize("alphabet", [bytes(range(256)), b"0123456789\t:\r\n", b"\xff", b"\t"])
    def test_kettler_status_is_heard_after_100_kb_of_junk(self, alphabet: bytes) -> None:
        random = Random(0)
        protocol = Kettler()
        junk = bytes(random.choice(alphabet) for _ in range(100_000))
        feed(protocol, junk + b"\r\n")
        assert protocol.unusable_bytes > 50_000
        assert feed(protocol, GOOD) == [READING]

    @given(st.lists(st.binary(max_size=300)))
    def test_kettler_protocol_survives_any_bytes(self, junk: list[bytes]) -> None:
        protocol = Kettler()
        for data in junk:
            feed(protocol, data)
        ends = sum(data.count(b"\r") + data.count(b"\n") for data in junk)
        assert protocol.unusable_bytes <= sum(map(len, junk)) - ends
        assert len(protocol._lines._held) <= MAX_LINE_BYTES
        assert feed(protocol, b"\r\n" + GOOD)[-1] == READING


ASK = encode_command(KettlerCommand.STATUS)


@pytest.mark.parametrize(
    ("data", "command"),
    [
        (b"ST\r\n", KettlerCommand.STATUS),
        (b"CM\r\n", KettlerCommand.COMPUTER),
        (b"cd\r\n", KettlerCommand.COMPUTER_CLASSIC),
        (b"CD\r\n", KettlerCommand.COMPUTER_CLASSIC_UPPER),
    ],
)
def test_command_reads_and_writes(data: bytes, command: KettlerCommand) -> None:
    assert decode_command(data) is command
    assert encode_command(command) == data


@pytest.mark.parametrize("data", [b"", b"ST", b"st\r\n", b"PW100\r\n", b"ST\r\nST\r\n"])
def test_bytes_that_are_no_command_decode_to_none(data: bytes) -> None:
    assert decode_command(data) is None


def converse(
    protocol: Kettler, seconds: float, answer: bytes, word_answer: bytes = b"ACK\r\n"
) -> list[tuple[int, str]]:
    """When what was asked, twenty times a second; `answer` is what the status gets."""
    asked = []
    for now_ns in range(100 * S, 100 * S + round(seconds * S), 50 * MS):
        data = protocol.request(now_ns)
        if data:
            asked.append(((now_ns - 100 * S) // MS, data.decode().rstrip()))
            protocol.feed(Frame(now_ns, data, sent=True))
            protocol.feed(Frame(now_ns + 20 * MS, answer if data == ASK else word_answer))
    return asked


class TestAsking:
    def test_kettler_that_answers_is_asked_its_status_once_a_second(self) -> None:
        protocol = Kettler()
        assert protocol.request(0) == ASK
        feed(protocol, GOOD)
        asked = converse(protocol, 4.5, GOOD)
        assert asked == [(ms, "ST") for ms in range(0, 4500, 1000)]

    @pytest.mark.parametrize("answer", [b"", b"ERROR\r\n"], ids=["silence", "errors"])
    def test_kettler_that_does_not_answer_is_sent_computer_commands(self, answer: bytes) -> None:
        words = " ".join(word for _, word in converse(Kettler(), 8, answer))
        assert words == "ST ST ST CM ST ST ST cd ST ST ST CD ST ST ST CM"

    def test_computer_command_answered_by_an_error_is_followed_by_the_next(self) -> None:
        words = " ".join(word for _, word in converse(Kettler(), 4.5, b"", b"ERROR\r\n"))
        assert words == "ST ST ST CM cd CD ST ST ST"

    def test_kettler_answer_ends_the_computer_commands(self) -> None:
        protocol = Kettler()
        converse(protocol, 1.5, b"")
        feed(protocol, GOOD)
        for second in range(200, 204):
            assert protocol.request(second * S) == ASK
            feed(protocol, GOOD)
