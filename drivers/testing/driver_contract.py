"""The contract tests: what every driver promises, whatever its bike."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, suppress
from typing import TypeVar

import pytest
from pydantic import ValidationError

from drivers.contract import BikeLost, Clock, Driver, DriverOptions
from drivers.promises import reading_fault, staleness_fault
from drivers.reading import Reading
from drivers.registry import GROUP, load_drivers, make_driver
from drivers.testing.bike_under_test import BikeUnderTest

#: The number of Readings that the tests look at, and the real time for them in seconds.
ENOUGH = 5
PATIENCE_S = 30.0
#: How soon a driver must end when it is cancelled, in seconds.
PROMPT_S = 1.0

Ability = TypeVar("Ability")
Connection = AbstractAsyncContextManager[AsyncIterator[Reading]]


class DriverContract:
    """The tests of one driver: derive a class whose name begins with Test, with a fixture `bike`.

    The fixture yields a BikeUnderTest; it may be asynchronous.
    """

    pytestmark = pytest.mark.asyncio

    async def test_readings_are_valid_and_have_a_value(self, bike: BikeUnderTest) -> None:
        after_ns = bike.clock.monotonic_ns()
        async with _opened(bike) as readings:
            for _ in range(ENOUGH):
                reading = await _next(readings)
                fault = reading_fault(reading, after_ns, bike.clock.monotonic_ns())
                assert not fault, fault
                assert reading.said().keys() - {"source"}, "a Reading without a value"
                after_ns = reading.at_ns

    async def test_readings_do_not_all_have_the_same_instant(self, bike: BikeUnderTest) -> None:
        async with _opened(bike) as readings:
            instants_ns = [(await _next(readings)).at_ns for _ in range(ENOUGH)]
        assert instants_ns[-1] > instants_ns[0]

    async def test_staleness_limit_is_in_range(self, bike: BikeUnderTest) -> None:
        driver = _driver(bike, bike.clock)
        async with driver.open_bike():
            fault = staleness_fault(driver.stale_after_s)
        assert not fault, fault

    async def test_bike_is_released_and_can_be_opened_again(self, bike: BikeUnderTest) -> None:
        driver = _driver(bike, bike.clock)
        for _ in range(3):
            async with driver.open_bike() as readings:
                await _next(readings)
            # The iterator ends with the connection: contextlib.aclosing sees to it.
            with pytest.raises(StopAsyncIteration):
                await _next(readings)

    async def test_bike_opened_without_listening_is_released(self, bike: BikeUnderTest) -> None:
        driver = _driver(bike, bike.clock)
        async with driver.open_bike():
            pass
        async with driver.open_bike() as readings:
            await _next(readings)

    async def test_bike_is_released_after_an_exception(self, bike: BikeUnderTest) -> None:
        driver = _driver(bike, bike.clock)
        with suppress(KeyError):
            async with driver.open_bike() as readings:
                await _next(readings)
                raise KeyError
        async with driver.open_bike() as readings:
            await _next(readings)

    async def test_driver_ends_promptly_when_cancelled(self, bike: BikeUnderTest) -> None:
        async def listen(heard: asyncio.Event) -> None:
            async with _opened(bike) as readings:
                while True:
                    await _next(readings)
                    await asyncio.sleep(0)
                    # It is cancelled while its driver waits for the bike, not in the sleep above.
                    heard.set()

        tasks = []
        for _ in range(3):
            heard = asyncio.Event()
            listening = asyncio.create_task(listen(heard))
            await asyncio.wait_for(heard.wait(), PATIENCE_S)
            listening.cancel()
            await asyncio.wait([listening], timeout=PROMPT_S)
            assert listening.done(), f"it still ran {PROMPT_S:.0f} s after it was cancelled"
            assert listening.cancelled(), "it has caught the CancelledError"
            tasks.append(len(asyncio.all_tasks()))
        # The first connection may start tasks that all connections share.
        assert tasks[2] <= tasks[1], f"each connection leaves a task: {asyncio.all_tasks()}"

    async def test_bike_that_vanishes_is_lost_and_can_be_opened_on_its_return(
        self, bike: BikeUnderTest
    ) -> None:
        vanish, come_back = _needed(bike.vanish), _needed(bike.come_back)
        driver = _driver(bike, bike.fast_clock)
        async with driver.open_bike() as readings:
            await _next(readings)
            vanish()
            await _expect_loss(readings)
        await come_back()
        async with driver.open_bike() as readings:
            await _next(readings)

    async def test_bike_that_is_away_is_lost(self, bike: BikeUnderTest) -> None:
        """Expect the loss on opening or, if absence cannot be known then, after a silence."""
        _needed(bike.vanish)()
        with pytest.raises(BikeLost) as lost:
            async with asyncio.timeout(PATIENCE_S), _opened(bike, is_fast=True) as readings:
                await _until_lost(readings)
        assert str(lost.value), "BikeLost without a reason"

    async def test_bike_that_sends_nothing_meaningful_is_lost(self, bike: BikeUnderTest) -> None:
        babble = _needed(bike.babble)
        async with _opened(bike, is_fast=True) as readings:
            await _next(readings)
            babble()
            await _expect_loss(readings)

    async def test_unknown_option_is_refused(self, bike: BikeUnderTest) -> None:
        with pytest.raises(ValidationError, match="no_such_option"):
            make_driver(
                load_drivers()[bike.driver], {**bike.options, "no_such_option": 1}, bike.clock
            )

    async def test_options_identify_the_bike(self, bike: BikeUnderTest) -> None:
        _driver(bike, bike.clock)
        status = load_drivers()[bike.driver]
        assert status.driver is not None
        options = status.driver.Options.model_validate(bike.options)
        assert isinstance(options, DriverOptions)
        assert isinstance(options.who, str)


def _driver(bike: BikeUnderTest, clock: Clock) -> Driver:
    status = load_drivers().get(bike.driver)
    if status is None:
        pytest.fail(
            f"no entry point {bike.driver!r} in the group {GROUP}; expected the driver's package "
            "to be installed: pip install -e .",
            pytrace=False,
        )
    assert status.problem is None, status.problem
    return make_driver(status, bike.options, clock)


def _opened(bike: BikeUnderTest, *, is_fast: bool = False) -> Connection:
    return _driver(bike, bike.fast_clock if is_fast else bike.clock).open_bike()


async def _next(readings: AsyncIterator[Reading]) -> Reading:
    async with asyncio.timeout(PATIENCE_S):
        return await anext(readings)


async def _until_lost(readings: AsyncIterator[Reading]) -> None:
    async for _ in readings:
        await asyncio.sleep(0)


async def _expect_loss(readings: AsyncIterator[Reading]) -> None:
    with pytest.raises(BikeLost) as lost:
        async with asyncio.timeout(PATIENCE_S):
            await _until_lost(readings)
    assert str(lost.value), "BikeLost without a reason"


def _needed(ability: Ability | None) -> Ability:
    if ability is None:
        pytest.skip("the test does not control this bike")
    return ability
