"""One bike kept connected: whatever its driver does is a state with a reason."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import pytest
from structlog.testing import capture_logs

from drivers import BikeAbsent, BikeLost, Reading, Reception, ResistanceTable, TableOrigin
from gateway.bike.link import BACKOFF_MAX_S, BikeLink, LinkState, ReadingFanout
from gateway.sampling.sampler import Sampler
from gateway.timing.backoff import Backoff
from gateway.timing.units import NS_PER_S
from tests.support.virtual_clock import VirtualClock

READING = "a reading"
AWAY = BikeLost("out of reach")
SEED = 4

#: What happens on one connection, step by step: a reading, a silence in s, or an error.
Steps = Sequence[str | float | BaseException]
#: All connections in order, the last one over and over. An error is one at opening.
Script = Sequence[Steps | BaseException]


class ScriptedDriver:
    """A bike of which the test says what it does."""

    stale_after_s = 3.0

    def __init__(self, clock: VirtualClock, script: Script) -> None:
        self._clock = clock
        self._script = list(script)
        self.opened_ns: list[int] = []
        self.is_open = False

    @asynccontextmanager
    async def open_bike(self) -> AsyncIterator[AsyncIterator[Reading]]:
        self.opened_ns.append(self._clock.monotonic_ns())
        steps = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(steps, BaseException):
            raise steps
        self.is_open = True
        try:
            async with aclosing(self._readings(steps)) as readings:
                yield readings
        finally:
            self.is_open = False

    async def _readings(self, steps: Steps) -> AsyncGenerator[Reading, None]:
        for step in steps:
            if isinstance(step, BaseException):
                raise step
            if isinstance(step, str):
                yield Reading(self._clock.monotonic_ns(), cadence_rpm=80)
            else:
                await self._clock.sleep_until(self._clock.monotonic_ns() + round(step * NS_PER_S))


class RudeDriver(ScriptedDriver):
    """A driver whose optional properties fail."""

    @property
    def waits_because(self) -> str:
        raise OSError("no such port")

    resistance_table = waits_because


class Linked:
    """A BikeLink in virtual time."""

    def __init__(self, *script: Steps | BaseException) -> None:
        self.clock = VirtualClock()
        self.driver = ScriptedDriver(self.clock, script)
        self.sampler = Sampler()
        self.changes: list[tuple[LinkState, str]] = []
        self.link = BikeLink(
            "bike-1",
            self.driver,
            self.sampler,
            self.clock,
            Random(SEED),
            on_change=lambda: self.changes.append((self.link.state, self.link.reason)),
        )
        self.logs: list[str] = []
        self._run: asyncio.Task[None] | None = None

    async def run_for(self, seconds: float) -> None:
        with capture_logs() as logs:
            if self._run is None:
                self._run = asyncio.create_task(self.link.run())
            await self.clock.run_for(seconds)
        self.logs += [log["event"] for log in logs]
        assert not self._run.done()

    async def stop(self) -> None:
        assert self._run is not None
        self._run.cancel()
        await asyncio.wait([self._run])

    @property
    def state(self) -> tuple[LinkState, str]:
        return self.link.state, self.link.reason

    @property
    def waits_s(self) -> list[float]:
        """Between the openings."""
        return [(later - ns) / NS_PER_S for ns, later in pairwise(self.driver.opened_ns)]

    def is_present(self) -> bool:
        now_ns = self.clock.monotonic_ns()
        return self.sampler.close_second(now_ns - NS_PER_S, now_ns).present


def backoff_s(*times: int) -> list[float]:
    """So many waits each time from the first step on, as the link's own chance has them."""
    backoff = Backoff(Random(SEED), max_s=BACKOFF_MAX_S)
    waits_s: list[float] = []
    for count in times:
        backoff.reset()
        waits_s += [round(backoff.next_s() * NS_PER_S) / NS_PER_S for _ in range(count)]
    return waits_s


RIDING: Steps = [READING, 0.5] * 1000


