"""ANT's messages, against those of real trainers and sticks, and cut in any way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.ant.messages import (
    AntMessage,
    MessageReader,
    ReceivedPage,
    decode_message,
    decode_page,
    encode_message,
    encode_page,
)
from tests.support.wire import assert_wire

CANONICAL = {
    "incyclist/devices, a trainer's page on channel 1": (
        "a4 09 4e 01 19 45 ff 2a cf 6d 00 20 e9",
        AntMessage(0x4E, bytes.fromhex("011945ff2acf6d0020")),
    ),
    "FE-C over BLE 1.0.0, a general page": (
        "a4 09 4e 05 10 19 04 00 00 00 ff 24 30",
        AntMessage(0x4E, bytes.fromhex("05101904000000ff24")),
    ),
    "openant, reset": ("a4 01 4a 00 ef", AntMessage(0x4A, b"\x00")),
    "no payload, constructed": ("a4 00 6f cb", AntMessage(0x6F)),
}


@pytest.mark.parametrize(("frame", "message"), CANONICAL.values(), ids=CANONICAL)
def test_ant_message_reads_and_writes(frame: str, message: AntMessage) -> None:
    assert_wire(message, frame, decode_message, encode_message)


NO_MESSAGE = {
    "empty": "",
    "cut": "a4094e05101904000000ff24",
    "another beginning": "a5094e05101904000000ff2431",
    "another length": "a4084e05101904000000ff2431",
    "another checksum (incyclist/devices, edited by hand)": "a4094e05101900000000303534",
    "the sum without the beginning, as the text of FE-C over BLE has it": (
        "a4094e05101904000000ff249c"
    ),
    "something after it": "a4014a00ef00",
}


@pytest.mark.parametrize("frame", NO_MESSAGE.values(), ids=NO_MESSAGE)
def test_malformed_ant_message_is_none(frame: str) -> None:
    assert decode_message(bytes.fromhex(frame)) is None


def test_page_of_a_message_has_its_device_if_the_stick_reports_it() -> None:
    page = bytes.fromhex("19015a1027fa0030")
    assert decode_page(AntMessage(0x4E, b"\x05" + page)) == ReceivedPage(5, page)
    with_sender = AntMessage(0x4E, b"\x05" + page + bytes.fromhex("80 2d2d 11 05"))
    assert decode_page(with_sender) == ReceivedPage(5, page, 11565, 17)
    all_flags = AntMessage(0x4F, b"\x05" + page + bytes.fromhex("e0 2d2d 11 05 20b580 1234"))
    assert decode_page(all_flags) == ReceivedPage(5, page, 11565, 17)
    only_strength = AntMessage(0x4E, b"\x05" + page + bytes.fromhex("40 20b580"))
    assert decode_page(only_strength) == ReceivedPage(5, page)
    cut = AntMessage(0x4E, b"\x05" + page + bytes.fromhex("80 2d2d 11"))
    assert decode_page(cut) == ReceivedPage(5, page)


def test_page_of_a_real_power_meter_is_received_with_its_device() -> None:
    """incyclist/ant-plus has this message, with its device number."""
    data = bytes.fromhex("a4144e0050ffffff82002300e0f4ed0b0510006800ad1cce")
    message = decode_message(data)
    assert message is not None
    assert decode_page(message) == ReceivedPage(0, bytes.fromhex("50ffffff82002300"), 60916, 11)


@pytest.mark.parametrize("message", [AntMessage(0x40, bytes(9)), AntMessage(0x4E, bytes(8))])
def test_other_message_has_no_page(message: AntMessage) -> None:
    assert decode_page(message) is None


def test_page_reads_as_it_was_written() -> None:
    for received in (ReceivedPage(1, bytes(range(8))), ReceivedPage(7, bytes(8), 0xFFFE, 121)):
        assert decode_page(encode_page(received)) == received
    with_sender = encode_page(ReceivedPage(7, bytes(8), 11565, 121))
    assert with_sender.payload == b"\x07" + bytes(8) + bytes.fromhex("80 2d2d 79 01")


def test_payload_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 40 bytes"):
        encode_message(AntMessage(1, bytes(41)))


@pytest.mark.parametrize("junk", ["a4094e", "a4", "a4a4a409", "ff00a428", "a4ff"])
def test_beginning_in_junk_costs_no_message(junk: str) -> None:
    wanted = [AntMessage(0x4E, bytes(range(number, number + 9))) for number in range(4)]
    reader = MessageReader()
    assert reader.feed(bytes.fromhex(junk) + b"".join(map(encode_message, wanted))) == wanted


@given(
    parts=st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from([bytes.fromhex(frame) for frame, _ in CANONICAL.values()]),
        )
    ),
    cut=st.integers(1, 20),
)
def test_message_after_junk_is_found_however_the_stream_is_cut(
    parts: list[bytes], cut: int
) -> None:
    wanted = AntMessage(0x4E, bytes(9))
    # A beginning of a message in the junk may claim up to 44 bytes, in which others are then found.
    stream = b"".join(parts) + encode_message(wanted) * 5
    reader = MessageReader()
    found = [
        message
        for start in range(0, len(stream), cut)
        for message in reader.feed(stream[start : start + cut])
    ]
    assert wanted in found


def test_reader_keeps_few_bytes() -> None:
    reader = MessageReader()
    for _ in range(1000):
        reader.feed(b"\xa4\x28" * 20)
    assert len(reader._rest) < 50
