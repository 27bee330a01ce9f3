from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cloud.pace import (
    BYTES_BURST,
    BYTES_PER_S,
    MESSAGES_BURST,
    MESSAGES_PER_S,
    Pace,
    TokenBucket,
)
from gateway.timing.units import NS_PER_S

#: AWS IoT Core, per connection: https://docs.aws.amazon.com/general/latest/gr/iot-core.html
LIMIT_PER_S = 100
LIMIT_BYTES_PER_S = 512 * 1024


def test_bucket_allows_its_burst_then_its_rate() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=3, now_ns=0)
    sent_ns = []
    now_ns = 0
    for _ in range(6):
        now_ns = max(now_ns, bucket.ready_ns())
        bucket.take(1, now_ns)
        sent_ns.append(now_ns)
    assert sent_ns == [0, 0, 0, *(n * NS_PER_S // 10 for n in (1, 2, 3))]


def test_bucket_saves_up_no_more_than_its_burst() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=3, now_ns=0)
    bucket.take(1, 0)
    later_ns = 100 * NS_PER_S
    for _ in range(3):
        assert bucket.ready_ns() <= later_ns
        bucket.take(1, later_ns)
    assert bucket.ready_ns() > later_ns


def test_bucket_keeps_its_content_when_the_rate_changes() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=4, now_ns=0)
    bucket.take(3, 0)
    bucket.change_rate(1, 0)
    assert bucket.ready_ns() <= 0
    bucket.take(1, 0)
    assert bucket.ready_ns() == NS_PER_S


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 400), st.integers(100, 128 * 1024)),
        min_size=150,
        max_size=400,
    )
)
def test_pace_never_exceeds_what_iot_core_allows_in_a_second(
    messages: list[tuple[bool, int, int]],
) -> None:
    """Whatever the mix of live and backlog, of sizes, and however long nothing was sent."""
    pace, now_ns = Pace(80, 0), 0
    sent: list[tuple[int, int]] = []
    for is_live, idle_ms, size_bytes in messages:
        now_ns = max(now_ns + max(0, idle_ms - 380) * 1_000_000, pace.ready_ns(is_live=is_live))
        pace.take(size_bytes, now_ns)
        sent.append((now_ns, size_bytes))
    times_ns = [at_ns for at_ns, _ in sent]
    for first, from_ns in enumerate(times_ns):
        behind = bisect_left(times_ns, from_ns + NS_PER_S)
        second = [size for _, size in sent[first:behind]]
        assert len(second) <= LIMIT_PER_S
        # The last of them may begin a little before there is room for all of it.
        assert sum(second[:-1]) <= LIMIT_BYTES_PER_S
    assert MESSAGES_PER_S + MESSAGES_BURST <= LIMIT_PER_S
    assert BYTES_PER_S + BYTES_BURST <= LIMIT_BYTES_PER_S


def count_in_a_second(pace: Pace, from_ns: int, *, is_live: bool, size_bytes: int = 300) -> int:
    count, now_ns = 0, from_ns
    while (now_ns := max(now_ns, pace.ready_ns(is_live=is_live))) < from_ns + NS_PER_S:
        pace.take(size_bytes, now_ns)
        count += 1
    return count


def test_live_messages_use_what_iot_core_allows_in_a_second() -> None:
    assert count_in_a_second(Pace(80, 0), 0, is_live=True) == LIMIT_PER_S


def test_large_messages_use_the_bytes_that_iot_core_allows_in_a_second() -> None:
    count = count_in_a_second(Pace(80, 0), 0, is_live=True, size_bytes=8 * 1024)
    assert count == LIMIT_BYTES_PER_S / (8 * 1024)


def test_backlog_keeps_to_its_own_pace_and_leaves_room_for_live_messages() -> None:
    pace = Pace(40, 0)
    assert count_in_a_second(pace, 0, is_live=False) == 10 + 40 - 1
    assert count_in_a_second(pace, 60 * NS_PER_S, is_live=True) >= MESSAGES_PER_S


