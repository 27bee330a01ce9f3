"""The promise and the order as a state machine over Buffer and Publisher, on real files.

Crashes, torn writes, flipped bits, a full disk, clock steps; a broker that answers late, out of
order, with loss, refusals and hang-ups. `make test-the-tests` shows that it finds seeded faults.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.buffer.buffer import LIVE_NS
from gateway.buffer.inspect import BufferView
from gateway.buffer.log_format import LogKind, decode_quarantined
from gateway.buffer.send_order import Entry
from gateway.buffer.store import Batch, StoreError, Written
from gateway.cloud.publisher import Publisher
from gateway.cloud.uplink import Answer, Ending, Verdict
from gateway.telemetry.message import Telemetry, telemetry_from_json
from gateway.timing.units import NS_PER_S
from tests.support.buffers import BufferBench
from tests.support.fake_uplink import ACCEPTED, FakeUplink
from tests.support.telemetry import message
from tests.support.virtual_clock import VirtualClock

INTERVAL_S = 1.0
#: A disk that was full is tried again each second.
HEALING_NS = round(2.2 * NS_PER_S)
MAX_POISON = 3
#: Longer than any race here; the second in which one ends is its length.
LENGTH_S = 1_000_000
#: The races that are ridden. Another one has witnesses at the end.
RACES = (1, 2, 3)
WITNESSES_RACE = 4
#: When a message has failed, one of another race may be sent next, its witness; it may be set aside
#: if it fails after so many of other races were accepted.
STRIKES = 5
#: A hang-up is blamed on what was sent so shortly before.
SUSPICION_NS = 5 * NS_PER_S
#: It searches long, and a counterexample is made small, which takes a while.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
T = TypeVar("T")


class Model:
    """What ought to be: every message produced, and what has become of it."""

    def __init__(self) -> None:
        self.produced: dict[str, Telemetry] = {}
        self.produced_ns: dict[str, int] = {}
        self.done: set[str] = set()
        #: When each was sent.
        self.in_flight: dict[str, int] = {}
        #: Messages that the broker refuses whenever it is asked.
        self.poison: set[str] = set()
        #: How often each suspect has failed: it was refused, or the broker hung up on it alone.
        self.failures: dict[str, int] = {}
        #: How many of other races were accepted since each has failed.
        self.strikes: Counter[str] = Counter()
        self.quarantined: set[str] = set()
        #: The broker has refused a message on this connection, and accepted none since; before the
        #: last refusal too. Then nothing else is to blame for the end of the connection.
        self.is_refusing = self.was_refusing = False
        #: What may be there.
        self.hopeless: set[str] = set()
        #: From the oldest to the newest.
        self.races: list[int] = []
        #: Races of which a whole log is lost: it may have been the one that made them newer.
        self.unranked: set[int] = set()

    def produce(self, telemetry: Telemetry, now_ns: int) -> None:
        self.produced[telemetry.uuid] = telemetry
        self.produced_ns[telemetry.uuid] = now_ns
        self.races = [race for race in self.races if race != telemetry.race_id]
        self.races.append(telemetry.race_id)
        self.unranked.discard(telemetry.race_id)

    @property
    def pending(self) -> set[str]:
        return self.produced.keys() - self.done

    @property
    def waiting(self) -> set[str]:
        """What is to be sent, or in flight."""
        return self.pending - self.quarantined

    def promised(self, now_ns: int) -> set[str]:
        old_ns = now_ns - round(INTERVAL_S * NS_PER_S)
        return {uuid for uuid in self.pending if self.produced_ns[uuid] <= old_ns}

    def is_live(self, telemetry: Telemetry, now_ns: int) -> bool:
        return now_ns - self.produced_ns[telemetry.uuid] <= LIVE_NS

    def keep_only(self, uuids: set[str]) -> None:
        """A crash: the rest was too young to be promised, or is done, which damage may undo."""
        self.produced = {uuid: self.produced[uuid] for uuid in uuids | self.done}
        self.in_flight.clear()
        self.failures.clear()
        self.strikes.clear()
        self.is_refusing = False

    def accept(self, uuid: str) -> None:
        self.done.add(uuid)
        self.is_refusing = False
        race_id = self.produced[uuid].race_id
        self.strikes.update(one for one in self.accused if self.produced[one].race_id != race_id)

    def fail(self, uuid: str) -> None:
        if self.strikes[uuid] >= STRIKES:
            self.hopeless.add(uuid)
        self.failures[uuid] = self.failures.get(uuid, 0) + 1

    def refuse(self) -> None:
        self.was_refusing, self.is_refusing = self.is_refusing, True

    def set_aside(self, uuid: str) -> None:
        """Its last refusal was its own fault, and not the broker's."""
        self.quarantined.add(uuid)
        self.is_refusing = self.was_refusing

    @property
    def accused(self) -> set[str]:
        return {uuid for uuid in self.waiting if self.failures.get(uuid)}

    def hang_up(self, now_ns: int) -> None:
        """The broker ended the connection, perhaps because of what was sent just now."""
        if self.is_refusing:
            return
        suspects = [
            uuid for uuid, sent_ns in self.in_flight.items() if now_ns - sent_ns <= SUSPICION_NS
        ]
        was_alone = len(self.in_flight) == 1
        for uuid in suspects:
            if was_alone:
                self.fail(uuid)
            else:
                self.failures.setdefault(uuid, 0)

    def check_turn(self, sent: Telemetry, now_ns: int) -> None:
        """It is its turn: nothing of a newer race waits, nor an earlier one of its own.

        What was produced just now waits for no backlog, also not of a newer race; nor does a
        suspect, once it was next. A witness passes newer races, whose first messages have failed.
        """
        first: dict[int, Telemetry] = {}
        for uuid in self.waiting - self.in_flight.keys():
            one = self.produced[uuid]
            first[one.race_id] = min(first.get(one.race_id, one), one, key=lambda it: it.second)
        assert first[sent.race_id] == sent, "nothing passes a message of its own race"
        newer_races = self.races[self.races.index(sent.race_id) + 1 :]
        is_backlog = not self.is_live(sent, now_ns) and sent.uuid not in self.failures
        if is_backlog and sent.race_id not in self.unranked:
            ranked = first.keys() - self.unranked
            self.check_witness([first[race_id] for race_id in newer_races if race_id in ranked])
        self.check_alone(sent)
        if sent.is_final:
            in_flight = [self.produced[uuid] for uuid in self.in_flight]
            others = [one for one in in_flight if one.race_id == sent.race_id and not one.is_final]
            assert not others, "the final last"

    def check_witness(self, passed: list[Telemetry]) -> None:
        """Once a witness was accepted, messages without failures need not wait for the others."""
        if passed:
            assert all(self.failures.get(one.uuid) for one in passed), "newest race first"
        if passed and not any(self.strikes[uuid] for uuid in self.waiting):
            assert self.accused, "no witness without an accused"
            assert not self.in_flight, "a witness is sent alone"

    def check_alone(self, sent: Telemetry) -> None:
        if self.in_flight:
            assert sent.uuid not in self.failures, "a suspect is sent alone"
            assert not self.in_flight.keys() & self.failures.keys(), "a suspect stays alone"


