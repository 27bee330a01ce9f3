"""A second power meter next to the first: added up, and missed without harm."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from drivers import Reading
from drivers.ble.companions import METER_VALID_NS, Companions
from drivers.ble.driver import BleBike
from drivers.ble.finding import NAME_S
from drivers.ble.radio import Advertisement, Radio
from drivers.clock import MachineClock
from drivers.contract import BikeLost, Clock, FrameSource
from drivers.power import POWER_MAX_W, POWER_MIN_W
from drivers.protocols.standard.cycling_power import PowerMeasurement, encode_power
from drivers.testing import FastClock
from gateway.sampling.plausible import implausible
from tests.support.bluez import Bluez, Device, bikes

LEFT_W, RIGHT_W = 60, 65


@asynccontextmanager
async def pedalled(device: Device, power_w: Callable[[], int]) -> AsyncIterator[None]:
    """Notified ten times a second."""

    async def notify() -> None:
        while True:
            frame = encode_power(PowerMeasurement(power_w=power_w()))
            device.notify(bikes.CYCLING_POWER_MEASUREMENT, frame)
            await asyncio.sleep(0.1)

    notifying = asyncio.create_task(notify())
    try:
        yield
    finally:
        notifying.cancel()
        await asyncio.wait([notifying])


def pedals(left: Device, second: str, clock: Clock | None = None, **options: object) -> BleBike:
    options = {"address": left.address, "second_power_meter": second, **options}
    return BleBike(BleBike.Options.model_validate(options), clock or MachineClock())


async def heard_until(readings: AsyncIterator[Reading], power_w: float) -> Reading:
    """The first Reading with this power."""
    async with asyncio.timeout(20):
        while (reading := await anext(readings)).power_w != power_w:
            pass
        return reading


async def test_power_of_two_pedals_is_added_up(bluez: Bluez) -> None:
    left, right = bikes.power_meter(bluez, "Left"), bikes.power_meter(bluez, "Right")
    async with (
        pedalled(left, lambda: LEFT_W),
        pedalled(right, lambda: RIGHT_W),
        pedals(left, right.address).open_bike() as readings,
    ):
        both = await heard_until(readings, LEFT_W + RIGHT_W)
        assert both.source == "cycling_power + second meter"
    await bluez.settle()
    assert not left.connected
    assert not right.connected


async def test_power_scale_and_offset_correct_both_meters(bluez: Bluez) -> None:
    left, right = bikes.power_meter(bluez, "Left"), bikes.power_meter(bluez, "Right")
    async with (
        pedalled(left, lambda: LEFT_W),
        pedalled(right, lambda: RIGHT_W),
        pedals(left, right.address, power_scale=2, power_offset_w=5).open_bike() as readings,
    ):
        alone = await heard_until(readings, 2 * (2 * LEFT_W + 5))
        both = await heard_until(readings, 2 * LEFT_W + 5 + 2 * RIGHT_W + 5)
    assert alone.source == "cycling_power × 2"
    assert both.source == "cycling_power + second meter"


async def test_name_of_a_companion_is_not_waited_for(
    bluez: Bluez, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right = bikes.power_meter(bluez), bikes.power_meter(bluez)
    left.name = right.name = None
    waits_s = []
    find = Radio.find

    async def noting(
        self: Radio, wanted: Callable[[Advertisement], bool], seconds: float, name_s: float
    ) -> Advertisement | None:
        waits_s.append(name_s)
        return await find(self, wanted, seconds, name_s)

    monkeypatch.setattr(Radio, "find", noting)
    async with (
        pedalled(left, lambda: LEFT_W),
        pedalled(right, lambda: RIGHT_W),
        pedals(left, right.address).open_bike() as readings,
    ):
        await heard_until(readings, LEFT_W + RIGHT_W)
    assert waits_s == [NAME_S, 0]


async def test_pedal_that_was_never_there_is_counted_as_like_the_first(bluez: Bluez) -> None:
    left = bikes.power_meter(bluez, "Left")
    async with (
        pedalled(left, lambda: LEFT_W),
        pedals(left, "C0:00:00:00:00:01").open_bike() as readings,
    ):
        alone = await heard_until(readings, 2 * LEFT_W)
    assert alone.source == "cycling_power × 2"


@pytest.mark.slow
async def test_lost_pedal_leaves_the_other_connected_and_comes_back(bluez: Bluez) -> None:
    left, right = bikes.power_meter(bluez, "Left"), bikes.power_meter(bluez, "Right")
    async with (
        pedalled(left, lambda: LEFT_W),
        pedalled(right, lambda: RIGHT_W),
        pedals(left, right.address, FastClock(10)).open_bike() as readings,
    ):
        await heard_until(readings, LEFT_W + RIGHT_W)
        right.drop_link()
        alone = await heard_until(readings, 2 * LEFT_W)
        assert left.connected
        both = await heard_until(readings, LEFT_W + RIGHT_W)
        assert right.connected
    assert alone.source == "cycling_power × 2"
    assert both.source == "cycling_power + second meter"


async def test_lost_first_pedal_is_a_lost_bike(bluez: Bluez) -> None:
    left, right = bikes.power_meter(bluez, "Left"), bikes.power_meter(bluez, "Right")
    async with (
        pedalled(left, lambda: LEFT_W),
        pedalled(right, lambda: RIGHT_W),
        pedals(left, right.address).open_bike() as readings,
    ):
        await heard_until(readings, LEFT_W + RIGHT_W)
        left.drop_link()
        with pytest.raises(BikeLost, match="link was lost"):
            await heard_until(readings, -1)


class Meter(FrameSource):
    """A meter that reports its powers once, at 1 s."""

    def __init__(self, *powers_w: float) -> None:
        self._powers_w = powers_w

    @asynccontextmanager
    async def open_bike(self, on_frame: object = None) -> AsyncIterator[AsyncIterator[Reading]]:
        async def readings() -> AsyncIterator[Reading]:
            yield Reading(1_000_000_000, cadence_rpm=80)
            for power_w in self._powers_w:
                yield Reading(1_000_000_000, power_w=power_w)
            await asyncio.Event().wait()

        yield readings()


async def having_heard(*powers_w: float) -> Companions:
    companions = Companions(None, Meter(*powers_w), MachineClock())
    async with companions.listening():
        await asyncio.sleep(0.01)
    return companions


async def test_old_power_of_the_second_meter_is_not_added() -> None:
    companions = await having_heard(RIGHT_W)
    for at_ns, power_w in (
        (1_000_000_000 + METER_VALID_NS, LEFT_W + RIGHT_W),
        (1_000_000_001 + METER_VALID_NS, 2 * LEFT_W),
    ):
        assert companions.completed(Reading(at_ns, power_w=LEFT_W)).power_w == power_w
    cadence = Reading(1_000_000_000, cadence_rpm=80)
    assert companions.completed(cadence) == cadence


def test_power_of_a_bike_with_a_single_meter_is_left_alone() -> None:
    reading = Reading(1, power_w=LEFT_W)
    assert Companions(None, None, MachineClock()).completed(reading) == reading


@pytest.mark.parametrize("absurd_w", [POWER_MAX_W / 2 + 1, 2800, 0xFFFF, POWER_MIN_W / 2 - 1])
async def test_implausible_power_of_the_second_meter_is_left_out(absurd_w: float) -> None:
    first = Reading(1_000_000_000, power_w=LEFT_W)
    assert (await having_heard(absurd_w)).completed(first).power_w == 2 * LEFT_W
    assert (await having_heard(RIGHT_W, absurd_w)).completed(first).power_w == LEFT_W + RIGHT_W


@pytest.mark.parametrize("absurd_w", [POWER_MAX_W / 2 + 1, 2800, 0xFFFF, POWER_MIN_W / 2 - 1])
async def test_implausible_power_of_the_first_meter_is_refused_with_the_second(
    absurd_w: float,
) -> None:
    """Not made plausible by the second: it is counted as that of any bike."""
    both = (await having_heard(RIGHT_W)).completed(Reading(1_000_000_000, power_w=absurd_w))
    assert implausible(both) == {"power_w": 2 * absurd_w}


@pytest.mark.parametrize("strong_w", [POWER_MAX_W / 2, POWER_MIN_W / 2])
async def test_strongest_plausible_power_of_two_meters_is_added_up(strong_w: float) -> None:
    both = (await having_heard(strong_w)).completed(Reading(1_000_000_000, power_w=strong_w))
    assert (both.power_w, implausible(both)) == (2 * strong_w, {})


class Strap(FrameSource):
    """A strap whose beats came at these times."""

    def __init__(self, *at_ns: int) -> None:
        self._at_ns = at_ns

    @asynccontextmanager
    async def open_bike(self, on_frame: object = None) -> AsyncIterator[AsyncIterator[Reading]]:
        async def readings() -> AsyncIterator[Reading]:
            for at_ns in self._at_ns:
                yield Reading(at_ns, heart_rate_bpm=121)
            await asyncio.Event().wait()

        yield readings()


async def test_beats_are_taken_in_the_order_of_time_with_the_bikes_readings() -> None:
    """Two came before the bike's Reading at 20, but were heard after it."""
    companions = Companions(Strap(10, 15, 30), None, MachineClock())
    assert list(companions.take_beats(20)) == []
    async with companions.listening():
        await asyncio.sleep(0.01)
    assert [beat.at_ns for beat in companions.take_beats(25)] == [20, 20]
    assert list(companions.take_beats(29)) == []
    assert [beat.at_ns for beat in companions.take_beats(30)] == [30]
