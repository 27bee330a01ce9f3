"""The writer of writer.py, and what a power cut has left of its messages."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from gateway.buffer.store import Store
from gateway.telemetry.message import telemetry_from_json
from gateway.timing.units import NS_PER_S
from tests.durability.writer import EVERY_S, INTERVAL_S, MAX_BYTES, produced
from tests.support.children import killed_at_end

#: A writer that appends nothing for so long was not let run by a busy machine; …
STALL_NS = NS_PER_S // 10
#: … for longer than this, it was another process.
ANOTHER_LIFE_NS = 2 * NS_PER_S
#: Without a broker a `final` is written at once; so long may two busy cores take over it.
FINAL_WITHIN_S = 0.5

#: Race and second of a message.
Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """One power cut, on the monotonic clock: how old, in seconds in which the writer ran, each lost
    message was, and what was found."""

    at_ns: int
    lost_s: dict[Key, float]
    kept: dict[Key, bytes]

    @property
    def broken_promises(self) -> dict[Key, float]:
        return {
            key: age_s
            for key, age_s in self.lost_s.items()
            if age_s > (FINAL_WITHIN_S if produced(*key).is_final else INTERVAL_S)
        }

    @property
    def all_as_produced(self) -> bool:
        return self.kept == {key: produced(*key).to_json() for key in self.kept}


class Writer:
    """tests/durability/writer.py, telling on a file elsewhere what it appends."""

    def __init__(self, path: Path, told: Path) -> None:
        self._path = path
        self._told = told
        told.touch()

    @contextmanager
    def writing(
        self, *options: str, environment: Mapping[str, str] | None = None
    ) -> Iterator[None]:
        """From its first message on, and as long as the block lasts; then it is killed.

        Told is what is appended in all of the blocks.
        """
        command = [sys.executable, "-m", "tests.durability.writer", str(self._path), *options]
        before = len(self.appended_ns())
        with (
            self._told.open("ab") as told,
            killed_at_end(
                subprocess.Popen(command, stdout=told, env={**os.environ, **(environment or {})})
            ) as process,
        ):
            while len(self.appended_ns()) == before and process.poll() is None:
                time.sleep(0.02)
            yield
            assert process.poll() is None, "the writer ended"

    def appended_ns(self) -> dict[Key, int]:
        """When each message was appended, on the monotonic clock, in order."""
        lines = self._told.read_text(encoding="ascii").split("\n")[:-1]
        numbers = (map(int, line.split()) for line in lines)
        return {(race_id, second): at_ns for race_id, second, at_ns in numbers}

    def judge(self, cut_ns: int, path: Path) -> Cut:
        """A cut at that time on the monotonic clock, which has left the buffer so."""
        kept, appended_ns = _kept(path), self.appended_ns()
        assert kept.keys() <= appended_ns.keys(), "invented"
        stalls = list(_stalls(list(appended_ns.values())))
        lost_s = {
            key: _age_s(at_ns, cut_ns, stalls)
            for key, at_ns in appended_ns.items()
            if at_ns <= cut_ns and key not in kept
        }
        return Cut(cut_ns, lost_s, kept)


def _stalls(appended_ns: list[int]) -> Iterator[tuple[int, int]]:
    """When the writer did not run: it appends all the time, if the machine lets it."""
    for before_ns, after_ns in pairwise(appended_ns):
        if STALL_NS < after_ns - before_ns < ANOTHER_LIFE_NS:
            yield before_ns + round(EVERY_S * NS_PER_S), after_ns


def _age_s(at_ns: int, cut_ns: int, stalls: list[tuple[int, int]]) -> float:
    """How long the writer has run since: a machine that stands still keeps no promise."""
    stalled_ns = sum(max(0, min(cut_ns, end) - max(at_ns, start)) for start, end in stalls)
    return (cut_ns - at_ns - stalled_ns) / NS_PER_S


def kept_payloads(path: Path) -> list[bytes]:
    """What the product finds in the directory; nothing if it is not there."""
    if not path.exists():
        return []
    with closing(Store(path, MAX_BYTES)) as store:
        return [record.payload for name in store.waiting() for record in store.read(name)]


def _kept(path: Path) -> dict[Key, bytes]:
    """Return each message; one that was written again after a failed sync may be there twice."""
    kept: dict[Key, bytes] = {}
    for payload in kept_payloads(path):
        message = telemetry_from_json(payload)
        assert kept.setdefault((message.race_id, message.second), payload) == payload
    return kept
