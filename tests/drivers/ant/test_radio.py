"""The radio that all ANT+ bikes of a process share: its channels, its end, its beginnings."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from drivers import BikeLost
from drivers.ant import commands
from drivers.ant.radio import MAX_WAITING, OPENINGS, AntListener, AntRadio, shared_radio
from drivers.clock import MachineClock
from drivers.protocols.ant.messages import ReceivedPage
from drivers.protocols.base import AntChannel
from drivers.testing import FastClock
from tests.support.ant_stick import CHANNELS, AntBus, AntStick
from tests.support.virtual_clock import VirtualClock

FITNESS, POWER = AntChannel(17, 8192), AntChannel(11, 8182)
PAGE = bytes.fromhex("19015a1027fa0030")
CLOCK = MachineClock()


async def next_page(reception: AntListener) -> bytes:
    """The next page; a channel that closes is opened again meanwhile."""
    async with asyncio.timeout(10):
        while (received := await reception.next(5)) is None:
            pass
    return received[1].page


async def test_channel_is_set_up_for_its_device(stick: AntStick) -> None:
    async with shared_radio(CLOCK) as radio, radio.receive(CLOCK, POWER, 4711):
        [channel] = stick.channels.values()
        assert (channel.device_type, channel.device_number) == (11, 4711)
        assert (channel.period_ticks, channel.frequency) == (8182, 57)
        assert channel.is_open
        assert len(stick.network_key) == 8
    assert not stick.is_scanning


async def test_two_bikes_share_a_stick(stick: AntStick) -> None:
    async with AsyncExitStack() as stack:
        radios = [await stack.enter_async_context(shared_radio(CLOCK)) for _ in range(2)]
        assert radios[0] is radios[1]
        one = await stack.enter_async_context(radios[0].receive(CLOCK, FITNESS, 1))
        two = await stack.enter_async_context(radios[1].receive(CLOCK, FITNESS, 2))
        stick.transmit(17, 2, PAGE)
        stick.transmit(17, 1, bytes(8))
        stick.transmit(17, 3, bytes(8))
        assert await next_page(one) == bytes(8)
        assert await next_page(two) == PAGE
    assert stick.openings == 1


async def test_bike_that_leaves_frees_its_channel_and_disturbs_no_other(stick: AntStick) -> None:
    async with shared_radio(CLOCK) as radio, radio.receive(CLOCK, FITNESS, 1) as kept:
        for number in range(2, 3 * CHANNELS):
            async with radio.receive(CLOCK, POWER, number):
                assert len(stick.channels) <= CHANNELS
        stick.transmit(17, 1, PAGE)
        assert await next_page(kept) == PAGE


async def test_bike_without_a_free_channel_is_refused(stick: AntStick) -> None:
    async with AsyncExitStack() as stack:
        radio = await stack.enter_async_context(shared_radio(CLOCK))
        for number in range(1, CHANNELS + 1):
            await stack.enter_async_context(radio.receive(CLOCK, FITNESS, number))
        with pytest.raises(BikeLost, match=f"all {CHANNELS} channels of the ANT stick are in use"):
            await stack.enter_async_context(radio.receive(CLOCK, FITNESS, 99))
        with pytest.raises(BikeLost, match="cannot scan while it receives a bike"):
            await stack.enter_async_context(radio.scan(CLOCK))


async def test_channel_whose_search_has_ended_is_set_up_again(stick: AntStick) -> None:
    async with shared_radio(CLOCK) as radio, radio.receive(CLOCK, FITNESS, 1) as reception:
        stick.end_searches()
        assert await reception.next(5) is None
        [channel] = stick.channels.values()
        assert (channel.device_number, channel.frequency, channel.is_open) == (1, 57, True)
        stick.transmit(17, 1, PAGE)
        assert await next_page(reception) == PAGE


async def test_radio_is_opened_again_after_its_last_user(stick: AntStick) -> None:
    for _ in range(3):
        async with shared_radio(CLOCK) as radio, radio.receive(CLOCK, FITNESS, 1):
            assert stick.is_open
    assert stick.openings == 3


async def test_stick_that_does_not_answer_is_opened_again(stick: AntStick) -> None:
    stick.deaf_openings = 1
    async with shared_radio(FastClock(3)):
        assert stick.openings == 2


@pytest.mark.slow
async def test_stick_that_never_answers_is_explained(stick: AntStick) -> None:
    stick.deaf_openings = 99
    with pytest.raises(BikeLost, match="does not answer: unplug it and plug it in again"):
        async with shared_radio(FastClock(3)):
            pass
    assert stick.openings == OPENINGS


async def test_all_bikes_of_an_unplugged_stick_are_lost(bus: AntBus, stick: AntStick) -> None:
    async with (
        shared_radio(CLOCK) as radio,
        radio.receive(CLOCK, FITNESS, 1) as one,
        radio.receive(CLOCK, FITNESS, 2) as two,
    ):
        bus.unplug()
        for reception in (one, two):
            with pytest.raises(BikeLost, match="was unplugged"):
                await reception.next(5)
        bus.plug_in(AntStick())
        async with shared_radio(CLOCK) as other, other.receive(CLOCK, FITNESS, 1):
            assert other is not radio, "a bike that still holds the old one keeps none from the new"


async def test_junk_from_the_stick_hides_no_page(stick: AntStick) -> None:
    async with shared_radio(CLOCK) as radio, radio.receive(CLOCK, FITNESS, 1) as reception:
        stick.send_junk(b"\xa4\x09\x4eguru")
        for _ in range(5):
            stick.transmit(17, 1, PAGE)
        assert await next_page(reception) == PAGE


async def test_refused_command_is_named(stick: AntStick, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shared_radio(CLOCK) as radio:
        assign = commands.open_channel(0, FITNESS, 1)[0]
        twice = (assign, assign)
        monkeypatch.setattr(commands, "open_channel", lambda *_: twice)
        with pytest.raises(BikeLost, match="refused the command 0x42 with code 21"):
            async with radio.receive(CLOCK, FITNESS, 1):
                pass


async def test_bike_that_is_not_listened_to_keeps_the_newest_pages() -> None:
    reception = AntListener(AntRadio(), CLOCK, ())
    for number in range(3 * MAX_WAITING):
        reception.put(ReceivedPage(0, bytes((number,))))
    assert await next_page(reception) == bytes((2 * MAX_WAITING,))


async def test_page_that_waits_has_the_time_of_its_arrival() -> None:
    clock = VirtualClock()
    reception = AntListener(AntRadio(), clock, ())
    arrived_ns = clock.monotonic_ns()
    reception.put(ReceivedPage(0, PAGE))
    await clock.run_for(2)
    assert await reception.next(5) == (arrived_ns, ReceivedPage(0, PAGE))
