"""Messages of consoles are found in notifications, however these are cut and whatever is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.bluetooth.sum_frames import CUT_BYTES, SumFrames, is_sealed, seal

SHORT, LONG, EITHER = 0xB0, 0xB2, 0xB7
LENGTHS = {SHORT: (5,), LONG: (26,), EITHER: (6, 5)}
#: A body in which F0, ops and sums occur.
LONG_MESSAGE = seal(LONG, bytes.fromhex("f0b2f0b00101a2f0f0b0b2000102030405060708090aff"))
SHORT_MESSAGE = bytes.fromhex("f0b00101a2")


def fed(*notifications: bytes) -> tuple[list[bytes], int]:
    """Return the messages in the notifications, and the number of unusable bytes."""
    frames = SumFrames(LENGTHS)
    messages = [message for one in notifications for message in frames.feed(one)]
    return messages, frames.unusable_bytes


@pytest.mark.parametrize("cut", range(27))
def test_message_may_be_cut_anywhere(cut: int) -> None:
    message = seal(LONG, bytes(range(23)))
    assert fed(message[:cut], message[cut:]) == ([message], 0)


@pytest.mark.parametrize("cut", [CUT_BYTES, len(LONG_MESSAGE)])
def test_bytes_within_a_message_are_not_taken_for_another(cut: int) -> None:
    assert fed(LONG_MESSAGE[:cut], LONG_MESSAGE[cut:]) == ([LONG_MESSAGE], 0)


def test_several_messages_may_come_in_one_notification() -> None:
    assert fed(SHORT_MESSAGE + LONG_MESSAGE + SHORT_MESSAGE) == (
        [SHORT_MESSAGE, LONG_MESSAGE, SHORT_MESSAGE],
        0,
    )


def test_op_may_have_several_lengths() -> None:
    short, long = seal(EITHER, b"\x01\x01"), seal(EITHER, b"\x01\x01\x01")
    assert fed(short + long + short) == ([short, long, short], 0)


def test_lost_end_of_a_message_does_not_cost_the_next_one() -> None:
    assert fed(LONG_MESSAGE[:CUT_BYTES], SHORT_MESSAGE) == ([SHORT_MESSAGE], CUT_BYTES)
    message = seal(LONG, bytes(range(23)))
    first, rest = message[:CUT_BYTES], message[CUT_BYTES:]
    assert fed(first, first, rest) == ([message], CUT_BYTES)


def test_first_part_replaces_what_is_held_even_if_the_sum_of_both_fits() -> None:
    message = seal(LONG, bytes(23))
    held = bytes((0xF0, LONG, 0, 0, 0))
    accident = next(
        last for last in range(256) if is_sealed((held + bytes((last,)) + message)[: len(message)])
    )
    assert fed(held + bytes((accident,)), message[:CUT_BYTES], message[CUT_BYTES:]) == (
        [message],
        len(held) + 1,
    )


def test_lost_beginning_of_a_message_does_not_cost_the_next_one() -> None:
    assert fed(bytes.fromhex("0a0b0c"), LONG_MESSAGE) == ([LONG_MESSAGE], 3)


def test_short_message_of_another_length_is_accepted_if_it_was_not_cut() -> None:
    longer = seal(SHORT, b"\x01\x02\x03\x04\x05")
    assert fed(longer) == ([longer], 0)
    assert fed(seal(0xD1, b"\x01\x02")) == ([], 5), "of an op that is not known"


def test_part_of_a_message_whose_sum_fits_by_accident_is_no_message() -> None:
    part = seal(LONG, bytes(CUT_BYTES - 3))
    message = seal(LONG, part[2:] + b"\x01\x02\x03\x04\x05")
    assert message[:CUT_BYTES] == part
    assert fed(part, message[CUT_BYTES:]) == ([message], 0)


def test_wrong_sum_is_unusable() -> None:
    assert fed(bytes.fromhex("f0b00101a3")) == ([], 5)


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_junk_is_held_in_bounds_and_never_costs_the_next_message(junk: list[bytes]) -> None:
    frames = SumFrames(LENGTHS)
    for data in junk:
        assert all(map(is_sealed, frames.feed(data)))
    heard = [*frames.feed(LONG_MESSAGE[:CUT_BYTES]), *frames.feed(LONG_MESSAGE[CUT_BYTES:])]
    heard += frames.feed(LONG_MESSAGE)
    assert heard[-1] == LONG_MESSAGE
    assert frames.unusable_bytes <= sum(map(len, junk)) + len(LONG_MESSAGE)


@pytest.mark.parametrize("data", ["", "f0", "f0b0", "f1b0a1", "f0b0a1"])
def test_too_short_or_unsealed_bytes_are_no_message(data: str) -> None:
    assert not is_sealed(bytes.fromhex(data))
