from hypothesis import given
from hypothesis import strategies as st

from gateway.buffer.send_order import RESIDENT_MAX, Entry, SendOrder


def entry(id_: int, race_id: int = 1) -> Entry:
    return Entry(id_, race_id, b"")


def add(order: SendOrder, new: Entry) -> None:
    order.newest(new.race_id).pending += 1
    order.offer(new)


def pop_all(order: SendOrder) -> list[tuple[int, int]]:
    taken = []
    for queue in list(order.newest_first()):
        while queue.resident:
            popped = order.pop(queue.race_id)
            taken.append((popped.race_id, popped.id))
    return taken


@given(st.permutations([(race_id, id_) for race_id in (1, 2, 3) for id_ in range(4)]))
def test_send_order_is_newest_race_first_then_as_produced(offered: list[tuple[int, int]]) -> None:
    order = SendOrder()
    for race_id, id_ in offered:
        add(order, entry(id_, race_id))
    newest_first = list(dict.fromkeys(race_id for race_id, _ in reversed(offered)))
    assert pop_all(order) == sorted(
        offered, key=lambda item: (newest_first.index(item[0]), item[1])
    )


def test_entry_put_back_is_sent_before_those_that_followed() -> None:
    order = SendOrder()
    for id_ in (1, 2, 3):
        add(order, entry(id_))
    queue = order.queue(1)
    first, second = order.pop(queue.race_id), order.pop(queue.race_id)
    order.put(second)
    order.put(first)
    assert [id_ for _, id_ in pop_all(order)] == [1, 2, 3]


def test_race_beyond_the_memory_bound_continues_from_disk() -> None:
    order = SendOrder()
    for id_ in range(RESIDENT_MAX + 10):
        add(order, entry(id_))
    queue = order.queue(1)
    assert len(queue.resident) == RESIDENT_MAX
    assert queue.gap_from_id == RESIDENT_MAX
    order.pop(queue.race_id)
    add(order, entry(RESIDENT_MAX + 10))
    assert len(queue.resident) == RESIDENT_MAX - 1, "nothing may overtake what lies on disk"


def test_race_on_disk_is_offered_as_a_gap() -> None:
    order = SendOrder()
    order.add_stored(5, count=1000)
    [queue] = order.newest_first()
    assert (queue.race_id, queue.pending, queue.gap_from_id) == (5, 1000, 0)


def test_race_with_nothing_pending_is_forgotten() -> None:
    order = SendOrder()
    add(order, entry(1))
    order.pop(1)
    assert pop_all(order) == [], "it is on its way, not to be sent again"
    order.finish_one(1)
    assert order.get(1) is None


def test_withdrawn_message_is_not_sent() -> None:
    order = SendOrder()
    first, second = entry(1), entry(2)
    add(order, first)
    add(order, second)
    order.withdraw(first)
    assert pop_all(order) == [(1, 2)]


def test_messages_that_stay_after_a_withdrawal_keep_their_order() -> None:
    order = SendOrder()
    first, *others = (entry(id_) for id_ in (1, 5, 2, 6, 7, 3))
    for one in (first, *others):
        add(order, one)
    order.withdraw(first)
    assert [id_ for _, id_ in pop_all(order)] == [2, 3, 5, 6, 7]


def test_new_entry_has_not_been_sent_or_written_and_has_not_failed() -> None:
    new = entry(1)
    assert (new.failures, new.is_suspect) == (0, False)
    assert (new.commit_due_ns, new.sent_ns, new.produced_ns) == (0, 0, None)
    assert (new.on_disk, new.offered, new.done, new.given_up) == (False, False, False, False)


def test_eviction_of_a_race_keeps_the_entries_in_memory() -> None:
    order = SendOrder()
    order.add_stored(1, count=10)
    young = entry(11)
    order.queue(1).pending += 1
    gone = order.shrink(order.queue(1), [young], pending=1)
    assert gone == 10
    assert pop_all(order) == [(1, 11)]


def test_newest_race_is_the_last_produced_for_whatever_its_id() -> None:
    order = SendOrder()
    for id_, race_id in enumerate([7, 3, 7, 5, 3]):
        add(order, entry(id_, race_id))
    assert [queue.race_id for queue in order.newest_first()] == [3, 5, 7]


def test_messages_found_on_disk_precede_later_ones_in_memory() -> None:
    order = SendOrder()
    early, written, unwritten = entry(1), entry(5), entry(6)
    written.on_disk = True
    for one in (early, written, unwritten):
        add(order, one)
    order.add_stored(1, count=2, from_id=3)
    queue = order.queue(1)
    assert (queue.pending, queue.gap_from_id, queue.resident) == (5, 3, [early])
    assert (written.done, unwritten.done) == (True, False), "the page brings another object"
    assert not unwritten.offered


def of_one_race(ids: list[int]) -> tuple[SendOrder, dict[int, Entry]]:
    """Return an order with these messages, which come back in any order, and each by its id."""
    order = SendOrder()
    entries = {id_: entry(id_) for id_ in ids}
    for one in entries.values():
        add(order, one)
    return order, entries


def ids_of(order: SendOrder) -> list[int]:
    return [id_ for _, id_ in pop_all(order)]


@given(st.permutations(range(12)), st.sets(st.integers(0, 11), min_size=1))
def test_order_within_a_race_outlasts_withdrawals(ids: list[int], withdrawn: set[int]) -> None:
    order, entries = of_one_race(ids)
    for id_ in withdrawn:
        order.withdraw(entries[id_])
    assert ids_of(order) == sorted(set(ids) - withdrawn)