class TestStates:
    def test_link_is_connecting_at_first(self) -> None:
        assert Linked(RIDING).state == (LinkState.CONNECTING, "")

    async def test_link_hands_readings_to_the_sampler_once_connected(self) -> None:
        linked = Linked(RIDING)
        await linked.run_for(2)
        assert linked.state == (LinkState.CONNECTED, "")
        assert linked.is_present()
        assert linked.logs == ["bike connected"]

    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            ([AWAY], "out of reach"),
            ([[READING, AWAY]], "out of reach"),
            ([[READING, 0.25]], "the bike stopped sending"),
            ([KeyError("x")], "driver failed: KeyError: 'x' (test_link.py, line "),
            ([[READING, ValueError("0")]], "driver failed: ValueError: 0 (test_link.py, line "),
            ([SystemExit("no key")], "driver failed: SystemExit: no key (test_link.py, line "),
            ([ExceptionGroup("1 error", [AWAY])], "out of reach"),
        ],
        ids=[
            "cannot be opened",
            "lost",
            "ended",
            "bug at opening",
            "bug in riding",
            "exit",
            "group",
        ],
    )
    async def test_lost_link_has_a_reason_and_tries_again(
        self, script: Script, reason: str
    ) -> None:
        linked = Linked(*script)
        await linked.run_for(0.4)
        assert linked.link.state is LinkState.LOST
        assert linked.link.reason.startswith(reason)
        assert not linked.driver.is_open
        await linked.run_for(10)
        assert len(linked.driver.opened_ns) > 2

    @pytest.mark.parametrize("stale_after_s", [0, -1.0, float("nan"), "3", None])
    async def test_bike_whose_driver_has_no_usable_limit_of_staleness_is_lost(
        self, stale_after_s: object
    ) -> None:
        linked = Linked(RIDING)
        linked.driver.stale_after_s = stale_after_s  # type: ignore[assignment]
        await linked.run_for(2)
        assert linked.link.state is LinkState.LOST
        assert linked.link.reason.startswith(f"{linked.link.driver}: stale_after_s is ")

    async def test_lost_link_connects_again_and_the_sampler_is_told(self) -> None:
        linked = Linked([READING, 2.0, AWAY], AWAY, RIDING)
        await linked.run_for(2)
        assert linked.state == (LinkState.LOST, "out of reach")
        await linked.run_for(1.5)
        linked.is_present()
        assert not linked.is_present(), "the sampler was told"
        await linked.run_for(5)
        assert linked.state == (LinkState.CONNECTED, "")
        assert linked.is_present()

    async def test_cancelled_link_releases_the_bike(self) -> None:
        linked = Linked(RIDING)
        await linked.run_for(1)
        await linked.stop()
        assert not linked.driver.is_open
        linked.is_present()
        assert not linked.is_present(), "the sampler was told"


class TestChanges:
    async def test_link_reports_each_change_of_state_or_reason_once(self) -> None:
        linked = Linked(
            [BikeLost("gone")], BikeLost("no such bike"), BikeLost("no such bike"), RIDING
        )
        await linked.run_for(120)
        assert linked.changes == [
            (LinkState.CONNECTED, ""),
            (LinkState.LOST, "gone"),
            (LinkState.LOST, "no such bike"),
            (LinkState.CONNECTED, ""),
        ]


class TestReason:
    async def test_link_is_in_a_state_since_the_change_whatever_its_reasons(self) -> None:
        linked = Linked([2.0, "turn", 4.0, BikeLost("gone")], BikeLost("off"), BikeLost("far away"))
        began_ns = linked.clock.monotonic_ns()
        assert linked.link.since_ns == began_ns
        for _ in range(2):
            await linked.run_for(10)
            assert linked.state[0] is LinkState.LOST
            assert linked.link.since_ns == began_ns + 6 * NS_PER_S
        await linked.stop()

    async def test_link_gives_the_reason_of_a_driver_that_waits_until_it_has_one_of_its_own(
        self,
    ) -> None:
        linked = Linked([READING, 1.0, AWAY])
        driver = linked.driver
        driver.waits_because = "it is asleep"  # type: ignore[attr-defined]
        assert (linked.link.state, linked.link.reason) == (LinkState.CONNECTING, "it is asleep")
        await linked.run_for(0.5)
        assert (linked.link.state, linked.link.reason) == (LinkState.CONNECTED, "")
        await linked.run_for(0.7)
        assert (linked.link.state, linked.link.reason) == (LinkState.LOST, str(AWAY))

    def test_link_survives_a_driver_whose_optional_properties_fail(self) -> None:
        clock = VirtualClock()
        link = BikeLink("bike-1", RudeDriver(clock, [AWAY]), Sampler(), clock, Random(SEED))
        assert (link.reason, link.resistance_table) == ("", None)