def test_backlog_waits_about_a_second_for_many_live_messages() -> None:
    pace = Pace(10, 0)
    for second in range(20):
        count_in_a_second(pace, second * NS_PER_S, is_live=True)
    assert 0.9 <= pace.ready_ns(is_live=False) / NS_PER_S - 20 <= 1.2


def test_slow_down_halves_the_pace_once_a_second_down_to_the_slowest() -> None:
    pace = Pace(80, 0)
    for _ in range(32):
        pace.slow_down(0)
    assert pace.share == 1 / 2, "thirty-two answers at once are one complaint"
    for second in range(1, 20):
        pace.slow_down(second * NS_PER_S)
    assert pace.share == 1 / 64
    assert count_in_a_second(pace, 100 * NS_PER_S, is_live=True) <= MESSAGES_BURST + 2
    in_a_minute = sum(
        count_in_a_second(pace, second * NS_PER_S, is_live=True) for second in range(101, 161)
    )
    assert in_a_minute == pytest.approx(60 * MESSAGES_PER_S / 64, abs=1)


def test_pace_that_was_never_slowed_down_is_halved_just_after_an_acceptance() -> None:
    pace = Pace(80, 0)
    pace.accepted(10 * NS_PER_S)
    pace.slow_down(10 * NS_PER_S)
    assert pace.share == 1 / 2


@pytest.mark.parametrize("is_live", [True, False])
def test_slow_down_halves_the_rate_of_live_messages_and_backlog(is_live: bool) -> None:
    full, halved = Pace(40, 0), Pace(40, 0)
    halved.slow_down(0)
    counts = []
    for pace in (full, halved):
        count_in_a_second(pace, 10 * NS_PER_S, is_live=is_live)
        counts.append(count_in_a_second(pace, 11 * NS_PER_S, is_live=is_live))
    assert counts[1] == pytest.approx(counts[0] / 2, abs=1)


def test_pace_of_large_messages_is_that_of_their_bytes_and_is_halved_too() -> None:
    pace = Pace(80, 0)
    at_ns = []
    for _ in range(6):
        at_ns.append(pace.ready_ns(is_live=True))
        pace.take(112 * 1024, at_ns[-1])
        if len(at_ns) == 4:
            pace.slow_down(at_ns[-1])
    gaps_s = [(later - earlier) / NS_PER_S for earlier, later in pairwise(at_ns)]
    assert gaps_s[1:] == pytest.approx([0.25, 0.25, 0.5, 0.5], abs=0.001), "448 KiB/s, then half"


def test_acceptances_bring_the_pace_back_step_by_step() -> None:
    pace = Pace(80, 0)
    pace.slow_down(0)
    shares = []
    for tenth in range(1, 121):
        pace.accepted(tenth * NS_PER_S // 10)
        shares.append(pace.share)
    assert shares[8:10] == pytest.approx([0.5, 0.55]), "a twentieth, after a second"
    assert shares == sorted(shares)
    assert shares[49] < 0.8
    assert shares[-1] == 1.0


def test_new_connection_begins_at_the_full_pace() -> None:
    pace = Pace(40, 0)
    pace.slow_down(NS_PER_S)
    pace.begin(2 * NS_PER_S, 3 * NS_PER_S)
    assert pace.share == 1
    assert count_in_a_second(pace, 10 * NS_PER_S, is_live=True) >= MESSAGES_PER_S


def test_request_to_slow_down_at_the_end_of_a_connection_counts_for_the_next_one() -> None:
    pace = Pace(40, 0)
    pace.slow_down(NS_PER_S)
    pace.slow_down(NS_PER_S + 1)  # within the second in which the pace has changed already
    pace.begin(NS_PER_S + 1, 3 * NS_PER_S)
    assert pace.share == 1 / 2


def test_request_to_slow_down_just_after_a_connection_at_the_full_pace_counts() -> None:
    pace = Pace(40, 0)
    pace.begin(2 * NS_PER_S, 3 * NS_PER_S)
    assert pace.slow_down(3 * NS_PER_S + 1)
    assert pace.share == 1 / 2


def test_slow_down_reports_when_the_full_pace_ends() -> None:
    pace = Pace(40, 0)
    assert [pace.slow_down(second * NS_PER_S) for second in range(3)] == [True, False, False]