@given(st.permutations(range(12)), st.integers(0, 12))
def test_order_within_a_race_outlasts_what_is_added_on_disk(ids: list[int], from_id: int) -> None:
    order, _ = of_one_race(ids)
    order.add_stored(1, count=1, from_id=from_id)
    assert ids_of(order) == list(range(from_id))


@given(st.permutations(range(12)))
def test_order_within_a_race_outlasts_an_eviction(left: list[int]) -> None:
    order, entries = of_one_race(left)
    order.shrink(order.queue(1), [entries[id_] for id_ in left], pending=len(left))
    assert ids_of(order) == sorted(left)


def test_memory_that_is_withdrawn_shrunk_or_on_disk_has_room_for_others() -> None:
    order, entries = of_one_race(list(range(RESIDENT_MAX)))
    order.withdraw(entries[0])
    add(order, entry(RESIDENT_MAX, race_id=2))
    assert len(order.queue(2).resident) == 1
    order.add_stored(1, count=1, from_id=2)
    for id_ in range(RESIDENT_MAX - 2):
        add(order, entry(RESIDENT_MAX + 1 + id_, race_id=2))
    assert len(order.queue(2).resident) == RESIDENT_MAX - 1
    assert order.queue(2).gap_from_id is None
    add(order, entry(3 * RESIDENT_MAX, race_id=2))
    assert order.queue(2).gap_from_id == 3 * RESIDENT_MAX


def test_message_that_was_handed_out_makes_room_for_another() -> None:
    order, _ = of_one_race(list(range(RESIDENT_MAX)))
    order.pop(1)
    add(order, entry(RESIDENT_MAX, race_id=2))
    assert len(order.queue(2).resident) == 1
    add(order, entry(RESIDENT_MAX + 1, race_id=2))
    assert order.queue(2).gap_from_id == RESIDENT_MAX + 1


def test_message_before_the_gap_is_sent_from_memory_and_one_behind_it_is_not() -> None:
    order = SendOrder()
    order.add_stored(1, count=10, from_id=5)
    before, behind = entry(4), entry(6)
    order.offer(behind)
    assert order.queue(1).resident == []
    order.offer(before)
    assert order.queue(1).resident == [before]
    assert (before.offered, behind.offered) == (True, False)


def test_gap_of_a_race_begins_with_the_first_message_on_disk() -> None:
    order = SendOrder()
    for from_id in (5, 3, 8):
        order.add_stored(1, count=1, from_id=from_id)
    assert (order.queue(1).pending, order.queue(1).gap_from_id) == (3, 3)


def test_races_are_sorted_by_when_they_were_last_produced_for() -> None:
    order = SendOrder()
    for race_id, produced_ns in ((1, 30), (2, 0), (3, 20), (4, 0)):
        order.newest(race_id).produced_ns = produced_ns
    order.sort()
    assert [queue.race_id for queue in order.newest_first()] == [1, 3, 4, 2]
    assert [queue.race_id for queue in order.newest_first(without={3, 2})] == [1, 4]


def test_race_that_an_eviction_empties_is_forgotten() -> None:
    order = SendOrder()
    order.add_stored(1, count=10)
    assert order.shrink(order.queue(1), [], pending=0) == 10
    assert order.get(1) is None


def test_residents_are_those_of_all_races() -> None:
    order = SendOrder()
    first, second = entry(1, race_id=1), entry(2, race_id=2)
    add(order, first)
    add(order, second)
    assert set(order.residents()) == {first, second}
    order.pop(2)
    assert list(order.residents()) == [first]


def test_races_are_sorted_by_when_something_was_last_produced_for_them() -> None:
    order = SendOrder()
    for race_id, produced_ns in ((1, 30), (2, 10), (3, 20)):
        order.queue(race_id).produced_ns = produced_ns
    order.sort()
    assert [queue.race_id for queue in order.newest_first()] == [1, 3, 2]
    assert [queue.race_id for queue in order.newest_first(without={1, 2})] == [3]


def test_message_that_leaves_the_memory_makes_room_for_one_of_any_race() -> None:
    order = SendOrder()
    entries = [entry(id_) for id_ in range(RESIDENT_MAX)]
    for one in entries:
        add(order, one)
    order.pop(1)
    order.withdraw(entries[-1])
    for id_ in range(3):
        add(order, entry(1000 + id_, race_id=2))
    in_memory = [one.id for one in order.residents() if one.race_id == 2]
    assert (in_memory, order.queue(2).gap_from_id) == ([1000, 1001], 1002)


def test_message_before_a_gap_stays_in_memory_and_one_behind_it_does_not() -> None:
    order = SendOrder()
    order.add_stored(1, count=5, from_id=10)
    order.add_stored(1, count=5, from_id=20)
    for id_ in (9, 10, 11):
        add(order, entry(id_))
    assert [one.id for one in order.residents()] == [9]
    assert (order.queue(1).gap_from_id, order.queue(1).pending) == (10, 13)


def test_race_whose_messages_on_disk_are_gone_is_forgotten() -> None:
    order = SendOrder()
    order.add_stored(1, count=10)
    queue = order.queue(1)
    assert order.shrink(queue, [], pending=0) == 10
    assert (order.get(1), queue.gap_from_id) == (None, None)