class TestResistanceTable:
    async def test_link_has_the_resistance_table_of_its_driver(self) -> None:
        linked = Linked(RIDING)
        assert linked.link.resistance_table is None
        table = ResistanceTable(((0, 0), (100, 100)), TableOrigin.ANOTHER_BIKE)
        linked.driver.resistance_table = table  # type: ignore[attr-defined]
        assert linked.link.resistance_table == table

    @pytest.mark.parametrize("wrong", [((0, 0), (100, 100)), "table", 7])
    async def test_resistance_table_of_another_type_is_none(self, wrong: object) -> None:
        linked = Linked(RIDING)
        linked.driver.resistance_table = wrong  # type: ignore[attr-defined]
        assert linked.link.resistance_table is None


class TestLosses:
    async def test_link_knows_since_when_it_has_its_state(self) -> None:
        linked = Linked([READING, 20.0, AWAY], AWAY)
        began_ns = linked.clock.monotonic_ns()
        since_s = []
        for _ in range(4):
            await linked.run_for(8)
            since_s.append((linked.link.since_ns - began_ns) / NS_PER_S)
        await linked.stop()
        assert since_s == [0, 0, 20, 20], "another attempt that fails is no other state"

    async def test_each_loss_of_the_connected_bike_counts_for_an_hour(self) -> None:
        linked = Linked([READING, 1.0, AWAY], [READING, 1.0, AWAY], [READING, 5.0] * 1000)
        assert linked.link.losses_per_hour == 0
        await linked.run_for(10)
        assert linked.link.losses_per_hour == 2
        await linked.run_for(3600)
        assert linked.link.losses_per_hour == 0

    async def test_failed_attempts_to_connect_are_no_losses(self) -> None:
        linked = Linked(AWAY)
        await linked.run_for(600)
        assert linked.link.losses_per_hour == 0

    async def test_end_of_the_gateway_is_no_loss(self) -> None:
        linked = Linked(RIDING)
        await linked.run_for(10)
        await linked.stop()
        assert linked.link.losses_per_hour == 0


class TestReception:
    async def test_link_has_the_reception_of_a_driver_with_a_radio(self) -> None:
        linked = Linked(RIDING)
        assert linked.link.reception is None
        linked.driver.reception = Reception("hci1", -71, 5)  # type: ignore[attr-defined]
        assert linked.link.reception == Reception("hci1", -71, 5)

    @pytest.mark.parametrize("wrong", [-71, {"adapter": "hci1"}, "hci1"])
    async def test_reception_of_another_type_is_none(self, wrong: object) -> None:
        linked = Linked(RIDING)
        linked.driver.reception = wrong  # type: ignore[attr-defined]
        assert linked.link.reception is None

    async def test_reception_that_raises_is_none(self) -> None:
        class Rude(ScriptedDriver):
            @property
            def reception(self) -> Reception | None:
                raise KeyError("rssi")

        linked = Linked(RIDING)
        linked.driver.__class__ = Rude
        assert linked.link.reception is None


class TestBackOff:
    async def test_link_waits_grow_up_to_the_longest(self) -> None:
        linked = Linked(AWAY)
        await linked.run_for(600)
        assert linked.waits_s == pytest.approx(backoff_s(len(linked.waits_s)))
        assert linked.waits_s[0] <= 1
        assert 10 <= linked.waits_s[-1] <= 20

    async def test_link_waits_do_not_grow_after_a_driver_that_waited_for_the_bike(self) -> None:
        linked = Linked(BikeAbsent("not heard in 30 s"))
        await linked.run_for(60)
        assert len(linked.waits_s) > 50
        assert max(linked.waits_s) <= 1

    async def test_link_waits_start_over_after_a_reading(self) -> None:
        linked = Linked(AWAY, AWAY, AWAY, [READING, AWAY], AWAY, AWAY, RIDING)
        await linked.run_for(60)
        assert linked.waits_s == pytest.approx(backoff_s(3, 3))

    async def test_link_waits_keep_growing_after_a_connection_without_readings(self) -> None:
        linked = Linked(AWAY, AWAY, [AWAY], AWAY, RIDING)
        await linked.run_for(60)
        assert linked.waits_s == pytest.approx(backoff_s(4))


