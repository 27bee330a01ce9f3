import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from structlog.testing import capture_logs

from gateway.buffer import Buffer
from gateway.clock import NS_PER_S
from gateway.publisher import BURST, STRIKES, WINDOW, Pace, Publisher
from gateway.store import Store
from gateway.telemetry import telemetry_from_json
from gateway.uplink import Answer, Verdict
from tests.support.fake_uplink import ACCEPTED, FakeUplink
from tests.support.telemetry import message, seconds_of
from tests.support.virtual_clock import InlineExecutor, VirtualClock

RATE_PER_S = 80


class Bench:
    """Buffer, Publisher and FakeUplink on virtual time."""

    def __init__(self, path: Path) -> None:
        self.clock = VirtualClock()
        self.store, _ = Store.open_or_replace(path, 1 << 30, now_ms=1)
        self.buffer = Buffer(self.store, self.clock, 1.0, InlineExecutor())
        self.uplink = FakeUplink()
        self.publisher = Publisher(self.buffer, self.uplink, self.clock, Random(1), RATE_PER_S)

    async def start(self) -> None:
        self.tasks = [
            asyncio.create_task(self.buffer.run()),
            asyncio.create_task(self.publisher.run()),
        ]
        await self.clock.settle()

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)
        self.store.close()

    def delivered(self) -> list[int]:
        return [second for _, second in seconds_of(self.uplink.delivered)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "buffer.db")
    await bench.start()
    yield bench
    await bench.stop()


async def test_a_message_goes_at_once_and_is_forgotten_when_accepted(bench: Bench) -> None:
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(0)
    assert bench.delivered() == [1]
    assert bench.buffer.status.depth == 0
    assert bench.publisher.accepted == 1


async def test_nothing_is_sent_while_not_connected_and_all_of_it_after(bench: Bench) -> None:
    for second in range(1, 21):
        bench.buffer.append(message(second))
        await bench.clock.run_for(1)
    assert bench.uplink.sent == []
    bench.uplink.connect()
    await bench.clock.run_for(1)
    assert bench.delivered() == list(range(1, 21))


async def test_the_window_bounds_what_is_on_its_way(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    for second in range(1, 101):
        bench.buffer.append(message(second))
    await bench.clock.run_for(10)
    assert bench.uplink.open_tickets == WINDOW


async def test_a_broken_connection_gives_everything_back_in_order(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    for second in range(1, 11):
        bench.buffer.append(message(second))
    await bench.clock.run_for(0)
    assert bench.uplink.open_tickets == 10
    bench.uplink.cut()
    assert bench.buffer.status.depth == 10
    bench.uplink.answer = lambda _: ACCEPTED
    bench.uplink.connect()
    await bench.clock.run_for(1)
    assert bench.delivered() == list(range(1, 11))


async def test_backlog_keeps_the_pace(bench: Bench) -> None:
    for second in range(1, 281):
        bench.buffer.append(message(second))
    await bench.clock.run_for(1)
    bench.uplink.connect()
    await bench.clock.run_for(2)
    assert len(bench.uplink.delivered) == pytest.approx(BURST + 2 * RATE_PER_S, abs=1)


async def test_the_live_race_does_not_wait_for_yesterdays(bench: Bench) -> None:
    for second in range(1, 251):
        bench.buffer.append(message(second, race_id=1))
    await bench.clock.run_for(1)
    bench.uplink.connect()
    await bench.clock.run_for(0.5)
    bench.buffer.append(message(1, race_id=2))
    before = len(bench.uplink.delivered)
    await bench.clock.run_for(2 / RATE_PER_S)
    assert (2, 1) in seconds_of(bench.uplink.delivered)[before : before + 2]


async def test_retry_is_sent_again_after_a_pause_that_doubles(bench: Bench) -> None:
    bench.uplink.answer = lambda _: Answer(Verdict.RETRY, "quota exceeded")
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(0.4)
    assert len(bench.uplink.sent) == 1
    await bench.clock.run_for(60)
    assert 4 <= len(bench.uplink.sent) <= 8, "1 + 2 + 4 + … s, not a hammer"
    assert bench.buffer.status.quarantined == 0
    bench.uplink.answer = lambda _: ACCEPTED
    await bench.clock.run_for(60)
    assert bench.delivered() == [1]


async def test_three_strikes_quarantine_the_message_and_free_those_behind_it(
    bench: Bench,
) -> None:
    def refuse_second_2(payload: bytes) -> Answer:
        if telemetry_from_json(payload).second == 2:
            return Answer(Verdict.REFUSED, "payload format invalid")
        return ACCEPTED

    bench.uplink.answer = refuse_second_2
    bench.uplink.connect()
    for second in (1, 2, 3):
        bench.buffer.append(message(second))
    with capture_logs() as logs:
        await bench.clock.run_for(30)
    assert bench.delivered() == [1, 3]
    assert seconds_of(bench.uplink.sent).count((1, 2)) == STRIKES
    assert bench.buffer.status.quarantined == 1
    [log] = [log for log in logs if log["event"] == "message quarantined"]
    assert log["reason"] == "payload format invalid"


async def test_a_broker_that_refuses_everything_does_not_empty_the_buffer(bench: Bench) -> None:
    bench.uplink.answer = lambda _: Answer(Verdict.REFUSED, "not authorised")
    for second in range(1, 201):
        bench.buffer.append(message(second))
    bench.uplink.connect()
    await bench.clock.run_for(1800)
    assert bench.buffer.status.quarantined < 30, "some 30 pauses of a minute, 3 strikes each"
    bench.uplink.answer = lambda _: ACCEPTED
    await bench.clock.run_for(120)
    assert bench.buffer.status.depth == 0


async def test_the_state_names_the_reason_and_is_logged_once_per_change(bench: Bench) -> None:
    with capture_logs() as logs:
        bench.uplink.cut("connection refused")
        bench.uplink.cut("connection refused")
        bench.uplink.cut("TLS handshake failed")
        bench.uplink.connect()
    assert [log.get("reason") for log in logs] == [
        "connection refused",
        "TLS handshake failed",
        None,
    ]
    assert bench.publisher.state == "connected"
    bench.uplink.cut("network down")
    assert bench.publisher.state == "network down"


async def test_drained_waits_for_the_last_answer_but_not_for_a_dead_line(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(0)
    drained = asyncio.create_task(bench.publisher.drained())
    await bench.clock.settle()
    assert not drained.done()
    bench.uplink.cut()
    await bench.clock.settle()
    assert drained.done()


def test_pace_allows_its_burst_then_its_rate() -> None:
    pace = Pace(rate_per_s=10, burst=3, now_ns=0)
    sent_ns = []
    now_ns = 0
    for _ in range(6):
        now_ns = max(now_ns, pace.ready_ns())
        pace.take(now_ns)
        sent_ns.append(now_ns)
    assert sent_ns == [0, 0, 0, *(n * NS_PER_S // 10 for n in (1, 2, 3))]


def test_pace_does_not_save_up_more_than_its_burst() -> None:
    pace = Pace(rate_per_s=10, burst=3, now_ns=0)
    pace.take(0)
    later_ns = 100 * NS_PER_S
    for _ in range(3):
        assert pace.ready_ns() <= later_ns
        pace.take(later_ns)
    assert pace.ready_ns() > later_ns