def torn_write(before: bytes, after: bytes, share: float) -> bytes:
    """Return what a write leaves of which only a part has reached the disk."""
    changed = [at for at in range(len(after)) if before[at : at + 1] != after[at : at + 1]]
    if not changed:
        return after
    cut = changed[0] + round(share * (changed[-1] + 1 - changed[0]))
    return after[:cut] + before[cut:]


class ModelUplink(FakeUplink):
    """Checks that each message comes in its turn; answers when it is told to."""

    def __init__(self, model: Model, clock: VirtualClock) -> None:
        super().__init__(self._answer)
        self.clock = clock
        self.model = model
        self.answers_at_once = True
        self.refuses_all = False

    def connect(self) -> None:
        self.model.is_refusing = False
        super().connect()

    def publish(self, ticket: int, payload: bytes) -> None:
        sent = telemetry_from_json(payload)
        assert self.model.produced[sent.uuid] == sent, "nothing invented, nothing changed"
        self.model.check_turn(sent, self.clock.monotonic_ns())
        self.model.in_flight[sent.uuid] = self.clock.monotonic_ns()
        super().publish(ticket, payload)

    def tell(self, ticket: int, answer: Answer) -> None:
        payload = self._open.pop(ticket)
        self._settle(payload, answer)
        assert self._listener is not None
        self._listener.on_answer(ticket, answer)

    def cut(
        self,
        reason: str = "network down",
        verdict: Verdict = Verdict.RETRY,
        ending: Ending = Ending.OTHER,
    ) -> None:
        if verdict is Verdict.SUSPECT:
            self.model.hang_up(self.clock.monotonic_ns())
        self.model.in_flight.clear()
        super().cut(reason, verdict, ending)

    @property
    def tickets(self) -> list[int]:
        return list(self._open)

    def _answer(self, payload: bytes) -> Answer | None:
        if not self.answers_at_once:
            return None
        is_refused = self.refuses_all or telemetry_from_json(payload).uuid in self.model.poison
        answer = Answer(Verdict.REFUSED, "refused") if is_refused else ACCEPTED
        self._settle(payload, answer)
        return answer

    def _settle(self, payload: bytes, answer: Answer) -> None:
        uuid = telemetry_from_json(payload).uuid
        self.model.in_flight.pop(uuid, None)
        if answer.verdict is Verdict.ACCEPTED:
            self.model.accept(uuid)
        elif answer.verdict is Verdict.REFUSED:
            self.model.refuse()
            self.model.fail(uuid)
        elif answer.verdict is Verdict.RETRY:
            self.model.refuse()


