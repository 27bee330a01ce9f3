"""What every GatewayClock promises: the machine's, and those that tests live by."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

import drivers
from drivers.clock import MachineClock
from drivers.testing import FastClock
from gateway.timing.clock import READING_JITTER_NS, GatewayClock, SystemClock
from gateway.timing.clock_sync import ClockSource
from gateway.timing.units import NS_PER_MS, NS_PER_S
from tests.support.virtual_clock import VirtualClock

#: Long enough for two orders of events to be told apart, in real time too.
SOON_NS = 3 * NS_PER_MS
LATER_NS = 30 * NS_PER_MS


@dataclass
class DriverCase:
    """A clock, and how to let time pass on it."""

    clock: drivers.Clock
    pass_s: Callable[[float], Awaitable[None]]

    def in_ns(self, delay_ns: int) -> int:
        return self.clock.monotonic_ns() + delay_ns

    async def pass_ns(self, duration_ns: int) -> None:
        await self.pass_s(duration_ns / NS_PER_S)

    async def outcome(self, doing: Awaitable[None], after_ns: int = LATER_NS) -> bool:
        """Whether it is done after so much time."""
        task = asyncio.ensure_future(doing)
        await self.pass_ns(after_ns)
        # After a pause of the process, both are over at once, and the task needs some rounds more.
        for _ in range(10):
            await asyncio.sleep(0)
        done = task.done()
        task.cancel()
        await asyncio.wait([task])
        return done


@dataclass
class Case(DriverCase):
    """A clock of the gateway, and how NTP steps its wall clock."""

    clock: GatewayClock
    step_wall: Callable[[int], None]


def machine_case(_: pytest.MonkeyPatch) -> DriverCase:
    return DriverCase(MachineClock(), asyncio.sleep)


def fast_case(_: pytest.MonkeyPatch) -> DriverCase:
    return DriverCase(FastClock(2), asyncio.sleep)


def system_case(monkeypatch: pytest.MonkeyPatch) -> Case:
    def step_wall(step_ms: int) -> None:
        real = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real() + step_ms * NS_PER_MS)

    return Case(SystemClock(), asyncio.sleep, step_wall)


def virtual_case(_: pytest.MonkeyPatch) -> Case:
    clock = VirtualClock(wall_ms=1_700_000_000_000)
    return Case(clock, clock.run_for, clock.step_wall)


@pytest.fixture(params=[machine_case, fast_case, system_case, virtual_case])
def any_case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> DriverCase:
    made: DriverCase = request.param(monkeypatch)
    return made


@pytest.fixture(params=[system_case, virtual_case])
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    made: Case = request.param(monkeypatch)
    return made


class TestReading:
    async def test_monotonic_time_passes_and_never_goes_back(self, any_case: DriverCase) -> None:
        before_ns = any_case.clock.monotonic_ns()
        await any_case.pass_ns(SOON_NS)
        assert any_case.clock.monotonic_ns() >= before_ns + SOON_NS

    @pytest.mark.parametrize(
        "wall_ms", [0, 1_620_228_937_000, 1_700_000_000_001, 4_102_444_800_000]
    )
    def test_clock_conversions_are_inverses(self, any_case: DriverCase, wall_ms: int) -> None:
        assert any_case.clock.wall_ms_at(any_case.clock.monotonic_ns_at(wall_ms)) == wall_ms
        assert any_case.clock.wall_ms_at(any_case.clock.monotonic_ns_at(wall_ms) - 1) == wall_ms - 1

    def test_wall_clock_runs_at_the_rate_of_the_monotonic_clock(self, any_case: DriverCase) -> None:
        now_ns = any_case.clock.monotonic_ns()
        wall_ms = any_case.clock.wall_ms_at(now_ns)
        assert any_case.clock.wall_ms_at(now_ns + 300 * NS_PER_S) == wall_ms + 300_000

    @pytest.mark.parametrize("step_ms", [-3_600_000, -50, 50, 3_600_000])
    def test_clock_step_shows_only_after_reanchor(self, case: Case, step_ms: int) -> None:
        now_ns = case.clock.monotonic_ns()
        before_ms = case.clock.wall_ms_at(now_ns)
        case.step_wall(step_ms)
        assert case.clock.wall_ms_at(now_ns) == before_ms
        case.clock.reanchor()
        assert case.clock.wall_ms_at(now_ns) - before_ms == pytest.approx(step_ms, abs=5)

    def test_reanchor_without_a_step_changes_nothing(self, case: Case) -> None:
        before_ns = case.clock.monotonic_ns_at(1_700_000_000_000)
        case.clock.reanchor()
        assert case.clock.monotonic_ns_at(1_700_000_000_000) == before_ns


class TestSleep:
    async def test_clock_sleep_does_not_end_before_its_time(self, any_case: DriverCase) -> None:
        until_ns = any_case.in_ns(SOON_NS)
        woken_ns: list[int] = []

        async def sleeper() -> None:
            await any_case.clock.sleep_until(until_ns)
            woken_ns.append(any_case.clock.monotonic_ns())

        assert await any_case.outcome(sleeper())
        assert woken_ns[0] >= until_ns

    async def test_clock_sleep_goes_on_while_its_time_has_not_come(
        self, any_case: DriverCase
    ) -> None:
        assert not await any_case.outcome(any_case.clock.sleep_until(any_case.in_ns(NS_PER_S)))

    @pytest.mark.parametrize("ago_ns", [0, 1, NS_PER_S])
    async def test_clock_sleep_until_the_past_lets_other_tasks_run_and_returns(
        self, any_case: DriverCase, ago_ns: int
    ) -> None:
        other = asyncio.create_task(asyncio.sleep(0))
        await any_case.clock.sleep_until(any_case.in_ns(-ago_ns))
        await asyncio.sleep(0)
        assert other.done()

    async def test_clock_sleep_that_is_due_earlier_ends_first(self, any_case: DriverCase) -> None:
        woken: list[str] = []

        async def sleeper(name: str, until_ns: int) -> None:
            await any_case.clock.sleep_until(until_ns)
            woken.append(name)

        late, early = any_case.in_ns(LATER_NS), any_case.in_ns(SOON_NS)
        sleepers = asyncio.gather(sleeper("late", late), sleeper("early", early))
        await any_case.pass_ns(LATER_NS)
        await sleepers
        assert woken == ["early", "late"]


class TestTimeout:
    async def test_clock_timeout_interrupts_what_takes_longer(self, any_case: DriverCase) -> None:
        ended: list[str] = []

        async def hang() -> None:
            with pytest.raises(TimeoutError):
                async with any_case.clock.timeout(SOON_NS / NS_PER_S):
                    await asyncio.Event().wait()
            ended.append("timed out")

        assert await any_case.outcome(hang())
        assert ended == ["timed out"]

    async def test_clock_timeout_does_not_interrupt_before_its_time(
        self, any_case: DriverCase
    ) -> None:
        async def hang() -> None:
            async with any_case.clock.timeout(1):
                await asyncio.Event().wait()

        assert not await any_case.outcome(hang())

    async def test_clock_timeout_does_not_interrupt_after_its_block(
        self, any_case: DriverCase
    ) -> None:
        async def go_on() -> None:
            async with any_case.clock.timeout(SOON_NS / NS_PER_S):
                pass
            await asyncio.Event().wait()

        assert not await any_case.outcome(go_on())

    async def test_clock_timeout_passes_an_exception_on(self, any_case: DriverCase) -> None:
        with pytest.raises(KeyError):
            async with any_case.clock.timeout(1):
                raise KeyError

    async def test_clock_timeout_does_not_hide_a_cancellation(self, any_case: DriverCase) -> None:
        async def hang() -> None:
            async with any_case.clock.timeout(1):
                await asyncio.Event().wait()

        task = asyncio.create_task(hang())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_clock_timeout_within_a_longer_one_interrupts_only_its_own_block(
        self, any_case: DriverCase
    ) -> None:
        ended: list[str] = []

        async def hang() -> None:
            async with any_case.clock.timeout(1):
                with pytest.raises(TimeoutError):
                    async with any_case.clock.timeout(SOON_NS / NS_PER_S):
                        await asyncio.Event().wait()
                ended.append("inner")
                await asyncio.Event().wait()

        assert not await any_case.outcome(hang())
        assert ended == ["inner"]


class TestWait:
    async def test_clock_wait_ends_when_the_event_is_set(self, case: Case) -> None:
        event = asyncio.Event()
        waiting = asyncio.create_task(case.clock.wait(event, case.in_ns(NS_PER_S)))
        await case.pass_ns(SOON_NS)
        assert not waiting.done()
        event.set()
        await asyncio.wait_for(waiting, 20)

    async def test_clock_wait_for_an_event_already_set_ends_at_once(self, case: Case) -> None:
        event = asyncio.Event()
        event.set()
        until_ns = case.in_ns(NS_PER_S)
        await case.clock.wait(event, until_ns)
        await case.clock.wait(event, None)
        assert case.clock.monotonic_ns() < until_ns

    @pytest.mark.parametrize("delay_ns", [-NS_PER_S, 0, SOON_NS])
    async def test_clock_wait_sets_the_event_when_its_time_has_come(
        self, case: Case, delay_ns: int
    ) -> None:
        event = asyncio.Event()
        assert await case.outcome(case.clock.wait(event, case.in_ns(delay_ns)))
        assert event.is_set()

    async def test_clock_wait_without_a_time_goes_on_until_the_event(self, case: Case) -> None:
        event = asyncio.Event()
        assert not await case.outcome(case.clock.wait(event, None))
        assert not event.is_set()

    @pytest.mark.parametrize("ending", ["event", "cancel"])
    async def test_clock_wait_that_is_over_does_not_set_the_event_later(
        self, case: Case, ending: str
    ) -> None:
        """A spurious wake would hide one that somebody forgot."""
        event = asyncio.Event()
        waiting = asyncio.create_task(case.clock.wait(event, case.in_ns(2 * SOON_NS)))
        await case.pass_ns(SOON_NS)
        event.set() if ending == "event" else waiting.cancel()
        await asyncio.wait([waiting])
        event.clear()
        await case.pass_ns(LATER_NS)
        assert not event.is_set()


TIME_SERVER, HARDWARE, CONFIG = ClockSource


class TestSystemClock:
    @pytest.mark.parametrize(
        ("found", "sources"),
        [
            pytest.param(
                [None, None, TIME_SERVER, None],
                [None, None, TIME_SERVER, TIME_SERVER],
                id="set once, it stays set although its error grows",
            ),
            pytest.param(
                [HARDWARE, TIME_SERVER, HARDWARE],
                [HARDWARE, TIME_SERVER, TIME_SERVER],
                id="a time server counts more than the battery clock, also after it is gone",
            ),
            pytest.param(
                [None, CONFIG, None],
                [None, CONFIG, CONFIG],
                id="set to an earlier time by hand, it stays set",
            ),
        ],
    )
    def test_system_clock_stays_set(
        self, found: list[ClockSource | None], sources: list[ClockSource | None]
    ) -> None:
        answers = iter([*found, None])
        clock = SystemClock(lambda: next(answers))
        assert [clock.source for _ in found] == sources
        assert clock.is_trustworthy()

    def test_system_clock_has_the_wall_time_of_the_machine(self) -> None:
        clock = SystemClock()
        before_ms = time.time_ns() // NS_PER_MS
        wall_ms = clock.wall_ms_at(clock.monotonic_ns())
        after_ms = time.time_ns() // NS_PER_MS
        assert before_ms - 50 <= wall_ms <= after_ms + 50

    @pytest.mark.parametrize("sign", [-1, 1])
    def test_system_clock_ignores_the_jitter_of_reading_two_clocks(
        self, monkeypatch: pytest.MonkeyPatch, sign: int
    ) -> None:
        monkeypatch.setattr(time, "monotonic_ns", lambda: 7 * NS_PER_S)
        monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000 * NS_PER_S)
        clock = SystemClock()
        jitter_ns = sign * READING_JITTER_NS
        monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000 * NS_PER_S + jitter_ns)
        clock.reanchor()
        assert clock.monotonic_ns_at(1_700_000_000_000) == 7 * NS_PER_S
