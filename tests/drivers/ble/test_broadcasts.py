"""A bike that only broadcasts: heard again and again, and lost when it falls silent."""

import asyncio

import pytest

from drivers import BikeLost, Reading
from drivers.ble.broadcasts import BROADCAST_GONE_S, RESCAN_S, overheard
from drivers.ble.companions import Companions
from drivers.ble.driver import BleBike
from drivers.ble.radio import Advertisement, Radio
from drivers.contract import ignore_frame
from drivers.conversation import Conversation
from drivers.protocols.bluetooth.keiser import Keiser
from drivers.testing import FastClock
from drivers.tuning import Tuning
from tests.support.bluez import Bluez, bikes
from tests.support.radio import found

KEISER = bytes.fromhex("063000383803460573000d00042701000a")


@pytest.mark.slow
async def test_broadcasting_bike_is_lost_after_a_minute_of_silence(bluez: Bluez) -> None:
    device, clock = bikes.keiser_m3i(bluez, KEISER), FastClock(20)
    hci = Radio("hci0", clock)
    heard: list[Reading] = []
    first = await found(hci, device)
    device.leave()
    talk = Conversation("keiser", Keiser(), Tuning(), clock.monotonic_ns(), ignore_frame)
    options = BleBike.Options(address=device.address)
    alone = Companions(None, None, clock)
    measured: list[tuple[Radio, Advertisement]] = []
    start_ns = clock.monotonic_ns()

    def measure(adapter: Radio, broadcast: Advertisement) -> None:
        measured.append((adapter, broadcast))

    async def listen() -> None:
        async for reading in overheard(hci, first, talk, options, alone, measure):
            heard.append(reading)  # noqa: PERF401 what was heard before the error counts

    with pytest.raises(BikeLost, match=f"sent no broadcast for {BROADCAST_GONE_S:g} s"):
        await asyncio.wait_for(listen(), 20)
    assert [reading.cadence_rpm for reading in heard] == [82.4], "the one that it was found by"
    assert heard[0].at_ns == first.heard_ns
    assert measured == [(hci, first)]
    assert clock.monotonic_ns() - start_ns >= (BROADCAST_GONE_S - RESCAN_S) * 1e9