class Process(BufferBench):
    """One life of the gateway."""

    def __init__(self, path: Path, clock: VirtualClock, model: Model) -> None:
        super().__init__(path, clock, interval_s=INTERVAL_S)
        self.uplink = ModelUplink(model, clock)
        self.publisher = Publisher(self.buffer, self.uplink, clock, Random(1), rate_per_s=80)

        def quarantine(entry: Entry, reason: str) -> None:
            model.set_aside(telemetry_from_json(entry.payload).uuid)
            set_aside(entry, reason)

        set_aside, self.buffer.quarantine = self.buffer.quarantine, quarantine  # type: ignore[method-assign]

    async def start(self) -> None:
        await super().start()
        self._publishing = asyncio.create_task(self.publisher.run())
        await self.clock.settle()

    @property
    def is_running(self) -> bool:
        return not self._publishing.done()

    async def stop(self) -> None:
        self._publishing.cancel()
        await asyncio.wait([self._publishing])
        await super().stop()

    def check_alive(self) -> None:
        """What went wrong in the background is not to go unseen."""
        if self._publishing.done():
            self._publishing.result()


class Promise(RuleBasedStateMachine):
    """A directory of logs through many processes, each of which ends in a crash."""

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "buffer"
        self.loop = asyncio.new_event_loop()
        self.clock = VirtualClock()
        self.model = Model()
        self.next_second = 1
        self.healed_ns: int | None = 0
        #: The file, byte and bit of all damage so far.
        self.flipped: set[tuple[str, int, int]] = set()
        self.start()

    @property
    def trusts_disk(self) -> bool:
        """The disk has been well for long enough to have everything that is due."""
        healed_ns = self.healed_ns
        return healed_ns is not None and self.clock.monotonic_ns() - healed_ns > HEALING_NS

    def run_async(self, work: Coroutine[Any, Any, T]) -> T:
        result = self.loop.run_until_complete(work)
        self.process.check_alive()
        return result

    def start(self) -> None:
        self.process = Process(self.path, self.clock, self.model)
        self.loop.run_until_complete(self.process.start())

    @rule(race_id=st.sampled_from(RACES), count=st.integers(1, 100))
    def produce(self, race_id: int, count: int) -> None:
        for _ in range(count):
            self.append(message(self.next_second, race_id, length_s=LENGTH_S))

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 7.0]))
    def pass_time(self, seconds: float) -> None:
        self.run_async(self.clock.run_for(seconds))

    @rule(step_ms=st.integers(-600_000, 600_000))
    def step_clock(self, step_ms: int) -> None:
        self.clock.step_wall(step_ms)
        self.clock.reanchor()

    @precondition(lambda self: not self.process.uplink.connected)
    @rule()
    def connect(self) -> None:
        self.process.uplink.connect()
        self.run_async(self.clock.settle())

    @precondition(lambda self: self.process.uplink.connected)
    @rule(verdict=st.sampled_from([Verdict.RETRY, Verdict.SLOW_DOWN, Verdict.SUSPECT]))
    def lose_connection(self, verdict: Verdict) -> None:
        """Acknowledgements on their way are lost with it."""
        self.process.uplink.cut("cut", verdict)

    @rule(at_once=st.booleans())
    def answer_at_once_or_later(self, at_once: bool) -> None:
        self.process.uplink.answers_at_once = at_once

    @precondition(lambda self: self.process.uplink.tickets)
    @rule(
        data=st.data(),
        verdict=st.sampled_from([Verdict.ACCEPTED, Verdict.RETRY, Verdict.SLOW_DOWN]),
    )
    def answer_late_and_out_of_order(self, data: st.DataObject, verdict: Verdict) -> None:
        for _ in range(data.draw(st.integers(1, 40))):
            tickets = self.process.uplink.tickets
            if tickets:
                ticket = data.draw(st.sampled_from(tickets))
                self.process.uplink.tell(ticket, Answer(verdict, "told"))
        self.run_async(self.clock.settle())

    @precondition(lambda self: len(self.model.poison) < MAX_POISON)
    @rule(race_id=st.sampled_from(RACES))
    def poison_one(self, race_id: int) -> None:
        telemetry = message(self.next_second, race_id, length_s=LENGTH_S)
        self.model.poison.add(telemetry.uuid)
        self.append(telemetry)

    @rule(race_id=st.sampled_from(RACES))
    def finish(self, race_id: int) -> None:
        """One bike has its final; others may ride on."""
        self.append(message(self.next_second, race_id, length_s=self.next_second))

    def append(self, telemetry: Telemetry) -> None:
        self.next_second += 1
        self.model.produce(telemetry, self.clock.monotonic_ns())
        self.process.buffer.append(telemetry)

    @rule(is_full=st.booleans())
    def fill_or_free_disk(self, is_full: bool) -> None:
        self.process.failure = StoreError("disk full") if is_full else None
        self.healed_ns = None if is_full else self.clock.monotonic_ns()

    @rule(count=st.integers(1, 10), seconds=st.integers(1, 5))
    def full_for_a_while(self, count: int, seconds: int) -> None:
        """What could not be written is written when there is room again."""
        self.fill_or_free_disk(is_full=True)
        self.produce(race_id=1, count=count)
        self.pass_time(float(seconds))
        self.fill_or_free_disk(is_full=False)
        self.pass_time(3.0)

    @rule(
        race_id=st.sampled_from(RACES),
        count=st.integers(1, 40),
        verdict=st.sampled_from([Verdict.RETRY, Verdict.SUSPECT]),
    )
    def lose_connection_with_messages_on_their_way(
        self, race_id: int, count: int, verdict: Verdict
    ) -> None:
        if not self.process.uplink.connected:
            self.connect()
        self.answer_at_once_or_later(at_once=False)
        self.produce(race_id=race_id, count=count)
        self.run_async(self.clock.settle())
        self.lose_connection(verdict)

    @rule(times=st.integers(2, 8))
    def hang_up_again_and_again(self, times: int) -> None:
        self.answer_at_once_or_later(at_once=False)
        for _ in range(times):
            if not self.process.uplink.connected:
                self.connect()
            self.lose_connection(Verdict.SUSPECT)

    @rule(refuses_all=st.booleans())
    def refuse_all_or_what_is_wrong(self, refuses_all: bool) -> None:
        self.process.uplink.refuses_all = refuses_all

    @rule(race_id=st.sampled_from(RACES), count=st.integers(2, 5), seconds=st.integers(1, 20))
    def refuse_all_for_a_while(self, race_id: int, count: int, seconds: int) -> None:
        """Long enough that messages are put on trial, with and without other races."""
        if not self.process.uplink.connected:
            self.connect()
        self.answer_at_once_or_later(at_once=True)
        self.refuse_all_or_what_is_wrong(refuses_all=True)
        for _ in range(count):
            self.produce(race_id=race_id, count=1)
            self.pass_time(0.1)
        self.pass_time(float(seconds))
        self.refuse_all_or_what_is_wrong(refuses_all=False)
        self.pass_time(10.0)

    @rule(count=st.integers(1, 100), seconds=st.sampled_from([1.0, 1.5, 7.0]))
    def crash_in_an_outage(self, count: int, seconds: float) -> None:
        if self.process.uplink.connected:
            self.lose_connection(Verdict.RETRY)
        self.produce(race_id=2, count=count)
        self.pass_time(seconds)
        self.crash()

    @rule()
    def crash(self) -> None:
        """What a killed process leaves is what the next one finds; the young may be gone."""
        self.end_and_check(self.kept_after_crash())
        self.start()

    @rule(cut_share=st.floats(0, 1))
    def crash_while_writing(self, cut_share: float) -> None:
        """The power goes within a write: of what it has changed, any first part is there."""
        assert self.process.store is not None
        before, after = dict[str, bytes](), dict[str, bytes]()

        def write_and_look(batch: Batch) -> Written:
            before.update(self.files())
            written = write(batch)
            after.update(self.files())
            return written

        write, self.process.store.write = self.process.store.write, write_and_look  # type: ignore[method-assign]
        promised = self.model.promised(self.clock.monotonic_ns()) if self.trusts_disk else set()
        self.run_async(self.process.buffer.commit(everything=True))
        self.loop.run_until_complete(self.process.stop())
        if after:
            shutil.rmtree(self.path)
            self.path.mkdir()
            for name in before.keys() | after.keys():
                torn = torn_write(before.get(name, b""), after.get(name, b""), cut_share)
                (self.path / name).write_bytes(torn)
        self.check(promised, self.kept())
        self.start()

    @rule(data=st.data(), is_killed=st.booleans(), is_torn=st.booleans())
    def damage(self, data: st.DataObject, *, is_killed: bool, is_torn: bool) -> None:
        """A bit is flipped, or the rest is missing: those records are lost, and counted."""
        self.loop.run_until_complete(self.process.stop())
        if not is_killed:
            self.loop.run_until_complete(self.process.buffer.close())
        before = self.kept()
        for name in [data.draw(st.sampled_from(sorted(self.files())))] if self.files() else []:
            content = bytearray(self.files()[name])
            at, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
            content[at] ^= 1 << bit
            if (name, at, bit) not in self.flipped:  # else the record would be sound again
                (self.path / name).write_bytes(content[:at] if is_torn else content)
            self.flipped.add((name, at, bit))
        after = self.kept()
        # The damaged record may be one that marked messages as done.
        assert after <= before | self.model.done, "invented"
        self.check(set(), after)
        self.start()

    def files(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in self.path.iterdir()}

    def kept_after_crash(self) -> set[str]:
        self.promised = self.model.promised(self.clock.monotonic_ns())
        self.loop.run_until_complete(self.process.stop())
        return self.kept()

    def end_and_check(self, kept: set[str]) -> None:
        self.check(self.promised if self.trusts_disk else set(), kept)

    def check(self, promised: set[str], kept: set[str]) -> None:
        assert promised <= kept, "a promise was broken"
        assert kept <= self.model.produced.keys(), "invented"
        self.model.done &= self.model.produced.keys()
        self.model.done -= kept  # acknowledged, and not deleted yet: it will be sent again
        self.model.keep_only(kept)
        self.healed_ns = 0

    def kept(self) -> set[str]:
        """What is in the files, to be sent or set aside."""
        view = BufferView(self.path)
        to_be_sent, set_aside, races = set[str](), set[str](), dict[int, int]()
        self.model.unranked.clear()
        for name, found in view.logs():
            for payload in found.messages.values():
                if name.kind is LogKind.QUARANTINE:
                    set_aside.add(telemetry_from_json(decode_quarantined(payload)[2]).uuid)
                else:
                    to_be_sent.add(telemetry_from_json(payload).uuid)
                    races[name.race_id] = max(races.get(name.race_id, 0), found.highest_id)
            if found.lost and not found.messages:
                self.model.unranked.add(name.race_id)
        self.model.races = sorted(races, key=lambda race_id: races[race_id])
        self.model.quarantined = set_aside
        return to_be_sent | set_aside

    @invariant()
    def nothing_is_forgotten(self) -> None:
        if hasattr(self, "process"):
            status = self.process.buffer.status
            assert status.depth + status.quarantined >= len(self.model.pending)
            assert self.model.quarantined <= self.model.hopeless

    def teardown(self) -> None:
        if not hasattr(self, "process"):
            return
        try:
            if self.process.is_running:  # else a rule has failed
                self.all_arrives_in_the_end()
        finally:
            self.loop.run_until_complete(self.process.stop())
            self.loop.close()
            self.directory.cleanup()

    def all_arrives_in_the_end(self) -> None:
        self.process.failure = None
        self.process.uplink.answers_at_once = True
        self.process.uplink.refuses_all = False
        if not self.process.uplink.connected:
            self.process.uplink.connect()
        for ticket in self.process.uplink.tickets:
            self.process.uplink.tell(ticket, Answer(Verdict.RETRY, "late"))
        for _ in range(120):
            self.produce(race_id=WITNESSES_RACE, count=1)
            self.run_async(self.clock.run_for(10))
            if self.process.buffer.status.depth == 0:
                break
        assert self.model.pending <= self.model.quarantined
        assert self.process.buffer.status.depth == 0


TestPromise = Promise.TestCase
TestPromise.settings = settings(stateful_step_count=30)
