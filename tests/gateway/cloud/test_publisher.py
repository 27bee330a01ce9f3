import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import pytest
from structlog.testing import capture_logs

from gateway.cloud.pace import BACKLOG_BURST, MESSAGES_BURST, MESSAGES_PER_S
from gateway.cloud.publisher import ANSWER_BY_NS, WINDOW, Publisher
from gateway.cloud.trials import STRIKES
from gateway.cloud.uplink import Answer, Ending, Verdict
from gateway.telemetry.message import telemetry_from_json
from gateway.timing.units import NS_PER_S
from tests.support.buffers import ROOMY, BufferBench
from tests.support.fake_uplink import ACCEPTED, FakeUplink
from tests.support.telemetry import message, seconds_of

RATE_PER_S = 80


class Bench(BufferBench):
    """Buffer, Publisher and FakeUplink on virtual time."""

    def __init__(self, path: Path, max_bytes: int = ROOMY) -> None:
        super().__init__(path, max_bytes=max_bytes)
        self.uplink = FakeUplink()
        self.publisher = Publisher(self.buffer, self.uplink, self.clock, Random(1), RATE_PER_S)

    async def start(self) -> None:
        await super().start()
        self._publishing = asyncio.create_task(self.publisher.run())
        await self.clock.settle()

    async def stop(self) -> None:
        self._publishing.cancel()
        await asyncio.wait([self._publishing])
        await super().stop()

    def delivered(self) -> list[int]:
        return [second for _, second in seconds_of(self.uplink.delivered)]

    def sent(self) -> list[int]:
        return [second for _, second in seconds_of(self.uplink.sent)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "buffer")
    await bench.start()
    yield bench
    await bench.stop()


async def test_publisher_sends_a_message_at_once_and_forgets_it_when_accepted(bench: Bench) -> None:
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(0)
    assert bench.delivered() == [1]
    assert bench.buffer.status.depth == 0
    assert bench.publisher.accepted == 1


async def test_publisher_reports_each_message_once_when_it_is_accepted(bench: Bench) -> None:
    accepted: list[bytes] = []
    bench.publisher.on_accepted.append(accepted.append)
    bench.buffer.append(message(1))
    await bench.clock.run_for(1)
    assert accepted == []
    bench.uplink.connect()
    await bench.clock.run_for(1)
    assert accepted == [message(1).to_json()]


async def test_publisher_sends_nothing_while_offline_and_everything_after(bench: Bench) -> None:
    for second in range(1, 21):
        bench.buffer.append(message(second))
        await bench.clock.run_for(1)
    assert bench.uplink.sent == []
    bench.uplink.connect()
    await bench.clock.run_for(1)
    assert bench.delivered() == list(range(1, 21))


