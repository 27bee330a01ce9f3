"""A bike on a serial line is asked again and again, and lost when it stays silent."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from drivers import BikeLost, Reading, ignore_frame
from drivers.clock import MachineClock
from drivers.conversation import Conversation
from drivers.protocols.base import SerialLine
from drivers.protocols.serial.kettler import Kettler
from drivers.protocols.serial.lines import Lines
from drivers.serial_line.port import open_port
from drivers.serial_line.session import ASK_EVERY_S, converse
from drivers.tuning import Tuning
from gateway.timing.units import NS_PER_S
from tests.support.pty_bike import Answer, PtyBike
from tests.support.serial_bikes import KettlerBike
from tests.support.virtual_clock import VirtualClock


@asynccontextmanager
async def asked(
    directory: Path, clock: VirtualClock, answer: Answer
) -> AsyncIterator[tuple[PtyBike, asyncio.Task[Reading]]]:
    """A bike, and the wait for its first Reading."""
    bike = PtyBike(directory / "usb-kettler", answer).plug_in()
    talk = Conversation("kettler", Kettler(), Tuning(), clock.monotonic_ns(), ignore_frame)
    async with (
        open_port(str(bike.port), 9600, SerialLine(baud_rates=(9600,)), clock) as port,
        aclosing(converse(port, talk, clock)) as readings,
    ):
        waiting = asyncio.ensure_future(anext(readings))
        yield bike, waiting
        await asyncio.wait([waiting])
    bike.unplug()


async def test_converse_yields_what_the_bike_answers(tmp_path: Path) -> None:
    async with asked(tmp_path, VirtualClock(), KettlerBike().answer) as (_, waiting):
        assert (await waiting).cadence_rpm == 75


async def test_reading_that_waits_has_the_time_of_its_arrival(tmp_path: Path) -> None:
    clock = VirtualClock()
    bike = PtyBike(tmp_path / "usb-kettler", lambda _: b"").plug_in()
    talk = Conversation("kettler", Kettler(), Tuning(), clock.monotonic_ns(), ignore_frame)
    line = SerialLine(baud_rates=(9600,))
    async with open_port(str(bike.port), 9600, line, clock) as port:
        await clock.run_for(1)
        arrived_ns = clock.monotonic_ns()
        bike.say(KettlerBike().answer(b"ST\r\n"))
        async with asyncio.timeout(20):
            while port.heard_ns != arrived_ns:  # noqa: ASYNC110 nothing signals an arrival
                await asyncio.sleep(0)
        await clock.run_for(2)
        async with aclosing(converse(port, talk, clock)) as readings:
            assert (await anext(readings)).at_ns == arrived_ns
    bike.unplug()


async def test_converse_asks_again_and_gives_a_silent_bike_up(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with asked(tmp_path, clock, lambda _: b"") as (bike, waiting):
        await clock.run_for(Kettler.lost_after_s)
        with pytest.raises(BikeLost, match="was silent for 10 s"):
            await waiting
        assert bike.heard.count(b"ST") > 1


class ForwardedClock(MachineClock):
    """The machine's clock, which a test can put forward by `ahead_ns`."""

    ahead_ns = 0

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self.ahead_ns


async def test_bike_that_sent_while_the_process_was_stopped_is_not_lost(tmp_path: Path) -> None:
    clock = ForwardedClock()
    bike = PtyBike(tmp_path / "rig").plug_in()
    talk = Conversation("lines", Lines(), Tuning(), clock.monotonic_ns(), ignore_frame)
    async with (
        open_port(str(bike.port), 115200, SerialLine(baud_rates=(115200,)), clock) as port,
        aclosing(converse(port, talk, clock)) as readings,
    ):
        bike.say(b"rpm=80\n")
        assert (await anext(readings)).cadence_rpm == 80

        def stop_for_a_while() -> None:
            bike.say(b"rpm=81\n")
            time.sleep(2 * ASK_EVERY_S)
            clock.ahead_ns += round(2 * talk.protocol.lost_after_s * NS_PER_S)

        asyncio.get_running_loop().call_soon(stop_for_a_while)
        assert (await anext(readings)).cadence_rpm == 81
    bike.unplug()
