"""The commands for a stick, as openant and others send them."""

import pytest

from drivers.ant.commands import (
    CHANNEL_CLOSED,
    EVENT,
    OPEN,
    StickAnswer,
    decode_answer,
    encode_answer,
    open_channel,
    open_scan,
    prepare,
)
from drivers.protocols.ant.messages import AntMessage, encode_message
from drivers.protocols.base import AntChannel


def test_channel_is_opened_for_one_device_of_one_type() -> None:
    sent = [encode_message(one).hex() for one in open_channel(1, AntChannel(17, 8192), 11565)]
    assert sent == [
        "a40342010000e4",  # channel 1 receives on network 0
        "a40551012d2d1100e0",  # device 11565 of type 17
        "a40343010020c5",  # every 8192 / 32768 s
        "a4024401ff1c",  # search forever
        "a402450139db",  # 2457 MHz
        "a4014b01ef",
    ]


def test_scan_receives_any_device_on_channel_0() -> None:
    commands = open_scan()
    assert commands[1] == AntMessage(0x51, bytes(5))
    assert commands[-1] == AntMessage(0x5B, b"\x00\x01")


def test_stick_gets_the_key_of_the_network_and_reports_devices() -> None:
    key = bytes(range(8))
    assert prepare(key) == (AntMessage(0x46, b"\x00" + key), AntMessage(0x66, b"\x00\x01"))


@pytest.mark.parametrize("answer", [StickAnswer(1, OPEN, 0), StickAnswer(7, EVENT, CHANNEL_CLOSED)])
def test_answer_of_a_stick_reads_as_it_was_written(answer: StickAnswer) -> None:
    assert decode_answer(encode_answer(answer)) == answer


def test_channel_that_closes_is_recognised() -> None:
    """The payloads of messages in incyclist/ant-plus."""
    assert decode_answer(AntMessage(0x40, bytes.fromhex("000107"))) == StickAnswer(0, 1, 7)
    lost_page = decode_answer(AntMessage(0x40, bytes.fromhex("000102")))
    assert lost_page is not None
    assert not lost_page.is_closed


@pytest.mark.parametrize("message", [AntMessage(0x4E, bytes(9)), AntMessage(0x40, bytes(2))])
def test_other_message_is_no_answer(message: AntMessage) -> None:
    assert decode_answer(message) is None


def test_only_the_event_of_a_closed_channel_is_one() -> None:
    assert StickAnswer(0, EVENT, CHANNEL_CLOSED).is_closed
    assert not StickAnswer(0, EVENT, 0x01).is_closed, "its search has ended; it closes next"
    assert not StickAnswer(0, OPEN, CHANNEL_CLOSED).is_closed
