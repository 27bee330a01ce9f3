"""A whole fleet through its races in virtual time."""

import asyncio
from collections import Counter

from gateway.simulation.fleet.course import PORTIONS, Course
from gateway.simulation.fleet.plan import FleetOptions, Plan
from gateway.simulation.fleet.racer import FleetRacer
from gateway.telemetry.message import Telemetry
from tests.support.virtual_clock import VirtualClock

#: More than portions, and not a multiple of them.
RACERS = 2 * PORTIONS + 7
RACE_S = 12
COUNTDOWN_S = 3
NOW_MS = 1_795_248_757_000


class Rig:
    def __init__(self, races: int = 2) -> None:
        self.clock = VirtualClock(NOW_MS)
        plan = Plan(FleetOptions(RACERS, RACE_S, races=races))
        self.races = plan.races_from(NOW_MS + COUNTDOWN_S * 1000)
        racers = [FleetRacer(one, "thing", self.races[one.race]) for one in plan.assignments()]
        #: Each with the time since the end of its second.
        self.sent: list[tuple[Telemetry, int]] = []
        course = Course(racers, self.clock, self._send)
        self.run = asyncio.create_task(course.run())

    def _send(self, racer: FleetRacer, message: Telemetry) -> None:
        assert message.racer_id == racer.assignment.racer.racer_id
        now_ms = self.clock.wall_ms_at(self.clock.monotonic_ns())
        self.sent.append((message, now_ms - message.device_timestamp))

    def rides(self) -> Counter[tuple[int, int]]:
        """How often each racer sent each second."""
        return Counter((message.racer_id, message.second) for message, _ in self.sent)


async def test_course_sends_every_second_of_every_racer_once_when_it_ends() -> None:
    rig = Rig()
    await rig.clock.run_for(COUNTDOWN_S)
    assert rig.sent == []
    await rig.clock.run_for(RACE_S + 1)
    await rig.run
    expected = {(racer, second) for racer in range(1, RACERS + 1) for second in range(1, 13)}
    assert rig.rides() == Counter(dict.fromkeys(expected, 1))
    assert {late_ms for _, late_ms in rig.sent} == {0}
    assert {message.second for message, _ in rig.sent if message.is_final} == {RACE_S}


async def test_course_runs_races_at_once_on_one_tick() -> None:
    rig = Rig(races=3)
    await rig.clock.run_for(COUNTDOWN_S + 1)
    ids = [race.race_id for race in rig.races]
    assert [message.race_id for message, _ in rig.sent[:6]] == [*ids, *ids]
    rig.run.cancel()


async def test_course_loses_the_seconds_of_a_stall_but_no_final() -> None:
    rig = Rig()
    await rig.clock.run_for(COUNTDOWN_S + 4.5)
    rig.clock.stall(3)
    await rig.clock.run_for(RACE_S)
    await rig.run
    seconds = sorted(second for racer, second in rig.rides() if racer == 1)
    assert seconds[:4] == [1, 2, 3, 4]
    assert seconds[-1] == RACE_S
    assert RACE_S - 3 <= len(seconds) < RACE_S
    finals = [message for message, _ in rig.sent if message.is_final]
    assert [message.samples for message in finals] == [len(seconds)] * RACERS


async def test_course_sends_no_more_once_cancelled() -> None:
    rig = Rig()
    await rig.clock.run_for(COUNTDOWN_S + 4.5)
    rig.run.cancel()
    await asyncio.wait([rig.run])
    sent = len(rig.sent)
    await rig.clock.run_for(RACE_S)
    assert len(rig.sent) == sent == 4 * RACERS