async def test_publisher_window_bounds_the_messages_in_flight(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    for second in range(1, 101):
        bench.buffer.append(message(second))
    await bench.clock.run_for(10)
    assert bench.uplink.open_tickets == WINDOW


async def test_broken_connection_gives_messages_in_flight_back_in_order(bench: Bench) -> None:
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


async def test_publisher_keeps_the_pace_with_a_backlog(bench: Bench) -> None:
    for second in range(1, 281):
        bench.buffer.append(message(second))
    await bench.clock.run_for(1)
    bench.uplink.connect()
    await bench.clock.run_for(2)
    assert len(bench.uplink.delivered) == pytest.approx(BACKLOG_BURST + 2 * RATE_PER_S, abs=1)


async def test_live_race_does_not_wait_for_an_older_one(bench: Bench) -> None:
    for second in range(1, 251):
        bench.buffer.append(message(second, race_id=1))
    await bench.clock.run_for(1)
    bench.uplink.connect()
    await bench.clock.run_for(0.5)
    bench.buffer.append(message(1, race_id=2))
    before = len(bench.uplink.delivered)
    await bench.clock.run_for(2 / RATE_PER_S)
    assert (2, 1) in seconds_of(bench.uplink.delivered)[before : before + 2]


@pytest.mark.slow
async def test_live_seconds_are_sent_instead_of_backlog_within_the_pace(
    bench: Bench,
) -> None:
    for second in range(1, 2001):
        bench.buffer.append(message(second, race_id=1, length_s=10_000))
    await bench.clock.run_for(3)
    bench.uplink.connect()
    await bench.clock.run_for(2)
    before = len(bench.uplink.delivered)
    for second in range(1, 6):
        for bike in range(60):
            bench.buffer.append(message(second, race_id=2, bike=f"bike-{bike}"))
        await bench.clock.run_for(0.75)
        live = [one for one in seconds_of(bench.uplink.delivered) if one[0] == 2]
        assert len(live) == 60 * second, "60 in 0.75 s: live ones alone"
        await bench.clock.run_for(0.25)
    assert len(bench.uplink.delivered) - before <= 5 * MESSAGES_PER_S + MESSAGES_BURST


async def test_retry_answer_resends_after_a_pause_that_doubles(bench: Bench) -> None:
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


async def hold_all_but_one(bench: Bench) -> None:
    """Have the first of four messages refused for a while, and leave its repetition unanswered."""
    bench.uplink.connect()
    bench.uplink.answer = lambda _: Answer(Verdict.RETRY, "quota exceeded")
    bench.buffer.append(message(1))
    await bench.clock.run_for(0)
    bench.uplink.answer = lambda _: None
    for second in (2, 3, 4):
        bench.buffer.append(message(second))
    await bench.clock.run_for(10)


async def test_publisher_sends_one_at_a_time_until_a_message_is_accepted(bench: Bench) -> None:
    await hold_all_but_one(bench)
    assert bench.sent() == [1, 1]
    bench.uplink.answer_oldest(ACCEPTED)
    await bench.clock.run_for(1)
    assert bench.sent() == [1, 1, 2, 3, 4]


async def test_new_connection_begins_with_a_whole_window(bench: Bench) -> None:
    await hold_all_but_one(bench)
    bench.uplink.cut()
    bench.uplink.connect()
    await bench.clock.run_for(0)
    assert seconds_of(bench.uplink.unanswered) == [(1, 1), (1, 2), (1, 3), (1, 4)]


@pytest.mark.parametrize("is_cut", [True, False], ids=["new connection", "acceptance"])
async def test_pauses_begin_with_the_shortest_after(bench: Bench, is_cut: bool) -> None:
    bench.uplink.answer = lambda _: Answer(Verdict.RETRY, "quota exceeded")
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(200)
    if is_cut:
        bench.uplink.cut()
        bench.uplink.connect()
    else:
        bench.uplink.answer = lambda _: ACCEPTED
        await bench.clock.run_for(60)
        bench.uplink.answer = lambda _: Answer(Verdict.RETRY, "quota exceeded")
        bench.buffer.append(message(2))
    await bench.clock.run_for(0)
    sent = len(bench.uplink.sent)
    await bench.clock.run_for(1)
    assert len(bench.uplink.sent) == sent + 1, "after 0.5 … 1 s"


async def test_new_connection_ends_a_pause(bench: Bench) -> None:
    bench.uplink.answer = lambda _: Answer(Verdict.RETRY, "quota exceeded")
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(100)
    bench.uplink.answer = lambda _: ACCEPTED
    bench.uplink.cut()
    bench.uplink.connect()
    await bench.clock.run_for(0)
    assert bench.delivered() == [1]


async def test_publisher_is_counted_among_the_senders_while_connected(bench: Bench) -> None:
    counts = [bench.buffer.senders_online]
    for change in (
        *(bench.uplink.connect, bench.uplink.connect),
        *(bench.uplink.cut, bench.uplink.cut, bench.uplink.connect),
    ):
        change()
        counts.append(bench.buffer.senders_online)
    assert counts == [0, 1, 1, 0, 0, 1]


async def test_publisher_knows_since_when_it_has_its_state(bench: Bench) -> None:
    since_ns = [bench.publisher.since_ns]
    for change in (bench.uplink.connect, bench.uplink.connect, bench.uplink.cut, bench.uplink.cut):
        await bench.clock.run_for(10)
        change()
        since_ns.append(bench.publisher.since_ns)
    assert [(one - since_ns[0]) // NS_PER_S for one in since_ns] == [0, 10, 10, 30, 30]


async def test_publisher_reports_how_many_messages_are_accepted_in_a_second(bench: Bench) -> None:
    bench.uplink.connect()
    for second in range(1, 31):
        bench.buffer.append(message(second))
        await bench.clock.run_for(1)
    assert bench.publisher.accepted == 30
    assert bench.publisher.accepted_per_s == pytest.approx(1, rel=0.05)


def refuse(*seconds: int) -> Callable[[bytes], Answer]:
    def answer(payload: bytes) -> Answer:
        if telemetry_from_json(payload).second in seconds:
            return Answer(Verdict.REFUSED, "payload format invalid")
        return ACCEPTED

    return answer


async def test_refused_message_is_sent_again_before_newer_ones(bench: Bench) -> None:
    bench.uplink.answer = refuse(28)
    bench.uplink.connect()
    for second in (27, 28):
        bench.buffer.append(message(second))
        await bench.clock.run_for(0)
    for second in (29, 30):
        bench.buffer.append(message(second))
    await bench.clock.run_for(1.2)
    assert bench.sent() == [27, 28, 28, 28], "alone; after 0.5 … 1 s; the next pause is 1 … 2 s"
    bench.uplink.answer = lambda _: ACCEPTED
    await bench.clock.run_for(2)
    assert bench.delivered() == [27, 28, 29, 30]


async def test_message_refused_in_five_trials_and_once_more_is_quarantined(bench: Bench) -> None:
    """One failure before each trial and at the end; the first refusal may be another's fault."""
    bench.uplink.answer = refuse(2)
    bench.uplink.connect()
    with capture_logs() as logs:
        for second in (1, 2):
            bench.buffer.append(message(second))
            await bench.clock.run_for(0)
        for second in range(11, 17):
            bench.buffer.append(message(second, race_id=2))
        for second in (3, 4):
            bench.buffer.append(message(second))
        await bench.clock.run_for(20)
    accused = (1, 2)
    trials = [one for second in range(11, 16) for one in ((2, second), accused)]
    assert seconds_of(bench.uplink.sent) == [
        (1, 1),
        *[accused] * 2,
        *trials,
        *[(1, 3), (1, 4), (2, 16)],
    ]
    assert bench.buffer.status.quarantined == 1
    assert bench.buffer.status.depth == 0
    [log] = [log for log in logs if log["event"].startswith("message put in quarantine")]
    assert log["reason"] == "payload format invalid"


async def test_refused_message_blocks_its_race_until_another_has_witnesses(bench: Bench) -> None:
    bench.uplink.answer = refuse(298)
    bench.uplink.connect()
    for second in (297, 298):
        bench.buffer.append(message(second))
        await bench.clock.run_for(0)
    for second in (299, 300):
        bench.buffer.append(message(second))
    await bench.clock.run_for(3600)
    assert set(bench.sent()) == {297, 298}, "none of its own race passes it"
    assert 60 <= len(bench.uplink.sent) <= 130, "about each minute, after pauses of 1, 2, 4 … s"
    assert bench.buffer.status.quarantined == 0
    for second in range(1, 11):
        bench.buffer.append(message(second, race_id=2))
        await bench.clock.run_for(10)
    assert bench.buffer.status.quarantined == 1
    arrived = seconds_of(bench.uplink.delivered)
    assert [second for race, second in arrived if race == 1] == [297, 299, 300]
    assert [second for race, second in arrived if race == 2] == list(range(1, 11))


@pytest.mark.parametrize("refused_s", [0.2, 0.8, 1.5, 2.5, 4, 7, 12, 30])
async def test_final_is_last_after_a_broker_refused_all_messages_for_a_while(
    bench: Bench, refused_s: float
) -> None:
    """Seen when a refusal ended just as the next message had its turn: 28, 30, 29."""
    bench.uplink.connect()
    bench.uplink.answer = lambda _: Answer(Verdict.REFUSED, "not authorised")
    accept_ns = bench.clock.monotonic_ns() + round(refused_s * NS_PER_S)
    for second in (28, 29, 30):
        bench.buffer.append(message(second, length_s=30))
        for _ in range(10):
            await bench.clock.run_for(0.1)
            if bench.clock.monotonic_ns() >= accept_ns:
                bench.uplink.answer = lambda _: ACCEPTED
    await bench.clock.run_for(max(0.0, refused_s - 3))
    bench.uplink.answer = lambda _: ACCEPTED
    await bench.clock.run_for(60)
    assert bench.delivered() == [28, 29, 30]
    assert bench.buffer.status.quarantined == 0


async def test_live_messages_of_a_newer_race_are_witnesses_too(bench: Bench) -> None:
    """They are sent at once, so that none is left when the refused message has failed."""
    bench.uplink.answer = refuse(300)
    bench.uplink.connect()
    bench.buffer.append(message(300, race_id=1))
    for second in range(1, 16):
        await bench.clock.run_for(1)
        bench.buffer.append(message(second, race_id=2))
    assert bench.buffer.status.quarantined == 1
    assert bench.sent().count(300) in range(7, 15), "7, and more while no witness was there"


async def test_witness_that_fails_returns_to_its_place_without_a_strike(bench: Bench) -> None:
    bench.uplink.answer = lambda _: Answer(Verdict.REFUSED, "not authorised")
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(0)
    for second in (1, 2):
        bench.buffer.append(message(second, race_id=2))
    bench.buffer.append(message(2))
    await bench.clock.run_for(0)
    assert seconds_of(bench.uplink.sent) == [(1, 1), (1, 1), (2, 1)]
    await bench.clock.run_for(0.9)
    assert len(bench.uplink.sent) == 3, "all pause, for 1 … 2 s"
    bench.uplink.answer = lambda _: ACCEPTED
    await bench.clock.run_for(60)
    assert seconds_of(bench.uplink.delivered) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert bench.buffer.status.quarantined == 0


async def test_message_that_failed_as_a_witness_may_be_one_again(bench: Bench) -> None:
    """Otherwise two races would wait for a third."""
    bench.uplink.answer = lambda _: Answer(Verdict.REFUSED, "not authorised")
    bench.uplink.connect()
    bench.buffer.append(message(1, race_id=1))
    await bench.clock.run_for(0)
    for second in range(11, 18):
        bench.buffer.append(message(second, race_id=2))
    bench.buffer.append(message(2, race_id=1))
    await bench.clock.run_for(7.2)
    assert (2, 11) in seconds_of(bench.uplink.sent)
    bench.uplink.answer = refuse(1)
    await bench.clock.run_for(120)
    assert bench.buffer.status.quarantined == 1
    assert bench.buffer.status.depth == 0


async def test_messages_that_cannot_be_taken_are_no_witnesses_of_each_other(bench: Bench) -> None:
    bench.uplink.answer = refuse(1)
    for race_id in (1, 2):
        for second in (1, 2):
            bench.buffer.append(message(second, race_id))
    bench.uplink.connect()
    await bench.clock.run_for(600)
    assert bench.buffer.status.quarantined == 0
    for second in range(11, 26):
        bench.buffer.append(message(second, race_id=3))
        await bench.clock.run_for(10)
    assert bench.buffer.status.quarantined == 2
    assert bench.buffer.status.depth == 0


async def test_witness_is_of_a_race_that_is_not_blocked_itself(bench: Bench) -> None:
    """Not of the newest one: its first message has failed, too."""
    bench.uplink.answer = refuse(1)
    for second in range(11, 111):
        bench.buffer.append(message(second, race_id=1))
    for race_id in (2, 3):
        for second in (1, 2):
            bench.buffer.append(message(second, race_id))
    await bench.clock.run_for(3)
    bench.uplink.connect()
    await bench.clock.run_for(120)
    assert bench.buffer.status.quarantined == 2
    assert bench.buffer.status.depth == 0


@pytest.mark.slow
async def test_slow_down_answers_halve_the_pace_and_acceptances_restore_it(bench: Bench) -> None:
    bench.uplink.answer = lambda _: Answer(Verdict.SLOW_DOWN, "quota exceeded")
    bench.uplink.connect()
    for second in range(1, 2001):
        bench.buffer.append(message(second, length_s=10_000))
    await bench.clock.run_for(3.5)
    assert bench.publisher.pace_share == 1 / 16
    sent = len(bench.uplink.sent)
    await bench.clock.run_for(1)
    assert len(bench.uplink.sent) - sent <= MESSAGES_PER_S / 16 + 1
    bench.uplink.answer = lambda _: ACCEPTED
    await bench.clock.run_for(25)
    assert bench.publisher.pace_share == 1.0
    assert bench.buffer.status.quarantined == 0


async def test_new_connection_sends_at_the_full_pace_unless_the_last_one_ended_with_a_request(
    bench: Bench,
) -> None:
    for second in range(1, 1001):
        bench.buffer.append(message(second, length_s=10_000))
    shares = []
    for verdict in (Verdict.RETRY, Verdict.SLOW_DOWN):
        bench.uplink.answer = lambda _: Answer(Verdict.SLOW_DOWN, "quota exceeded")
        bench.uplink.connect()
        await bench.clock.run_for(2.5)
        assert bench.publisher.pace_share < 1
        bench.uplink.answer = lambda _: None
        await bench.clock.run_for(5)
        assert bench.uplink.open_tickets > 0
        bench.uplink.cut("cut", verdict)
        await bench.clock.run_for(1)
        bench.uplink.connect()
        shares.append(bench.publisher.pace_share)
        bench.uplink.cut("cut")
    assert shares[0] == 1
    assert shares[1] < 1


async def test_slower_sending_is_logged_once_until_the_pace_is_back(bench: Bench) -> None:
    bench.uplink.connect()
    with capture_logs() as logs:
        for race_id in (1, 2):
            for second in range(1, 1001):
                bench.buffer.append(message(second, race_id, length_s=10_000))
            bench.uplink.answer = lambda _: Answer(Verdict.SLOW_DOWN, "no answer")
            await bench.clock.run_for(3.5)
            assert bench.publisher.pace_share == 1 / 16
            bench.uplink.answer = lambda _: ACCEPTED
            await bench.clock.run_for(25)
            assert bench.publisher.pace_share == 1
    slower = [one for one in logs if one["event"] == "sending slowed down"]
    assert [one["reason"] for one in slower] == ["no answer", "no answer"]


async def test_slower_sending_is_not_logged_before_the_pace_changes(bench: Bench) -> None:
    slow_down = Answer(Verdict.SLOW_DOWN, "no answer")
    for second in range(1, 2001):
        bench.buffer.append(message(second, length_s=10_000))
    with capture_logs() as logs:
        bench.uplink.answer = lambda _: slow_down
        bench.uplink.connect()
        await bench.clock.run_for(0.1)
        bench.uplink.answer = lambda _: ACCEPTED
        while bench.publisher.pace_share < 1:
            await bench.clock.run_for(0.1)
        bench.uplink.answer = lambda _: slow_down
        counts = []
        for seconds, share in ((0.5, 1), (1, 1 / 2)):
            await bench.clock.run_for(seconds)
            assert bench.publisher.pace_share == share
            counts.append([one["event"] for one in logs].count("sending slowed down"))
    assert counts == [1, 2]


async def hang_up_over(bench: Bench, second: int) -> None:
    """The broker disconnects the gateway whenever it sends this second, for 20 s."""
    bench.uplink.connect()
    for live in range(101, 121):
        bench.buffer.append(message(live, race_id=2))
        await bench.clock.run_for(1)
        if any(one == second for _, one in seconds_of(bench.uplink.unanswered)):
            bench.uplink.cut("malformed packet", Verdict.SUSPECT)
            bench.uplink.connect()


async def test_message_that_makes_the_broker_hang_up_is_found_and_quarantined(
    bench: Bench,
) -> None:
    poison = 5

    def silent_over_poison(payload: bytes) -> Answer | None:
        return None if telemetry_from_json(payload).second == poison else ACCEPTED

    bench.uplink.answer = silent_over_poison
    for second in range(1, 11):
        bench.buffer.append(message(second))
    await hang_up_over(bench, poison)
    assert sorted(bench.delivered()) == [1, 2, 3, 4, 6, 7, 8, 9, 10, *range(101, 121)]
    assert [second for second in bench.delivered() if second < 101] == [1, 2, 3, 4, *range(6, 11)]
    assert bench.sent().count(poison) == 1 + 1 + STRIKES, (
        "in company, before the trial, after strikes"
    )
    assert bench.buffer.status.quarantined == 1
    assert bench.buffer.status.depth == 0


async def test_messages_in_flight_when_the_broker_hangs_up_arrive_before_newer_ones(
    bench: Bench,
) -> None:
    bench.uplink.connect()
    bench.buffer.append(message(27))
    await bench.clock.run_for(0)
    bench.uplink.answer = lambda _: None
    for second in (28, 29):
        bench.buffer.append(message(second))
        await bench.clock.run_for(0)
    bench.uplink.cut("hung up", Verdict.SUSPECT)
    bench.buffer.append(message(30))
    bench.uplink.answer = lambda _: ACCEPTED
    bench.uplink.connect()
    await bench.clock.run_for(1)
    assert bench.delivered() == [27, 28, 29, 30]


async def test_message_answered_with_retry_before_a_hang_up_keeps_its_place(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    for second in (28, 29):
        bench.buffer.append(message(second))
    await bench.clock.run_for(0)
    bench.uplink.answer_oldest(Answer(Verdict.RETRY, "unspecified error"))
    bench.uplink.cut("hung up", Verdict.SUSPECT)
    bench.buffer.append(message(30))
    bench.uplink.answer = lambda _: ACCEPTED
    bench.uplink.connect()
    await bench.clock.run_for(1)
    assert bench.delivered() == [28, 29, 30]


async def test_suspect_that_waits_to_be_alone_does_not_pass_what_comes_back(bench: Bench) -> None:
    """Of two messages in flight, only the one sent within 5 s of the hang-up is a suspect."""
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(4)
    bench.buffer.append(message(2))
    await bench.clock.run_for(2)
    bench.uplink.cut("hung up", Verdict.SUSPECT)
    bench.uplink.connect()
    await bench.clock.run_for(0)
    assert seconds_of(bench.uplink.unanswered) == [(1, 1)], "2 waits until it can be sent alone"
    bench.uplink.answer_oldest(Answer(Verdict.SLOW_DOWN, "quota exceeded"))
    bench.uplink.answer = lambda _: ACCEPTED
    await bench.clock.run_for(5)
    assert bench.delivered() == [1, 2]


async def test_final_waits_until_no_second_of_its_race_is_in_flight(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    for second in (298, 299, 300):
        bench.buffer.append(message(second))
    await bench.clock.run_for(1)
    assert bench.sent() == [298, 299]
    bench.uplink.answer_oldest(Answer(Verdict.SLOW_DOWN, "quota exceeded"))
    await bench.clock.run_for(1)
    bench.uplink.answer_all(ACCEPTED)
    await bench.clock.run_for(1)
    assert bench.sent() == [298, 299, 298, 300]


async def test_final_waits_neither_for_other_finals_nor_for_other_races(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    bench.buffer.append(message(1, race_id=2))
    await bench.clock.run_for(0)
    for bike in ("bike-1", "bike-2"):
        bench.buffer.append(message(300, race_id=1, bike=bike))
    await bench.clock.run_for(0)
    assert seconds_of(bench.uplink.sent) == [(2, 1), (1, 300), (1, 300)]


async def test_publisher_without_connection_keeps_no_message_from_another(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    bench.buffer.append(message(1, race_id=1))
    await bench.clock.run_for(0)
    bench.uplink.cut("hung up", Verdict.SUSPECT)
    bench.buffer.append(message(1, race_id=2))
    bench.uplink.connect()
    await bench.clock.run_for(0)
    assert seconds_of(bench.uplink.unanswered) == [(2, 1)], "the suspect waits to be alone"
    bench.uplink.cut()
    uplink = FakeUplink()
    other = Publisher(bench.buffer, uplink, bench.clock, Random(1), RATE_PER_S)
    publishing = asyncio.create_task(other.run())
    await bench.clock.settle()
    uplink.connect()
    await bench.clock.run_for(1)
    publishing.cancel()
    assert seconds_of(uplink.delivered) == [(2, 1), (1, 1)]


async def test_message_is_not_quarantined_for_a_network_that_keeps_failing(
    bench: Bench,
) -> None:
    bench.uplink.answer = lambda _: None
    for second in range(1, 4):
        bench.buffer.append(message(second))
    for _ in range(10):
        bench.uplink.connect()
        await bench.clock.run_for(1)
        bench.uplink.cut("network down")
    assert bench.buffer.status.quarantined == 0
    bench.uplink.answer = lambda _: ACCEPTED
    bench.uplink.connect()
    await bench.clock.run_for(1)
    assert bench.delivered() == [1, 2, 3]


async def test_suspects_of_an_older_race_are_sent_in_spite_of_a_live_one(bench: Bench) -> None:
    """Seen with a slow line: one hang-up at the end of a race, and the window stayed at one."""
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    for second in range(1, 11):
        bench.buffer.append(message(second, race_id=1))
    await bench.clock.run_for(0.1)
    bench.uplink.cut("hung up", Verdict.SUSPECT)
    bench.uplink.connect()
    for second in range(1, 61):
        for bike in range(3):
            bench.buffer.append(message(second, race_id=2, bike=f"bike-{bike}"))
        for _ in range(5):  # round trips of 200 ms: five messages a second, one at a time
            await bench.clock.run_for(0.2)
            bench.uplink.answer_all(ACCEPTED)
    assert bench.buffer.status.depth <= 3
    assert [second for race, second in seconds_of(bench.uplink.delivered) if race == 1] == list(
        range(1, 11)
    )


async def test_suspect_is_sent_though_a_live_message_is_always_in_flight(bench: Bench) -> None:
    """A line so slow that each live second is sent before the last one is answered."""
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    bench.buffer.append(message(1, race_id=1))
    await bench.clock.run_for(0)
    bench.uplink.cut("hung up", Verdict.SUSPECT)
    bench.buffer.append(message(1, race_id=2))
    bench.uplink.connect()
    for second in range(2, 12):
        await bench.clock.run_for(1)
        bench.buffer.append(message(second, race_id=2))
        await bench.clock.run_for(0)
        bench.uplink.answer_oldest(ACCEPTED)
    assert (1, 1) in seconds_of(bench.uplink.delivered)


@pytest.mark.slow
async def test_broker_that_hangs_up_over_everything_quarantines_no_message(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    for second in range(1, 201):
        bench.buffer.append(message(second, race_id=1 + second % 3))
        bench.uplink.connect()
        await bench.clock.run_for(1)
        bench.uplink.cut("hung up", Verdict.SUSPECT)
    await check_that_all_races_arrive_as_produced(bench, in_s=5)


async def test_hang_up_long_after_a_publish_quarantines_no_message(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    bench.buffer.append(message(1))
    for _ in range(10):
        bench.uplink.connect()
        await bench.clock.run_for(6)
        bench.uplink.cut("hung up", Verdict.SUSPECT)
    assert bench.buffer.status.quarantined == 0


async def test_broker_that_refuses_everything_quarantines_no_message(bench: Bench) -> None:
    bench.uplink.answer = lambda _: Answer(Verdict.REFUSED, "not authorised")
    for second in range(1, 201):
        bench.buffer.append(message(second, race_id=1 + second % 3))
    bench.uplink.connect()
    await bench.clock.run_for(7200)
    await check_that_all_races_arrive_as_produced(bench, in_s=120)


async def check_that_all_races_arrive_as_produced(bench: Bench, in_s: float) -> None:
    """Check it for 200 messages of three races, once the broker accepts all."""
    assert bench.buffer.status.quarantined == 0
    bench.uplink.answer = lambda _: ACCEPTED
    if not bench.uplink.connected:
        bench.uplink.connect()
    await bench.clock.run_for(in_s)
    arrived = seconds_of(bench.uplink.delivered)
    for race_id in (1, 2, 3):
        seconds = [second for race, second in arrived if race == race_id]
        assert seconds == [second for second in range(1, 201) if 1 + second % 3 == race_id]


async def test_messages_evicted_while_they_are_refused_are_lost_and_the_others_sent(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path / "buffer", max_bytes=32 * 1024)
    await bench.start()
    bench.uplink.answer = lambda _: Answer(Verdict.REFUSED, "not authorised")
    bench.uplink.connect()
    for race_id in range(1, 6):
        for second in range(1, 101):
            bench.buffer.append(message(second, race_id))
        await bench.clock.run_for(20)
    bench.uplink.answer = lambda _: ACCEPTED
    await bench.clock.run_for(120)
    status = bench.buffer.status
    assert status.lost >= 100
    assert len(bench.uplink.delivered) == 500 - status.lost
    assert (status.depth, status.quarantined) == (0, 0)
    await bench.stop()


async def test_publisher_state_has_the_reason_and_is_logged_once_per_change(bench: Bench) -> None:
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


async def test_publisher_drained_waits_for_the_last_answer_but_not_when_offline(
    bench: Bench,
) -> None:
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


async def test_publisher_is_drained_with_the_last_answer(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    for second in (1, 2):
        bench.buffer.append(message(second))
    await bench.clock.run_for(0)
    drained = asyncio.create_task(bench.publisher.drained())
    await bench.clock.settle()
    for is_last in (False, True):
        bench.uplink.answer_oldest(ACCEPTED)
        await bench.clock.settle()
        assert drained.done() == is_last


async def test_publisher_is_drained_soon_after_the_last_answer_to_another(bench: Bench) -> None:
    other = FakeUplink(lambda _: None)
    another = Publisher(bench.buffer, other, bench.clock, Random(2), RATE_PER_S)
    publishing = asyncio.create_task(another.run())
    await bench.clock.settle()
    other.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(0)
    assert other.open_tickets == 1
    bench.uplink.connect()
    drained = asyncio.create_task(bench.publisher.drained())
    await bench.clock.settle()
    other.answer_all(ACCEPTED)
    await bench.clock.settle()
    assert not drained.done()
    await bench.clock.run_for(0.1)
    assert drained.done()
    publishing.cancel()


async def test_publisher_pulse_beats_unless_an_answer_never_comes(bench: Bench) -> None:
    bench.uplink.connect()
    await bench.clock.run_for(300)
    bench.publisher.pulse.wake()
    await bench.clock.settle()
    assert bench.publisher.pulse.silent_ns == 0
    bench.uplink.answer = lambda _: None
    bench.buffer.append(message(1))
    await bench.clock.run_for(ANSWER_BY_NS / NS_PER_S)
    bench.publisher.pulse.wake()
    await bench.clock.settle()
    assert bench.publisher.pulse.silent_ns == 0
    await bench.clock.run_for(10)
    bench.publisher.pulse.wake()
    await bench.clock.settle()
    assert bench.publisher.pulse.silent_ns == 10 * NS_PER_S


DENIED = Answer(Verdict.REFUSED, "not authorised to publish to a/topic")
HUNG_UP = "the broker closed the connection"


def hang_up(bench: Bench) -> None:
    bench.uplink.cut(HUNG_UP, Verdict.SUSPECT, Ending.HUNG_UP)


async def test_denied_topic_costs_no_message_however_often_the_broker_hangs_up(
    bench: Bench,
) -> None:
    """As mosquitto does: a PUBACK with the reason, then the end of the connection."""
    bench.uplink.answer = lambda _: DENIED
    for second in range(1, 201):
        bench.buffer.append(message(second, race_id=1 + second % 3))
        bench.uplink.connect()
        await bench.clock.run_for(1)
        hang_up(bench)
    await check_that_all_races_arrive_as_produced(bench, in_s=5)


@pytest.mark.slow
@pytest.mark.parametrize("phase_s", [0.7, 3, 11, 70])
async def test_topic_that_is_denied_now_and_then_costs_no_message(
    bench: Bench, phase_s: float
) -> None:
    bench.uplink.connect()
    for second in range(1, 201):
        bench.uplink.answer = lambda _, second=second: (  # type: ignore[misc]
            DENIED if second % 2 else ACCEPTED
        )
        bench.buffer.append(message(second, race_id=1 + second % 3))
        await bench.clock.run_for(phase_s)
    await check_that_all_races_arrive_as_produced(bench, in_s=120)


async def test_strikes_do_not_outlast_a_connection_without_an_acceptance(bench: Bench) -> None:
    bench.uplink.connect()
    bench.uplink.answer = refuse(1)
    bench.buffer.append(message(1, race_id=1))
    second = 10
    for _ in range(8):
        for _ in range(STRIKES - 1):
            await bench.clock.run_for(70)
            second += 1
            bench.buffer.append(message(second, race_id=2))
        await bench.clock.run_for(70)
        hang_up(bench)
        bench.uplink.connect()
        hang_up(bench)
        bench.uplink.connect()
    assert bench.buffer.status.quarantined == 0
    for _ in range(STRIKES):
        await bench.clock.run_for(70)
        second += 1
        bench.buffer.append(message(second, race_id=2))
    await bench.clock.run_for(70)
    assert bench.buffer.status.quarantined == 1


async def test_messages_in_flight_are_no_suspects_of_a_hang_up_after_a_refusal(
    bench: Bench,
) -> None:
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    for second in (1, 2, 3):
        bench.buffer.append(message(second))
    await bench.clock.run_for(0)
    bench.uplink.answer_oldest(DENIED)
    hang_up(bench)
    bench.uplink.connect()
    await bench.clock.run_for(0)
    assert seconds_of(bench.uplink.unanswered) == [(1, 1)], "the refused one is sent alone"
    bench.uplink.answer_oldest(ACCEPTED)
    await bench.clock.run_for(0)
    assert seconds_of(bench.uplink.unanswered) == [(1, 2), (1, 3)]


async def test_refusal_is_the_state_in_place_of_the_hang_up_that_follows(bench: Bench) -> None:
    bench.uplink.answer = lambda _: DENIED
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(0)
    assert bench.publisher.refusal == DENIED.reason
    hang_up(bench)
    assert bench.publisher.state == DENIED.reason
    bench.uplink.cut("no route to host")
    assert bench.publisher.state == "no route to host"
    assert bench.publisher.refusal == DENIED.reason


async def test_refusal_is_the_state_also_if_the_connection_is_broken_off(bench: Bench) -> None:
    bench.uplink.answer = lambda _: DENIED
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(0)
    bench.uplink.cut("closed", Verdict.SUSPECT, Ending.BROKEN_OFF)
    assert bench.publisher.state == DENIED.reason


async def test_state_is_the_network_when_it_fails_after_a_refusal(bench: Bench) -> None:
    bench.uplink.answer = lambda _: DENIED
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(0)
    bench.uplink.cut("ping timed out")
    assert bench.publisher.state == "ping timed out"


async def test_refusal_lasts_over_reconnects_until_a_message_is_accepted(bench: Bench) -> None:
    bench.uplink.answer = lambda _: DENIED
    bench.buffer.append(message(1))
    for _ in range(5):
        bench.uplink.connect()
        await bench.clock.run_for(10)
        hang_up(bench)
        await bench.clock.run_for(10)
    assert bench.publisher.refusal == DENIED.reason
    assert bench.publisher.refused_ns == 100 * NS_PER_S
    bench.uplink.answer = lambda _: ACCEPTED
    bench.uplink.connect()
    await bench.clock.run_for(2)
    assert bench.publisher.refusal is None
    assert bench.publisher.refused_ns == 0


async def test_refusal_names_a_broker_that_hangs_up_at_every_message(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    bench.buffer.append(message(1))
    for _ in range(2):
        bench.uplink.connect()
        await bench.clock.run_for(1)
        hang_up(bench)
    assert bench.publisher.refusal == HUNG_UP


async def test_refusal_explains_a_trial_without_witnesses(bench: Bench) -> None:
    bench.uplink.answer = refuse(1)
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(60)
    assert bench.publisher.refusal == "payload format invalid"
    assert bench.publisher.lacks_witness
    bench.buffer.append(message(11, race_id=2))
    await bench.clock.run_for(60)
    assert seconds_of(bench.uplink.delivered) == [(2, 11)]


async def test_refusal_ends_when_the_last_message_is_set_aside(bench: Bench) -> None:
    """Then the quarantine names the reason."""
    bench.uplink.answer = refuse(1)
    bench.uplink.connect()
    bench.buffer.append(message(1))
    for second in range(11, 11 + STRIKES):
        await bench.clock.run_for(60)
        bench.buffer.append(message(second, race_id=2))
    await bench.clock.run_for(60)
    assert (bench.buffer.status.quarantined, bench.buffer.status.depth) == (1, 0)
    assert bench.publisher.refusal is None


async def test_refusal_is_no_matter_of_a_broken_connection(bench: Bench) -> None:
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(0)
    bench.uplink.cut("network down", Verdict.RETRY)
    assert bench.publisher.refusal is None


async def test_hangups_on_idle_and_well_connections_are_signs_of_a_namesake(bench: Bench) -> None:
    for second in range(1, 5):
        bench.uplink.connect()
        bench.buffer.append(message(second))
        await bench.clock.run_for(10)
        hang_up(bench)
    now_ns = bench.clock.monotonic_ns()
    assert bench.publisher.takeovers.hangups(now_ns) == 3, "nobody knows yet about the last one"


@pytest.mark.parametrize("answer", [None, DENIED], ids=["poison", "denied topic"])
async def test_hangups_over_a_message_are_no_signs_of_a_namesake(
    bench: Bench, answer: Answer | None
) -> None:
    for second in range(1, 9):
        bench.uplink.answer = lambda _: ACCEPTED
        bench.uplink.connect()
        bench.buffer.append(message(second, race_id=second))
        await bench.clock.run_for(5)
        bench.uplink.answer = lambda _: answer
        bench.buffer.append(message(1, race_id=100 + second))
        await bench.clock.run_for(0)
        hang_up(bench)
    assert bench.publisher.takeovers.hangups(bench.clock.monotonic_ns()) == 0


async def test_takeover_that_the_broker_states_is_counted(bench: Bench) -> None:
    bench.uplink.connect()
    bench.uplink.cut("session taken over", Verdict.RETRY, Ending.TAKEN_OVER)
    assert bench.publisher.takeovers.stated(bench.clock.monotonic_ns()) == 1


async def test_hangup_of_an_outage_is_no_sign_of_a_namesake(bench: Bench) -> None:
    for second in range(1, 9):
        bench.uplink.connect()
        bench.buffer.append(message(second))
        await bench.clock.run_for(10)
        hang_up(bench)
        bench.uplink.cut("connection refused")
    assert bench.publisher.takeovers.hangups(bench.clock.monotonic_ns()) == 0


async def test_hang_up_is_blamed_again_on_a_new_connection_after_a_refusal(bench: Bench) -> None:
    bench.uplink.answer = lambda _: DENIED
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(0)
    hang_up(bench)
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    await bench.clock.run_for(0)
    hang_up(bench)
    assert bench.publisher.state == HUNG_UP, "this connection has seen no refusal"


async def test_hang_up_after_an_acceptance_is_blamed_on_messages_in_flight(bench: Bench) -> None:
    answers = [Answer(Verdict.RETRY, "unspecified error"), ACCEPTED]
    bench.uplink.answer = lambda _: answers.pop(0) if answers else None
    bench.uplink.connect()
    bench.buffer.append(message(1))
    await bench.clock.run_for(0)
    refusals = [bench.publisher.refusal]
    await bench.clock.run_for(2)
    refusals.append(bench.publisher.refusal)
    assert refusals == ["unspecified error", None]
    assert bench.delivered() == [1]
    for second in (2, 3):
        bench.buffer.append(message(second))
    await bench.clock.run_for(0)
    assert bench.uplink.open_tickets == 2
    hang_up(bench)
    assert bench.publisher.state == HUNG_UP
    bench.uplink.connect()
    await bench.clock.run_for(0)
    assert bench.uplink.open_tickets == 1, "a suspect is sent alone"


async def test_messages_are_sent_one_at_a_time_after_a_retry_until_one_is_accepted(
    bench: Bench,
) -> None:
    bench.uplink.answer = lambda _: None
    bench.uplink.connect()
    for second in (1, 2, 3, 4):
        bench.buffer.append(message(second))
    await bench.clock.run_for(0)
    bench.uplink.answer_all(Answer(Verdict.RETRY, "unspecified error"))
    await bench.clock.run_for(2)
    assert bench.uplink.open_tickets == 1
    bench.uplink.answer_oldest(ACCEPTED)
    await bench.clock.run_for(0)
    assert bench.uplink.open_tickets == 3


async def test_buffer_knows_how_many_publishers_are_online(bench: Bench) -> None:
    online = []
    for change in (bench.uplink.connect, bench.uplink.cut, bench.uplink.cut, bench.uplink.connect):
        change()
        online.append(bench.buffer.senders_online)
    assert online == [1, 0, 0, 1], "a failed attempt is no second loss"


async def test_publisher_has_the_acceptances_of_the_last_minute(bench: Bench) -> None:
    bench.uplink.connect()
    for second in range(1, 121):
        bench.buffer.append(message(second))
        await bench.clock.run_for(1)
    assert bench.publisher.accepted_per_s == pytest.approx(1, abs=0.05)


def bikes_of(payloads: list[bytes]) -> list[str]:
    return [telemetry_from_json(payload).bike_id for payload in payloads]


def refuse_bikes(*bikes: str) -> Callable[[bytes], Answer]:
    def answer(payload: bytes) -> Answer:
        is_bad = telemetry_from_json(payload).bike_id in bikes
        return Answer(Verdict.REFUSED, "payload format invalid") if is_bad else ACCEPTED

    return answer


async def ride(bench: Bench, bikes: list[str], for_s: int, race_s: int) -> None:
    """Let bikes ride races that follow each other."""
    for second in range(for_s):
        for bike in bikes:
            place = second % race_s + 1
            bench.buffer.append(message(place, second // race_s + 1, bike, race_s))
        await bench.clock.run_for(1)


@pytest.mark.parametrize("race_s", [10, 300])
@pytest.mark.parametrize("bad", [["bike-0"], ["bike-2"], ["bike-0", "bike-1"]])
async def test_bike_that_the_broker_refuses_stops_no_other(
    bench: Bench, bad: list[str], race_s: int
) -> None:
    bench.uplink.answer = refuse_bikes(*bad)
    bench.uplink.connect()
    bikes = [f"bike-{number}" for number in range(4)]
    good = [bike for bike in bikes if bike not in bad]
    await ride(bench, bikes, 30, race_s)
    assert bench.buffer.status.quarantined >= 10
    before = len(bench.uplink.delivered)
    await ride(bench, bikes, 60, race_s)
    assert len(bench.uplink.delivered) - before >= 59 * len(good), "as they ride"
    for bike in good:
        arrived = [one for one in bench.uplink.delivered if bikes_of([one]) == [bike]]
        assert len(arrived) == 90
        if race_s == 300:
            seconds = [second for _, second in seconds_of(arrived)]
            assert seconds == [*range(1, 31), *range(1, 61)]


@pytest.mark.parametrize("hangs_up", [False, True])
@pytest.mark.parametrize("bad_race", [1, 2])
async def test_first_message_that_the_broker_refuses_delays_no_other_bike(
    bench: Bench, bad_race: int, hangs_up: bool
) -> None:
    """A message of a live race, or of a backlog that is sent meanwhile."""
    bad = message(5, bad_race, "bad").to_json()
    bench.uplink.answer = lambda payload: DENIED if payload == bad else ACCEPTED
    for second in range(1, 11):
        bench.buffer.append(message(second, 1, "bad"))
    bench.uplink.connect()
    hang_ups = 0
    for second in range(1, 31):
        for bike in ("bad", "bike-1", "bike-2"):
            bench.buffer.append(message(second, 2, bike))
        for _ in range(4):
            await bench.clock.run_for(0.25)
            if hangs_up and bench.uplink.sent.count(bad) > hang_ups:
                hang_ups = bench.uplink.sent.count(bad)
                hang_up(bench)
                bench.uplink.connect()
        delivered = bikes_of(bench.uplink.delivered)
        assert (delivered.count("bike-1"), delivered.count("bike-2")) == (second, second)
    assert bench.buffer.status.quarantined == 1
    assert delivered.count("bad") == 39


@pytest.mark.parametrize("hangs_up", [False, True])
async def test_denied_topic_is_tried_no_more_than_twice_in_a_pause(
    bench: Bench, hangs_up: bool
) -> None:
    """However many bikes could be witnesses of each other."""
    bench.uplink.answer = lambda _: DENIED
    bikes = [f"bike-{number}" for number in range(20)]
    for second in range(1, 61):
        for bike in bikes:
            bench.buffer.append(message(second, 1, bike))
    for second in range(1, 241):
        for bike in bikes:
            bench.buffer.append(message(second, 2, bike))
        if second == 1:
            bench.uplink.connect()
            await bench.clock.run_for(0.4)
            assert len(bench.uplink.sent) <= WINDOW + 2, "before the first pause, of 0.5 … 1 s"
        await bench.clock.run_for(1)
        if hangs_up and second % 60 == 0:
            hang_up(bench)
            bench.uplink.connect()
    began = WINDOW + 2 * (4 if hangs_up else 1) * 7  # pauses of 1, 2, … 64 s
    assert len(bench.uplink.sent) <= began + 2 * 240 // 45
    assert bench.buffer.status.quarantined == 0


async def test_bike_waits_half_a_second_after_each_quarantine_while_others_send(
    bench: Bench,
) -> None:
    bench.uplink.answer = refuse_bikes("bad")
    for second in range(1, 21):
        bench.buffer.append(message(second, 1, "bad"))
    bench.uplink.connect()
    place = 0

    async def send_good_ones(for_s: float) -> int:
        """Return how many messages of the bad bike are sent meanwhile."""
        nonlocal place
        place += 1
        before = len(bench.uplink.sent)
        bench.buffer.append(message(place, 2, "good"))
        await bench.clock.run_for(for_s)
        return bikes_of(bench.uplink.sent[before:]).count("bad")

    while bench.buffer.status.quarantined == 0:
        await send_good_ones(0.05)
    assert sum([await send_good_ones(0.05) for _ in range(8)]) == 0
    assert sum([await send_good_ones(0.05) for _ in range(4)]) > 0
    assert len(bench.uplink.delivered) == place


async def test_bike_that_the_broker_refuses_leaves_a_backlog_in_order(bench: Bench) -> None:
    """More than memory holds, so that witnesses are read from the disk."""
    bikes = ["bike-0", "bike-1"]
    for second in range(1, 601):
        for bike in bikes:
            bench.buffer.append(message(second, 1, bike, 10_000))
    await bench.clock.run_for(3)
    bench.uplink.answer = refuse_bikes("bike-0")
    bench.uplink.connect()
    await bench.clock.run_for(600)
    for second in range(1, 601):
        bench.buffer.append(message(second, 2, "bike-1", 10_000))
        await bench.clock.run_for(1)
    for race_id in (1, 2):
        arrived = [second for race, second in seconds_of(bench.uplink.delivered) if race == race_id]
        assert arrived == list(range(1, 601))
    assert (bench.buffer.status.quarantined, bench.buffer.status.depth) == (600, 0)


async def test_poison_of_one_bike_that_ends_the_connection_stops_no_other(bench: Bench) -> None:
    bench.uplink.answer = lambda payload: None if bikes_of([payload]) == ["bike-0"] else ACCEPTED
    bench.uplink.connect()
    for second in range(1, 121):
        for bike in ("bike-0", "bike-1", "bike-2"):
            bench.buffer.append(message(second, bike=bike))
        await bench.clock.run_for(1)
        if "bike-0" in bikes_of(bench.uplink.unanswered):
            hang_up(bench)
            bench.uplink.connect()
    assert bench.buffer.status.quarantined >= 20
    assert len(bench.uplink.delivered) >= 2 * 110


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("phase_s", [1, 5, 30])
async def test_broker_that_refuses_all_bikes_now_and_then_costs_no_message(
    bench: Bench, seed: int, phase_s: int
) -> None:
    random = Random(seed)
    bench.uplink.connect()
    for second in range(1, 241):
        if second % phase_s == 0:
            answer = random.choice([DENIED, ACCEPTED])
            bench.uplink.answer = lambda _, answer=answer: answer  # type: ignore[misc]
        for bike in ("bike-0", "bike-1", "bike-2"):
            bench.buffer.append(message(second, bike=bike))
        await bench.clock.run_for(1)
    bench.uplink.answer = lambda _: ACCEPTED
    await bench.clock.run_for(120)
    assert (bench.buffer.status.quarantined, bench.buffer.status.depth) == (0, 0)
    for bike in ("bike-0", "bike-1", "bike-2"):
        arrived = [one for one in bench.uplink.delivered if bikes_of([one]) == [bike]]
        assert [second for _, second in seconds_of(arrived)] == list(range(1, 241))


async def test_refusal_lasts_while_a_refused_message_is_pending(bench: Bench) -> None:
    bench.uplink.answer = refuse_bikes("bike-0")
    bench.uplink.connect()
    for bike in ("bike-0", "bike-1"):
        bench.buffer.append(message(1, bike=bike))
    await bench.clock.run_for(60)
    assert bikes_of(bench.uplink.delivered) == ["bike-1"]
    assert bench.buffer.status.depth == 1
    assert bench.publisher.refusal == "payload format invalid"
    assert bench.publisher.refused_bike == "bike-0"
    assert bench.publisher.refused_ns >= 59 * NS_PER_S
    bench.uplink.answer = lambda _: ACCEPTED
    await bench.clock.run_for(70)
    assert bench.buffer.status.depth == 0
    publisher = bench.publisher
    assert (publisher.refusal, publisher.refused_bike, publisher.refused_ns) == (None, None, 0)


async def test_refusal_of_every_message_names_no_bike(bench: Bench) -> None:
    bench.uplink.answer = lambda _: DENIED
    bench.uplink.connect()
    for bike in ("bike-0", "bike-1"):
        bench.buffer.append(message(1, bike=bike))
    await bench.clock.run_for(60)
    assert (bench.publisher.refusal, bench.publisher.refused_bike) == (DENIED.reason, None)
