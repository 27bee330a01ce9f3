"""What is said on one connection: tuned, signed, shown, and its silence noticed."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from drivers import Frame, Reading
from drivers.contract import ignore_frame
from drivers.conversation import Conversation, first_within, resumed
from drivers.protocols import PROTOCOLS
from drivers.protocols.base import WireProtocol
from drivers.tuning import Tuning
from tests.support.virtual_clock import VirtualClock


class Echo(WireProtocol):
    """Each byte but FF is a cadence; 01 is asked for at every chance."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def feed(self, frame: Frame) -> list[Reading]:
        if frame.sent:
            self.sent.append(frame.data)
            return []
        self.unusable_bytes += frame.data.count(0xFF)
        return [
            Reading(frame.at_ns, cadence_rpm=byte, source="average" if byte == 9 else "")
            for byte in frame.data
            if byte != 0xFF
        ]

    def request(self, now_ns: int) -> bytes:
        return b"\x01" if now_ns and not self.sent else b""


class OneField(WireProtocol):
    """Each byte is a cadence, or with its highest bit a level."""

    def feed(self, frame: Frame) -> list[Reading]:
        return [
            Reading(frame.at_ns, resistance_raw=byte & 0x7F)
            if byte & 0x80
            else Reading(frame.at_ns, cadence_rpm=byte)
            for byte in frame.data
        ]


class Talk:
    def __init__(self, tuning: Tuning | None = None) -> None:
        self.shown: list[tuple[str, Frame]] = []
        self.protocol = Echo()
        self.conversation = Conversation("echo", self.protocol, tuning or Tuning(), 0, self.show)

    def show(self, name: str, frame: Frame) -> None:
        self.shown.append((name, frame))


@pytest.mark.parametrize(
    ("name", "page", "after_s", "is_at_rest"),
    [
        ("fec", "a4094e0519013c0000000030f2", 3, True),
        ("fec", "a4094e0519013c0000000030f2", 3.1, False),
        ("fec", "a4094e011945ff2acf6d0020e9", 0, False),
        ("cycling_power", "00000000", 0, False),
    ],
    ids=["a trainer at 0 W", "too long ago", "at 109 W", "not a trainer"],
)
def test_rider_of_a_trainer_rests_at_0_w(
    name: str, page: str, after_s: float, is_at_rest: bool
) -> None:
    conversation = Conversation(name, PROTOCOLS[name](), Tuning(), 0, ignore_frame)
    assert not conversation.is_at_rest(0)
    assert conversation.hear(7, bytes.fromhex(page))
    assert conversation.is_at_rest(7 + round(after_s * 1e9)) is is_at_rest


def test_readings_are_tuned_and_name_their_protocol() -> None:
    talk = Talk(Tuning(cadence_scale=2))
    assert talk.conversation.hear(5, b"\x08\x09") == [
        Reading(5, cadence_rpm=16, source="echo"),
        Reading(5, cadence_rpm=18, source="echo (average)"),
    ]


def test_computed_power_is_marked_in_the_source() -> None:
    talk = Talk(Tuning(power_from=((0, 0, 2, 10),)))
    assert talk.conversation.hear(5, b"\x08\x09") == [
        Reading(5, cadence_rpm=8, power_w=26, source="echo (derived)"),
        Reading(5, cadence_rpm=9, power_w=28, source="echo (average, derived)"),
    ]


def test_power_is_computed_with_the_level_of_an_earlier_frame() -> None:
    tuning = Tuning(power_from=((1, 0, 1, 0), (32, 0, 32, 0)))
    talk = Conversation("fields", OneField(), tuning, 0, ignore_frame)
    readings = talk.hear(1, b"\x4e\x8a\x4e\x4e\x94\x4e")
    powers_w = [one.power_w for one in readings if one.cadence_rpm is not None]
    assert powers_w == [None, 780, 780, 1560]


def test_every_frame_is_shown_both_ways() -> None:
    talk = Talk()
    assert list(talk.conversation.requests(0)) == []
    assert list(talk.conversation.requests(3)) == [b"\x01"]
    talk.conversation.hear(5, b"\x08")
    assert talk.shown == [
        ("echo", Frame(3, b"\x01", sent=True)),
        ("echo", Frame(5, b"\x08")),
    ]
    assert talk.protocol.sent == [b"\x01"]


@pytest.mark.parametrize("lost_after_s", [WireProtocol.lost_after_s, 60.0])
def test_conversation_is_silent_when_nothing_is_understood(lost_after_s: float) -> None:
    talk = Talk().conversation
    talk.protocol.lost_after_s = lost_after_s
    limit_ns = round(lost_after_s * 1e9)
    assert not talk.is_silent(limit_ns - 1)
    assert talk.is_silent(limit_ns)
    talk.hear(limit_ns, b"\x08")
    assert not talk.is_silent(2 * limit_ns - 1)
    talk.hear(2 * limit_ns, b"\xff")
    assert talk.is_silent(2 * limit_ns)


def test_silence_is_told_from_noise() -> None:
    talk = Talk().conversation
    assert talk.silence == "no data was received"
    talk.hear(1, b"\xff\xff\x08")
    assert talk.silence == "no reading was received: 2 of 3 bytes could not be decoded as echo"


async def _said(*readings: Reading) -> AsyncGenerator[Reading, None]:
    for reading in readings:
        yield reading
    await asyncio.Event().wait()


async def test_first_reading_comes_alone_and_resumed_before_the_others() -> None:
    readings = _said(Reading(1), Reading(2))
    first = await first_within(VirtualClock(), 5, readings)
    assert first == Reading(1)
    whole = resumed(first, readings)
    assert [await anext(whole), await anext(whole)] == [Reading(1), Reading(2)]


async def test_first_reading_is_none_when_its_time_is_over() -> None:
    clock = VirtualClock()
    waiting = asyncio.create_task(first_within(clock, 5, _said()))
    await clock.run_for(4.9)
    assert not waiting.done()
    await clock.run_for(0.1)
    assert await waiting is None


async def test_first_reading_passes_an_error_on() -> None:
    async def broken() -> AsyncGenerator[Reading, None]:
        raise KeyError("broken")
        yield Reading(0)

    with pytest.raises(KeyError, match="broken"):
        await first_within(VirtualClock(), 5, broken())
