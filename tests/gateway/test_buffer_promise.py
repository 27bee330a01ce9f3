"""The promise as a state machine: whatever happens, no message older than the interval is lost."""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.buffer import Buffer
from gateway.clock import NS_PER_S
from gateway.send_order import Entry
from gateway.store import Store
from gateway.telemetry import telemetry_from_json
from tests.support.telemetry import message
from tests.support.virtual_clock import InlineExecutor, VirtualClock

INTERVAL_S = 1.0
T = TypeVar("T")


class Promise(RuleBasedStateMachine):
    """One buffer file through many processes, each ended by a crash."""

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.clock = VirtualClock()
        self.next_second = 1
        self.produced_ns: dict[str, int] = {}
        self.acknowledged: set[str] = set()
        self.taken: list[Entry] = []
        self.run_async(self.start())

    def run_async(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def start(self) -> None:
        path = Path(self.directory.name) / "buffer.db"
        self.store, _ = Store.open_or_replace(path, 1 << 30, now_ms=1)
        self.buffer = Buffer(self.store, self.clock, INTERVAL_S, InlineExecutor())
        await self.buffer.load()
        self.task = asyncio.create_task(self.buffer.run())
        await self.clock.settle()

    @rule(race_id=st.integers(1, 3), count=st.integers(1, 100))
    def produce(self, race_id: int, count: int) -> None:
        for _ in range(count):
            telemetry = message(self.next_second, race_id, length_s=1_000_000)
            self.next_second += 1
            self.produced_ns[telemetry.uuid] = self.clock.monotonic_ns()
            self.buffer.append(telemetry)

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 7.0]))
    def pass_time(self, seconds: float) -> None:
        self.run_async(self.clock.run_for(seconds))

    @rule(count=st.integers(1, 80))
    def send(self, count: int) -> None:
        for _ in range(count):
            entry = self.run_async(self.buffer.take())
            if entry is None:
                return
            self.taken.append(entry)

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        entry = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        self.acknowledged.add(telemetry_from_json(entry.payload).uuid)
        self.buffer.acknowledge(entry)

    @rule()
    def lose_connection(self) -> None:
        for entry in self.taken:
            self.buffer.give_back(entry)
        self.taken.clear()

    @rule()
    def crash(self) -> None:
        """What a killed process leaves is what the next one finds; the young may be gone."""
        now_ns = self.clock.monotonic_ns()
        self.run_async(self.kill())
        self.taken.clear()
        self.run_async(self.start())
        kept = self.pending()
        assert self.promised(now_ns) <= kept
        self.produced_ns = dict.fromkeys(kept, 0)

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        self.store.close()

    def promised(self, now_ns: int) -> set[str]:
        old_ns = now_ns - round(INTERVAL_S * NS_PER_S)
        old = {uuid for uuid, at_ns in self.produced_ns.items() if at_ns <= old_ns}
        return old - self.acknowledged

    def pending(self) -> set[str]:
        """Everything the buffer would still send, found by taking it all and giving it back."""
        taken: list[Entry] = []
        while (entry := self.run_async(self.buffer.take())) is not None:
            taken.append(entry)
        keys = [(telemetry_from_json(e.payload).race_id, e.id) for e in taken]
        assert keys == sorted(keys, key=lambda key: (-key[0], key[1])), "order"
        assert len(set(keys)) == len(keys), "each once"
        for entry in taken:
            self.buffer.give_back(entry)
        return {telemetry_from_json(entry.payload).uuid for entry in taken}

    @invariant()
    def nothing_is_forgotten(self) -> None:
        if not hasattr(self, "buffer"):
            return
        on_its_way = {telemetry_from_json(entry.payload).uuid for entry in self.taken}
        unacknowledged = set(self.produced_ns) - self.acknowledged
        assert self.buffer.status.depth >= len(unacknowledged)
        assert unacknowledged <= self.pending() | on_its_way

    def teardown(self) -> None:
        if hasattr(self, "buffer"):
            self.run_async(self.kill())
            self.loop.close()
            self.directory.cleanup()


TestPromise = Promise.TestCase
TestPromise.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