class TestLog:
    """One line a change of state."""

    @pytest.mark.parametrize(
        ("script", "events"),
        [
            ([AWAY], ["bike not connected"]),
            ([AWAY, AWAY, BikeLost("asleep")], ["bike not connected"] * 2),
            ([AWAY, AWAY, RIDING], ["bike not connected", "bike connected"]),
            ([[AWAY], [AWAY], RIDING], ["bike connected", "bike lost"] * 2 + ["bike connected"]),
            ([KeyError("x")], ["driver failed", "bike not connected"]),
        ],
        ids=["away", "other reason", "back", "flaps", "bug"],
    )
    async def test_link_logs_each_change_once(self, script: Script, events: list[str]) -> None:
        linked = Linked(*script)
        await linked.run_for(300)
        assert linked.logs == events

    async def test_link_log_line_has_bike_and_reason(self) -> None:
        with capture_logs() as logs:
            linked = Linked(AWAY)
            run = asyncio.create_task(linked.link.run())
            await linked.clock.settle()
            run.cancel()
        assert logs == [
            {
                "event": "bike not connected",
                "bike": "bike-1",
                "reason": "out of reach",
                "log_level": "warning",
            }
        ]

    async def test_driver_bug_is_logged_with_its_traceback(self) -> None:
        with capture_logs() as logs:
            linked = Linked(KeyError("x"))
            run = asyncio.create_task(linked.link.run())
            await linked.clock.settle()
            run.cancel()
        assert logs[0]["event"] == "driver failed"
        assert logs[0]["bike"] == "bike-1"
        assert isinstance(logs[0]["exc_info"], KeyError)


async def test_link_ends_when_its_driver_has_let_go_of_the_bike() -> None:
    class Slow(ScriptedDriver):
        @asynccontextmanager
        async def open_bike(self) -> AsyncIterator[AsyncIterator[Reading]]:
            async with super().open_bike() as readings:
                try:
                    yield readings
                finally:
                    for _ in range(10):
                        await asyncio.sleep(0)

    linked = Linked(RIDING)
    linked.driver.__class__ = Slow
    await linked.run_for(1)
    assert linked.driver.is_open
    await linked.stop()
    assert not linked.driver.is_open


async def test_driver_cancelled_from_within_is_a_lost_bike() -> None:
    """A library gives up what the driver waits for; nobody asked the link to end."""
    linked = Linked([asyncio.CancelledError()], [READING, 100.0])
    await linked.run_for(0.4)
    lost, reason = linked.state
    assert lost is LinkState.LOST
    assert "cancelled" in reason
    await linked.run_for(1)
    again, _ = linked.state
    assert again is LinkState.CONNECTED
    await linked.stop()


@dataclass
class Recording:
    """A ReadingSink and a ReadingListener that keeps what it hears."""

    heard_all: list[object] = field(default_factory=list)

    def connected(self, at_ns: int, stale_after_s: float) -> None:
        self.heard_all.append((at_ns, stale_after_s))

    def add(self, reading: Reading) -> None:
        self.heard_all.append(reading)

    def disconnected(self, at_ns: int) -> None:
        self.heard_all.append(("disconnected", at_ns))

    def heard(self, reading: Reading) -> None:
        self.heard_all.append(reading)

    def link_changed(self) -> None:
        self.heard_all.append("link")

    __hash__ = object.__hash__


A_READING = Reading(1, cadence_rpm=80)


def test_fanout_hands_readings_to_the_race_and_to_its_listeners() -> None:
    race, one, other = Recording(), Recording(), Recording()
    fanout = ReadingFanout(race)
    fanout.listeners |= {one, other}
    fanout.connected(5, 3.0)
    fanout.add(A_READING)
    fanout.link_changed()
    fanout.disconnected(9)
    assert race.heard_all == [(5, 3.0), A_READING, ("disconnected", 9)]
    assert one.heard_all == other.heard_all == [A_READING, "link"]


def test_fanout_hands_nothing_to_a_listener_that_was_removed() -> None:
    race, one = Recording(), Recording()
    fanout = ReadingFanout(race)
    fanout.listeners.add(one)
    fanout.listeners.discard(one)
    fanout.add(A_READING)
    fanout.link_changed()
    assert (one.heard_all, race.heard_all) == ([], [A_READING])
