"""A driver that breaks its promises loses its bike, with a reason for the driver's author."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from drivers import BikeLost, Reading
from gateway.bike.link import BikeLink, LinkState
from gateway.bike.opened_bike import CLOSING_MAX_S, SILENCE_MAX_S
from gateway.sampling.sampler import Sampler
from gateway.timing.units import NS_PER_S
from tests.support.virtual_clock import VirtualClock

NAME = f"{__name__}:RudeBike"


class RudeBike:
    """A bike with one bad habit: `yields` says what comes, `close` how it is released."""

    stale_after_s: Any = 3.0

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.opened = 0
        #: What follows a good Reading each second; None: nothing ever.
        self.habit: Callable[[], Any] | None = self.good

    def good(self) -> Any:
        return Reading(self.clock.monotonic_ns(), cadence_rpm=80)

    @asynccontextmanager
    async def open_bike(self) -> AsyncIterator[AsyncIterator[Reading]]:
        self.opened += 1
        try:
            yield self.readings()
        finally:
            await self.close()

    async def readings(self) -> AsyncGenerator[Reading, None]:
        yield self.good()
        while self.habit is not None:
            await self.sleep(1)
            yield self.habit()
        await asyncio.Event().wait()

    async def close(self) -> None: ...

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep_until(self.clock.monotonic_ns() + round(seconds * NS_PER_S))


class Riding:
    """A RudeBike on a link in virtual time."""

    def __init__(self, kind: type[RudeBike] = RudeBike) -> None:
        self.clock = VirtualClock()
        self.bike = kind(self.clock)
        self.link = BikeLink("bike-1", self.bike, Sampler(), self.clock, Random(1))
        self.reasons: list[str] = []
        self.run: asyncio.Task[None] | None = None

    async def run_for(self, seconds: float) -> list[str]:
        """Return the events of the log."""
        with capture_logs() as logs:
            self.run = self.run or asyncio.create_task(self.link.run())
            await self.clock.run_for(seconds)
        self.reasons += [log["reason"] for log in logs if "reason" in log]
        return [log["event"] for log in logs]


async def reason_with(kind: type[RudeBike], seconds: float = 1.2) -> str:
    riding = Riding(kind)
    events = await riding.run_for(seconds)
    assert "driver failed" not in events, "a broken promise has words of its own"
    (reason,) = set(riding.reasons)
    return reason


def a_reading(bike: RudeBike, **values: Any) -> Reading:
    return Reading(bike.clock.monotonic_ns(), **values)


@pytest.mark.parametrize(
    ("habit", "words"),
    [
        (lambda bike: a_reading(bike, cadence_rpm="abc"), "cadence_rpm is 'abc' (str); "),
        (lambda bike: Reading(bike.clock.monotonic_ns(), power_w=float("nan")), "power_w is nan"),
        (lambda bike: Reading(bike.clock.monotonic_ns() + NS_PER_S), "1 s in the future"),
        (lambda bike: Reading(bike.clock.monotonic_ns() - 2 * NS_PER_S), "before the opening"),
        (lambda _: {"cadence": 80}, "the driver yielded {'cadence': 80} (dict)"),
    ],
    ids=["type", "nan", "future", "order", "no reading"],
)
async def test_faulty_reading_loses_the_bike_and_names_driver_field_and_value(
    habit: Callable[[RudeBike], Any], words: str
) -> None:
    riding = Riding()
    riding.bike.habit = lambda: habit(riding.bike)
    assert "driver failed" not in await riding.run_for(1.2)
    (reason,) = riding.reasons
    assert reason.startswith(f"{NAME}: ")
    assert words in reason


async def test_silent_driver_loses_its_bike() -> None:
    riding = Riding()
    riding.bike.habit = None
    await riding.run_for(SILENCE_MAX_S - 0.1)
    assert riding.reasons == []
    await riding.run_for(0.2)
    assert riding.link.state is LinkState.LOST
    assert riding.link.reason.startswith(f"{NAME}: no Reading for 30 s; expected BikeLost after")
    await riding.run_for(5)
    assert riding.bike.opened == 2


async def test_driver_with_a_reading_now_and_then_is_not_silent() -> None:
    class Slow(RudeBike):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(SILENCE_MAX_S - 1)

    riding = Riding(Slow)
    await riding.run_for(300)
    assert (riding.link.state, riding.bike.opened) == (LinkState.CONNECTED, 1)


async def test_driver_that_yields_no_iterator_is_described() -> None:
    class Listing(RudeBike):
        def readings(self) -> Any:
            return [self.good()]

    reason = await reason_with(Listing)
    assert "open_bike yielded a value of type list; expected an async iterator" in reason


async def test_driver_without_a_context_manager_is_described() -> None:
    class Undecorated(RudeBike):
        async def open_bike(self) -> Any:
            yield self.readings()

    assert "is @asynccontextmanager missing?" in await reason_with(Undecorated)


async def test_driver_with_a_useless_staleness_limit_is_described() -> None:
    class Stale(RudeBike):
        stale_after_s = "3"

    assert "stale_after_s is '3' (str); expected seconds" in await reason_with(Stale)


async def test_driver_that_does_not_release_its_bike_is_given_up() -> None:
    class Clinging(RudeBike):
        async def readings(self) -> AsyncGenerator[Reading, None]:
            yield self.good()
            raise BikeLost("away")

        async def close(self) -> None:
            await asyncio.Event().wait()

    reason = await reason_with(Clinging, CLOSING_MAX_S + 0.1)
    assert "the bike was not released within 10 s" in reason


async def test_late_time_out_of_the_driver_itself_is_not_one_of_the_release() -> None:
    class Slow(RudeBike):
        async def readings(self) -> AsyncGenerator[Reading, None]:
            yield self.good()

        async def close(self) -> None:
            await self.sleep(CLOSING_MAX_S - 1)
            raise TimeoutError("the device did not answer")

    riding = Riding(Slow)
    await riding.run_for(CLOSING_MAX_S)
    assert riding.reasons[0].startswith("driver failed: TimeoutError: the device did not answer")


async def test_time_out_of_the_driver_itself_is_a_bug_of_the_driver() -> None:
    class Hasty(RudeBike):
        async def close(self) -> None:
            raise TimeoutError("the device did not answer")

        async def readings(self) -> AsyncGenerator[Reading, None]:
            yield self.good()

    riding = Riding(Hasty)
    assert "driver failed" in await riding.run_for(0.2)
    assert riding.reasons[0].startswith("driver failed: TimeoutError: the device did not answer")


async def test_driver_whose_operation_was_cancelled_has_no_bug() -> None:
    class Cancelled(RudeBike):
        async def readings(self) -> AsyncGenerator[Reading, None]:
            yield self.good()
            raise asyncio.CancelledError

    assert "an operation inside the driver was cancelled" in await reason_with(Cancelled)


async def test_bug_that_returns_with_each_connection_is_logged_once() -> None:
    class Buggy(RudeBike):
        async def readings(self) -> AsyncGenerator[Reading, None]:
            yield self.good()
            raise KeyError("x")

    events = await Riding(Buggy).run_for(20)
    assert events.count("driver failed") == 1
    assert events.count("bike lost") > 5


async def raises(_: RudeBike) -> None:
    raise OSError("the port is gone")


async def returns(_: RudeBike) -> None: ...


@pytest.mark.parametrize("close", [returns, raises])
async def test_link_ends_when_cancelled_whatever_its_driver_does(close: Any) -> None:
    class Stubborn(RudeBike):
        async def readings(self) -> AsyncGenerator[Reading, None]:
            while True:
                with suppress(asyncio.CancelledError):
                    await self.sleep(1)
                yield self.good()

    Stubborn.close = close  # type: ignore[method-assign]
    riding = Riding(Stubborn)
    await riding.run_for(2.5)
    assert riding.run is not None
    riding.run.cancel()
    await riding.run_for(5)
    assert riding.run.cancelled()
    assert riding.bike.opened == 1


async def test_driver_that_cancels_its_own_task_does_not_end_the_link() -> None:
    class Confused(RudeBike):
        def good(self) -> Any:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            return super().good()

    riding = Riding(Confused)
    await riding.run_for(5)
    assert riding.run is not None
    assert not riding.run.done()
    assert "cancelled" in riding.link.reason
    assert riding.bike.opened > 2
