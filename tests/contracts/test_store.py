"""Tests of what every Store promises: what is written is there afterwards, and nothing else is.

`gateway.buffer.store` has the only Store. Another one passes if its opener is in `OPENERS`.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.buffer.log_format import UNDATED
from gateway.buffer.store import Batch, Record, Store

Opener = Callable[[Path, int], Store]

ROOMY = 1 << 30
#: The least that a config allows.
SMALL = 1 << 20
OPENERS: list[Opener] = [Store]


@pytest.fixture(params=OPENERS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Store]:
    """Return what opens the store of one directory, again and again."""
    opener: Opener = request.param

    def open_again(max_bytes: int = ROOMY) -> Store:
        return opener(tmp_path / "buffer", max_bytes)

    return open_again


def records(ids: Iterable[int], race_id: int = 7) -> list[Record]:
    return [Record(id_, race_id, b"message %d" % id_) for id_ in ids]


def waiting(store: Store) -> dict[int, list[Record]]:
    """Return all that is to be sent, by race, each in order of production."""
    by_race: dict[int, list[Record]] = {}
    for name, count in store.waiting().items():
        found = store.read(name)
        assert len(found) == count
        assert [one.race_id for one in found] == [name.race_id] * count
        by_race.setdefault(name.race_id, []).extend(found)
    return {race_id: sorted(found, key=id_of) for race_id, found in by_race.items()}


def id_of(record: Record) -> int:
    return record.id


def set_aside(store: Store, record: Record, reason: str = "refused") -> None:
    """Set aside a message that is on disk."""
    [name] = [one for one in store.waiting() if record in store.read(one)]
    store.write(Batch(done=[(name, record.id)], quarantined=[(record, reason)]))


def test_new_store_is_empty(opened: Callable[[], Store]) -> None:
    store = opened()
    assert (store.waiting(), store.quarantined, store.last_id) == ({}, 0, 0)
    assert (store.lost, store.notes) == (0, [])
    store.close()


@pytest.mark.parametrize("is_killed", [False, True])
def test_messages_are_there_after_the_next_opening(
    opened: Callable[[], Store], *, is_killed: bool
) -> None:
    store = opened()
    store.write(Batch([*records([1, 2]), *records([3], race_id=8)]))
    store.write(Batch(records([4])))
    if not is_killed:
        store.close()
    again = opened()
    assert waiting(again) == {7: records([1, 2, 4]), 8: records([3], race_id=8)}
    assert (again.last_id, again.lost, again.notes) == (4, 0, [])
    again.close()


@pytest.mark.parametrize("payload", [b"", b"\0" * 3000, bytes(range(256)) * 9, b"\n\xff{"])
def test_payload_of_any_bytes_is_read_as_it_was_written(
    opened: Callable[[], Store], payload: bytes
) -> None:
    store = opened()
    store.write(Batch([Record(1, 7, payload)], quarantined=[(Record(2, 7, payload), "refused")]))
    store.close()
    again = opened()
    again.write(Batch(requeued_ids=[2]))
    assert waiting(again) == {7: [Record(1, 7, payload), Record(2, 7, payload)]}
    again.close()


@pytest.mark.parametrize("id_", [1, 10**16, 2**63 - 1])
@pytest.mark.parametrize("race_id", [UNDATED, 0, 1, 2**40, 2**63 - 1])
def test_any_id_and_race_is_kept(opened: Callable[[], Store], id_: int, race_id: int) -> None:
    store = opened()
    store.write(Batch(records([id_], race_id)))
    store.close()
    again = opened()
    assert (waiting(again), again.last_id) == ({race_id: records([id_], race_id)}, id_)
    again.close()


def test_each_message_is_where_the_write_placed_it(opened: Callable[[], Store]) -> None:
    store = opened()
    batch = [*records([1, 3]), *records([2], race_id=8), *records([4], UNDATED)]
    placed = store.write(Batch(batch)).placed
    assert sorted(placed) == [1, 2, 3, 4]
    assert all(one in store.read(placed[one.id]) for one in batch)
    store.close()


def test_messages_written_out_of_order_are_all_kept(opened: Callable[[], Store]) -> None:
    store = opened()
    # A final is on disk before the seconds ahead of it.
    for id_ in (5, 2, 9, 3):
        store.write(Batch(records([id_])))
    assert waiting(store) == {7: records([2, 3, 5, 9])}
    store.close()


@pytest.mark.parametrize("is_killed", [False, True])
def test_what_is_done_with_is_gone(opened: Callable[[], Store], *, is_killed: bool) -> None:
    store = opened()
    placed = store.write(Batch([*records([1, 2, 3]), *records([4], race_id=8)])).placed
    store.write(Batch(records([5]), done=[(placed[id_], id_) for id_ in (1, 3, 4)]))
    assert waiting(store) == {7: records([2, 5])}
    if not is_killed:
        store.close()
    again = opened()
    assert waiting(again) == {7: records([2, 5])}
    assert again.last_id >= 5
    again.close()


def test_message_of_an_earlier_process_can_be_done_with(opened: Callable[[], Store]) -> None:
    store = opened()
    store.write(Batch(records([1, 2])))
    store.close()
    again = opened()
    [name] = again.waiting()
    again.write(Batch(done=[(name, 1)]))
    again.close()
    last = opened()
    assert waiting(last) == {7: records([2])}
    last.close()


def test_done_messages_of_a_race_that_is_gone_are_skipped(opened: Callable[[], Store]) -> None:
    store = opened()
    placed = store.write(Batch(records([1]))).placed
    store.write(Batch(done=[(placed[1], 1)]))
    store.write(Batch(records([2]), done=[(placed[1], 1)]))
    assert waiting(store) == {7: records([2])}
    store.close()


def test_race_last_written_to_is_the_last_of_those_waiting(opened: Callable[[], Store]) -> None:
    store = opened()
    for id_, race_id in enumerate([9, 4, 9, 6], start=1):
        store.write(Batch(records([id_], race_id)))
    store.close()
    again = opened()
    assert list(dict.fromkeys(name.race_id for name in again.waiting())) == [4, 9, 6]
    again.close()


def test_quarantined_message_is_not_to_be_sent_and_its_id_is_taken(
    opened: Callable[[], Store],
) -> None:
    store = opened()
    store.write(Batch(records([1])))
    set_aside(store, Record(1, 7, b"message 1"))
    store.close()
    again = opened()
    assert (waiting(again), again.quarantined, again.last_id) == ({}, 1, 1)
    again.close()


def test_requeued_messages_are_to_be_sent_again_byte_for_byte(opened: Callable[[], Store]) -> None:
    store = opened()
    refused = [*records([1, 2]), *records([3], race_id=8)]
    store.write(Batch(records([4]), quarantined=[(one, "refused") for one in refused]))
    written = store.write(Batch(requeued_ids=[3, 1, 4, 99]))
    assert (sorted(written.requeued), written.placed, written.released) == ([1, 3], {}, 2)
    assert store.read(written.requeued[3]) == records([3], race_id=8)
    assert waiting(store) == {7: records([1, 4]), 8: records([3], race_id=8)}
    assert store.quarantined == 1
    assert store.write(Batch(requeued_ids=[1])).released == 0, "it is there once"
    store.close()


def test_requeued_message_of_a_race_that_goes_on_is_sent_again(opened: Callable[[], Store]) -> None:
    store = opened()
    store.write(Batch(records([1, 2, 3])))
    set_aside(store, Record(2, 7, b"message 2"))
    store.write(Batch(requeued_ids=[2]))
    store.write(Batch(records([4])))
    assert waiting(store) == {7: records([1, 2, 3, 4])}
    [name] = [one for one in store.waiting() if records([2])[0] in store.read(one)]
    store.write(Batch(done=[(name, 2)]))
    assert waiting(store) == {7: records([1, 3, 4])}
    store.close()


def test_message_set_aside_twice_is_sent_again_once(opened: Callable[[], Store]) -> None:
    store = opened()
    # After a power cut it may be sent, refused and set aside once more.
    for _ in range(2):
        store.write(Batch(quarantined=[(one, "refused") for one in records([1, 2])]))
        store.close()
        store = opened()
    written = store.write(Batch(requeued_ids=[1], dropped_ids=[2]))
    assert written.released in (2, 4)
    assert store.quarantined == 0
    assert waiting(store) == {7: records([1])}
    store.close()


def test_different_messages_with_the_same_id_are_both_sent_again(
    opened: Callable[[], Store],
) -> None:
    """After a power cut an id may be taken twice."""
    store = opened()
    one, other = Record(1, 7, b"before"), Record(1, 7, b"after")
    for record in (one, other):
        store.write(Batch(quarantined=[(record, "refused")]))
        store.close()
        store = opened()
    sent = list[Record]()
    for count in (1, 0):
        written = store.write(Batch(requeued_ids=[1]))
        sent += store.read(written.requeued[1])
        store.write(Batch(done=[(written.requeued[1], 1)]))
        assert store.quarantined == count
    assert sorted(record.payload for record in sent) == [b"after", b"before"]
    store.close()


def test_dropped_messages_are_gone_and_others_stay(opened: Callable[[], Store]) -> None:
    store = opened()
    store.write(Batch(records([4]), quarantined=[(one, "refused") for one in records([1, 2, 3])]))
    written = store.write(Batch(dropped_ids=[1, 3, 4, 99]))
    assert (written.released, written.quarantined, store.quarantined) == (2, 1, 1)
    store.close()
    again = opened()
    assert (waiting(again), again.quarantined) == ({7: records([4])}, 1)
    again.close()


@pytest.mark.parametrize("max_bytes", [SMALL, 2 * SMALL])
def test_oldest_messages_go_until_the_rest_fits(
    opened: Callable[..., Store], max_bytes: int
) -> None:
    store = opened(max_bytes)
    left: set[int] = set()
    for race_id in range(1, 41):
        ids = range(race_id * 100, race_id * 100 + 100)
        written = store.write(Batch([Record(id_, race_id, payload(id_, 1500)) for id_ in ids]))
        left |= set(ids)
        assert written.used_bytes <= max_bytes
        assert written.used_bytes + store.free_bytes() <= max_bytes
        for name in written.evicted:
            assert store.read(name) == []
    kept = {one.id for found in waiting(store).values() for one in found}
    assert kept == {id_ for id_ in left if id_ >= min(kept)}, "the newest"
    assert 1000 <= len(kept) < len(left), "no more goes than needed"
    store.close()


def payload(seed: int, size: int = 200) -> bytes:
    """Return bytes that no compression makes much smaller."""
    return b"".join(b"%08x" % (seed * n * 2654435761 % 2**32) for n in range(1, size // 8))


def test_quarantined_messages_go_before_those_that_are_to_be_sent(
    opened: Callable[..., Store],
) -> None:
    store = opened(SMALL)
    live = [Record(id_, 7, payload(id_)) for id_ in range(1, 101)]
    store.write(Batch(live))
    for first in range(1000, 11000, 100):
        refused = [Record(id_, 7, payload(id_)) for id_ in range(first, first + 100)]
        written = store.write(Batch(quarantined=[(one, "refused") for one in refused]))
        assert written.evicted == []
        assert written.quarantined == store.quarantined
    assert store.quarantined < 10000
    assert waiting(store) == {7: live}
    store.close()


def test_store_of_another_bound_has_the_same_messages(opened: Callable[..., Store]) -> None:
    store = opened()
    for race_id in range(30):
        store.write(Batch([Record(race_id + 1, race_id, payload(race_id, 3000))]))
    store.close()
    smaller = opened(SMALL)
    assert len(waiting(smaller)) == 30, "nothing goes before something is written"
    smaller.close()


PAYLOADS = st.binary(max_size=40)
RACES = st.sampled_from([UNDATED, 1, 2, 3])
SOME = st.integers(0, 2**12 - 1)


class StoreModel(RuleBasedStateMachine):
    """A Store under random batches, openings and kills, and a dict that must agree with it."""

    opener: Opener = Store

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.next_id = 1
        self.waiting: dict[int, Record] = {}
        self.quarantined: dict[int, Record] = {}
        self.store = self.open()

    def open(self) -> Store:
        return type(self).opener(Path(self.directory.name, "buffer"), ROOMY)

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()

    def chosen(self, among: dict[int, Record], bits: int) -> list[Record]:
        return [one for n, one in enumerate(among.values()) if bits >> n % 12 & 1]

    @rule(new=st.lists(st.tuples(RACES, PAYLOADS), max_size=9), done=SOME, refused=SOME)
    def write(self, new: list[tuple[int, bytes]], done: int, refused: int) -> None:
        fresh = [Record(self.next_id + n, *one) for n, one in enumerate(new)]
        self.next_id += len(fresh)
        over, refuse = self.chosen(self.waiting, done), self.chosen(self.waiting, refused & ~done)
        place = {one.id: name for name in self.store.waiting() for one in self.store.read(name)}
        self.store.write(
            Batch(
                fresh[::-1],
                done=[(place[one.id], one.id) for one in (*over, *refuse)],
                quarantined=[(one, "refused: ü\n") for one in refuse],
            )
        )
        self.waiting.update((one.id, one) for one in fresh)
        for one in (*over, *refuse):
            del self.waiting[one.id]
        self.quarantined.update((one.id, one) for one in refuse)

    @rule(requeued=SOME, dropped=SOME)
    def release(self, requeued: int, dropped: int) -> None:
        again = self.chosen(self.quarantined, requeued)
        drop = self.chosen(self.quarantined, dropped & ~requeued)
        ids = [one.id for one in again], [one.id for one in drop]
        written = self.store.write(Batch(requeued_ids=ids[0], dropped_ids=ids[1]))
        assert written.released == len(again) + len(drop)
        self.waiting.update((one.id, one) for one in again)
        for one in (*again, *drop):
            del self.quarantined[one.id]

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.open()

    @rule()
    def kill(self) -> None:
        self.store = self.open()

    @invariant()
    def agrees(self) -> None:
        found = [one for of_race in waiting(self.store).values() for one in of_race]
        assert sorted(found, key=id_of) == sorted(self.waiting.values(), key=id_of)
        assert self.store.quarantined == len(self.quarantined)
        assert max([0, *self.waiting, *self.quarantined]) <= self.store.last_id < self.next_id
        assert (self.store.lost, self.store.notes) == (0, [])


TestStoreModel = StoreModel.TestCase
# Each step reads all that is on disk.
TestStoreModel.settings = settings(
    max_examples=min(settings().max_examples, 100), stateful_step_count=15
)
