"""Which message is next: newest race first, within a race and bike as produced."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.buffer.log_format import LogKind, LogName
from gateway.buffer.send_order import Entry, EntryState, RaceQueue, Segment, SendOrder
from tests.support.telemetry import message


def entry(id_: int, race_id: int = 1, bike: str = "bike-1") -> Entry:
    return Entry(id_, race_id, message(id_ % 300 + 1, race_id, bike).to_json())


def segment(first_id: int, *, is_loaded: bool = False) -> Segment:
    return Segment(LogName(first_id, LogKind.RACE, 1, first_id), 1, is_loaded)


def add(order: SendOrder, new: Entry) -> None:
    order.newest(new.race_id).unwritten += 1
    order.put(new)


def take_all(order: SendOrder) -> list[tuple[int, int]]:
    """Take everything in memory, newest race first; return race and id of each."""
    taken = []
    for queue in order.newest_first():
        while queue.first is not None:
            taken.append((queue.race_id, queue.first.id))
            order.withdraw(queue.first)
    return taken


@given(st.permutations([(race_id, id_) for race_id in (1, 2, 3) for id_ in range(4)]))
def test_send_order_is_newest_race_first_then_as_produced(put: list[tuple[int, int]]) -> None:
    order = SendOrder()
    for race_id, id_ in put:
        add(order, entry(id_, race_id))
    newest_first = list(dict.fromkeys(race_id for race_id, _ in reversed(put)))
    assert order.in_memory == len(put)
    assert take_all(order) == sorted(put, key=lambda item: (newest_first.index(item[0]), item[1]))
    assert order.in_memory == 0


def test_newest_race_is_the_last_produced_for_whatever_its_id() -> None:
    order = SendOrder()
    for id_, race_id in enumerate([7, 3, 7, 5, 3]):
        add(order, entry(id_, race_id))
    assert [queue.race_id for queue in order.newest_first()] == [3, 5, 7]
    assert [queue.race_id for queue in order.oldest_first()] == [7, 5, 3]
    assert [queue.race_id for queue in order.newest_first(without={3, 7})] == [5]


def test_races_are_sorted_by_when_something_was_last_produced_for_them() -> None:
    order = SendOrder()
    for race_id, produced_ns in ((1, 30), (2, 0), (3, 20), (4, 0)):
        order.newest(race_id).produced_ns = produced_ns
    order.sort()
    assert [queue.race_id for queue in order.newest_first()] == [1, 3, 4, 2]


def test_entry_put_back_is_sent_before_those_that_followed() -> None:
    order = SendOrder()
    entries = [entry(id_) for id_ in (1, 2, 3)]
    for one in entries:
        add(order, one)
    order.withdraw(entries[0])
    order.withdraw(entries[1])
    order.put(entries[1])
    order.put(entries[0])
    assert [id_ for _, id_ in take_all(order)] == [1, 2, 3]


@given(st.permutations(range(12)), st.sets(st.integers(0, 11), min_size=1))
def test_order_within_a_race_outlasts_withdrawals(ids: list[int], withdrawn: set[int]) -> None:
    order, entries = SendOrder(), {id_: entry(id_) for id_ in ids}
    for one in entries.values():
        add(order, one)
    for id_ in withdrawn:
        order.withdraw(entries[id_])
    assert [id_ for _, id_ in take_all(order)] == sorted(set(ids) - withdrawn)


def test_withdrawn_message_is_that_one_and_not_its_twin() -> None:
    """After a crash, a message may be on disk twice."""
    order, twins = SendOrder(), [entry(1), entry(1), entry(1)]
    for one in twins:
        add(order, one)
    middle = order.queue(1).entries[1]
    order.withdraw(middle)
    assert order.queue(1).entries == [one for one in twins if one is not middle]


def test_race_with_nothing_pending_is_forgotten() -> None:
    order = SendOrder()
    add(order, entry(1))
    add(order, entry(2))
    take_all(order)
    order.queue(1).unwritten = 1
    order.drop_if_over(1)
    assert 1 in order, "one is still on its way"
    order.queue(1).unwritten = 0
    order.drop_if_over(1)
    assert 1 not in order
    assert list(order.newest_first()) == []


def test_new_race_has_no_messages_and_is_of_an_earlier_process() -> None:
    queue = RaceQueue(1)
    assert (queue.pending, queue.is_over, queue.produced_ns) == (0, True, 0)


def test_new_log_has_no_messages_and_has_lost_none() -> None:
    new = Segment(LogName(1, LogKind.RACE, 1, 1))
    assert (new.pending, new.lost, new.is_loaded) == (0, 0, True)


def test_new_entry_has_not_been_sent_or_written_and_has_not_failed() -> None:
    new = entry(1)
    assert (new.failures, new.is_suspect, new.commit_due_ns, new.sent_ns) == (0, False, 0, 0)
    assert (new.produced_ns, new.segment, new.state, new.done) == (
        None,
        None,
        EntryState.WAITING,
        False,
    )


def test_entry_is_done_when_nothing_more_happens_to_it() -> None:
    one = entry(1)
    done = []
    for state in EntryState:
        one.state = state
        if one.done:
            done.append(state)
    assert done == [EntryState.ON_DISK, EntryState.DONE, EntryState.LOST]


def queue_of(entries: list[Entry], *segments: Segment) -> RaceQueue:
    queue = RaceQueue(1, entries=entries)
    for one in segments:
        queue.add_segment(one)
    return queue


def heads(queue: RaceQueue) -> list[tuple[int, bytes]]:
    return [(one.id, one.bike) for one in queue.heads()]


def test_heads_are_the_first_of_each_bike_the_oldest_first() -> None:
    bikes = ["a", "b", "a", "c", "b"]
    queue = queue_of([entry(id_, bike=bike) for id_, bike in enumerate(bikes)])
    assert heads(queue) == [(0, b"a"), (1, b"b"), (3, b"c")]


def test_nothing_behind_an_unread_log_is_a_head() -> None:
    entries = [entry(id_, bike=f"{id_}") for id_ in (3, 5, 7, 9)]
    queue = queue_of(entries, segment(7), segment(1, is_loaded=True))
    assert [id_ for id_, _ in heads(queue)] == [3, 5]
    assert queue.unread is None, "others come first"
    del entries[:2]
    assert queue.unread is not None
    assert (queue.unread.name.first_id, heads(queue)) == (7, [])


def test_unread_log_is_the_first_that_is_not_in_memory() -> None:
    later, first, loaded = segment(9), segment(5), segment(1, is_loaded=True)
    queue = queue_of([], later, first, loaded)
    assert queue.segments == [loaded, first, later]
    assert queue.unread is first
    first.is_loaded = True
    assert queue.unread is later
    later.is_loaded = True
    assert queue.unread is None
    assert queue.first is None
