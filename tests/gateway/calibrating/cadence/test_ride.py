"""The steps of a cadence check, on a fake bike in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.calibrating.cadence.ride import CadenceRide
from gateway.calibrating.fake import FakePedaller
from gateway.calibrating.local import LocalSession
from gateway.calibrating.measuring.cadence import Measurement, NotUsable
from gateway.calibrating.ride import PATIENCE_S, READY_S
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import CalibrationError
from tests.support.cadence import FAKE, START_MS, SeenView, fake_bike, pedaller
from tests.support.virtual_clock import NS_PER_S, VirtualClock

pytestmark = pytest.mark.slow

#: Longer than any of it may take.
LONG_S = 400


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START_MS)


@pytest.fixture
def view(clock: VirtualClock) -> SeenView:
    return SeenView(clock)


async def ridden(
    session: CalibrationSession,
    clock: VirtualClock,
    view: SeenView,
    way: Callable[[CadenceRide], Awaitable[list[Measurement]]],
) -> list[Measurement]:
    async def ride() -> list[Measurement]:
        async with CadenceRide(session, clock, view) as ride:
            return await way(ride)

    riding = asyncio.create_task(ride())
    for _ in range(LONG_S // 10):
        await clock.run_for(10)
        if riding.done():
            return riding.result()
    riding.cancel()
    raise AssertionError("it does not end")


async def by_beat(ride: CadenceRide, person: FakePedaller, *rpms: float) -> list[Measurement]:
    return await ride.by_metronome(rpms, 30, person.follow, lambda: None)


async def nobody_presses(_turns: int) -> None:
    await asyncio.Event().wait()


async def test_turns_are_counted_on_a_bike_that_is_right(
    tmp_path: Path, clock: VirtualClock, view: SeenView
) -> None:
    person = pedaller(tmp_path, clock)
    async with person.session() as session:
        [one] = await ridden(session, clock, view, lambda ride: ride.by_count(30, person.press))
    assert one.said_rpm == pytest.approx(one.true_rpm, rel=0.015)
    assert one.seconds == pytest.approx(30 * 60 / one.true_rpm)
    assert 60 < one.true_rpm < 110
    assert [screen.keys for screen in (view.screens[0], view.screens[-1])] == [
        (),
        (("Enter", "stroke 30"),),
    ]


async def test_stroke_is_listened_for_before_the_rider_is_told_to_press(
    tmp_path: Path, clock: VirtualClock, view: SeenView
) -> None:
    """What was pressed until the listening begins is dropped: the stroke must not be among it."""
    person, told = pedaller(tmp_path, clock), []

    async def press(turns: int) -> None:
        told.append((f"stroke {turns}" in str(view.screens[-1].keys), turns))
        await person.press(turns)

    async with person.session() as session:
        await ridden(session, clock, view, lambda ride: ride.by_count(30, press))
    assert told == [(False, 0), (False, 30)]


async def test_strokes_are_timed_by_the_presses_not_by_the_looks(
    tmp_path: Path, clock: VirtualClock, view: SeenView
) -> None:
    presses_s = iter([30.003, 52.5041])

    async def press(_turns: int) -> None:
        await clock.sleep_until(clock_start_ns + round(next(presses_s) * NS_PER_S))

    clock_start_ns = clock.monotonic_ns()
    async with fake_bike(tmp_path, clock) as session:
        [one] = await ridden(session, clock, view, lambda ride: ride.by_count(30, press))
    assert one.seconds == pytest.approx(22.5011, abs=1e-6)


async def test_metronome_ride_is_measured_at_each_beat_once_settled(
    tmp_path: Path, clock: VirtualClock, view: SeenView
) -> None:
    person = pedaller(tmp_path, clock, factor=2)
    async with person.session() as session:
        slow, fast = await ridden(
            session,
            clock,
            view,
            lambda ride: by_beat(ride, person, 60, 90),
        )
    assert (slow.true_rpm, fast.true_rpm) == (60, 90)
    assert slow.said_rpm == pytest.approx(120, abs=3)
    assert fast.said_rpm == pytest.approx(180, abs=3)
    assert view.events == ["metronome", "measuring"] * 2
    assert {screen.phase is None for screen in view.screens if screen.done is not None} == {False}


async def test_beats_do_not_drift_even_when_the_machine_stalls(
    tmp_path: Path, clock: VirtualClock, view: SeenView
) -> None:
    person = pedaller(tmp_path, clock)

    async def with_stalls() -> None:
        for _ in range(12):
            await clock.sleep_until(clock.monotonic_ns() + 2 * NS_PER_S)
            clock.stall(0.07)

    async with person.session() as session:
        stalling = asyncio.create_task(with_stalls())
        await ridden(
            session,
            clock,
            view,
            lambda ride: by_beat(ride, person, 70),
        )
        await stalling
    first_ns = view.beats_ns[0]
    late_s = [
        (at_ns - first_ns) / NS_PER_S - number * 60 / 70
        for number, at_ns in enumerate(view.beats_ns)
    ]
    assert len(late_s) > 40
    assert all(-0.08 <= one < 0.08 for one in late_s)
    assert any(one > 0.01 for one in late_s), "some were heard late"
    assert any(abs(one) < 1e-6 for one in late_s[-4:]), "and the last ones are on time"


async def test_beats_that_nobody_could_hear_are_not_made_up_for(
    tmp_path: Path, clock: VirtualClock, view: SeenView
) -> None:
    person = pedaller(tmp_path, clock)

    async def with_a_stall() -> None:
        await clock.sleep_until(clock.monotonic_ns() + 22 * NS_PER_S)
        clock.stall(3.4)

    async with person.session() as session:
        stalling = asyncio.create_task(with_a_stall())
        await ridden(
            session,
            clock,
            view,
            lambda ride: by_beat(ride, person, 60),
        )
        await stalling
    apart_s = [(later_ns - at_ns) / NS_PER_S for at_ns, later_ns in pairwise(view.beats_ns)]
    assert min(apart_s) > 0.5
    assert max(apart_s) > 3


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"scenario": "stop_and_go"}, "varied by ± .*: pedal more evenly"),
        (
            {"faults": {"dead_sensor_at_s": 10, "dead_sensor_for_s": 200}},
            "the cadence did not become steady at 90 rpm",
        ),
    ],
)
async def test_ride_off_the_beat_is_not_usable(
    tmp_path: Path, clock: VirtualClock, view: SeenView, options: dict[str, Any], reason: str
) -> None:
    async with fake_bike(tmp_path, clock, **options) as session:
        with pytest.raises(NotUsable, match=reason):
            await ridden(
                session,
                clock,
                view,
                lambda ride: ride.by_metronome((90,), 60, lambda _: None, lambda: None),
            )


async def test_a_second_sensor_is_heard_over_the_same_time(
    tmp_path: Path, clock: VirtualClock, view: SeenView
) -> None:
    person = pedaller(tmp_path, clock, factor=0.5)
    async with person.session() as session:
        [one] = await ridden(
            session, clock, view, lambda ride: ride.by_sensor(person.right_bike(), "strap", 60)
        )
    assert one.said_rpm == pytest.approx(one.true_rpm / 2, rel=0.005)
    assert one.seconds == 60
    assert one.precision_rpm < 1
    assert view.screens[-1].other == "strap"
    assert view.screens[-1].other_rpm is not None


async def test_a_second_sensor_that_does_not_come_is_waited_for_so_long(
    tmp_path: Path, clock: VirtualClock, view: SeenView
) -> None:
    absent = FAKE.driver
    assert absent is not None
    options = absent.Options.model_validate({"faults": {"vanish_at_s": 0}})
    async with fake_bike(tmp_path, clock) as session:
        with pytest.raises(NotUsable, match="strap sends no cadence: the fake bike vanished"):
            await ridden(
                session,
                clock,
                view,
                lambda ride: ride.by_sensor(absent(options, clock), "strap", 60),
            )
    assert len(view.screens) >= READY_S


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"faults": {"vanish_at_s": 0}},
            "the bike did not connect within 90 s: the fake bike vanished",
        ),
        ({"scenario": "idle"}, "the bike reported no pedalling within 90 s"),
        (
            {"faults": {"disconnect_at_s": 20}},
            "the bike disconnected: the fake bike dropped the link",
        ),
    ],
)
async def test_ride_without_its_bike_is_not_usable(
    tmp_path: Path, clock: VirtualClock, view: SeenView, options: dict[str, Any], reason: str
) -> None:
    turned = iter([10.0, 100.0])

    async def press(_turns: int) -> None:
        await clock.sleep_until(clock.monotonic_ns() + round(next(turned) * NS_PER_S))

    async with fake_bike(tmp_path, clock, **options) as session:
        with pytest.raises(NotUsable, match=reason):
            await ridden(session, clock, view, lambda ride: ride.by_count(100, press))


async def test_a_bike_that_is_lost_before_it_is_measured_may_come_back(
    tmp_path: Path, clock: VirtualClock, view: SeenView
) -> None:
    presses_s = iter([60.0, 82.0])

    async def press(_turns: int) -> None:
        await clock.sleep_until(start_ns + round(next(presses_s) * NS_PER_S))

    start_ns = clock.monotonic_ns()
    faults = {"disconnect_at_s": 10, "disconnect_for_s": 10}
    async with fake_bike(tmp_path, clock, faults=faults) as session:
        [one] = await ridden(session, clock, view, lambda ride: ride.by_count(30, press))
    assert one.samples > 80


async def test_stroke_that_nobody_presses_ends_the_ride(
    tmp_path: Path, clock: VirtualClock, view: SeenView
) -> None:
    async with fake_bike(tmp_path, clock) as session:
        with pytest.raises(
            NotUsable, match=f"Enter was not pressed at stroke 0 within {PATIENCE_S:g}"
        ):
            await ridden(session, clock, view, lambda ride: ride.by_count(30, nobody_presses))


async def test_session_that_ends_ends_the_ride_with_an_error(
    tmp_path: Path, clock: VirtualClock, view: SeenView
) -> None:
    session: LocalSession = fake_bike(tmp_path, clock)
    async with session:

        async def end(_turns: int) -> None:
            await session.__aexit__(None, None, None)
            await asyncio.Event().wait()

        with pytest.raises(CalibrationError, match="has ended"):
            await ridden(session, clock, view, lambda ride: ride.by_count(30, end))
