"""Where the CPU time of a message goes, from four Readings to the answer, in microseconds.

Prints the shortest of many rounds of each stage, all in one thread. What the row `cpu_per_message`
measures beyond their sum and the bare loop is IotCore, the event loop and the wake-ups in between.

    python -m tests.bench.cpu_stages
"""

import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from unittest.mock import patch

import structlog

from drivers import Reading
from gateway.buffer.opening import open_buffer
from gateway.cloud.publisher import Publisher
from gateway.cloud.uplink import Answer, UplinkListener, Verdict
from gateway.race.clock import RaceSecond
from gateway.race.races import Race
from gateway.telemetry.message import Telemetry, make_telemetry
from gateway.timing.clock import SystemClock
from gateway.timing.units import NS_PER_S
from tests.bench.cpu_per_message import BIKES, RACER, READINGS_PER_S, UNPACED_PER_S, new_samplers

ROUNDS = 100
ACCEPTED = Answer(Verdict.ACCEPTED)


class Stages:
    """The shortest time of each stage for the messages of a round, in seconds."""

    def __init__(self) -> None:
        self.shortest_s: defaultdict[str, float] = defaultdict(lambda: float("inf"))

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        began_s = time.perf_counter()
        yield
        self.shortest_s[stage] = min(self.shortest_s[stage], time.perf_counter() - began_s)


class Unanswered:
    """An Uplink that sends nothing, and notes the tickets."""

    def __init__(self) -> None:
        self.tickets: list[int] = []

    def start(self, listener: UplinkListener) -> None: ...

    def publish(self, ticket: int, payload: bytes) -> None:
        self.tickets.append(ticket)

    async def stop(self) -> None: ...


async def main() -> None:
    """Measure all stages and print them."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    stages, clock, uplink = Stages(), SystemClock(), Unanswered()
    with tempfile.TemporaryDirectory() as name:
        buffer = await open_buffer(
            Path(name) / "buffer", clock, commit_interval_s=1.0, max_bytes=1 << 30
        )
        with patch.multiple(
            "gateway.cloud.pace", MESSAGES_PER_S=UNPACED_PER_S, BYTES_PER_S=UNPACED_PER_S
        ):
            publisher = Publisher(buffer, uplink, clock, Random(1), UNPACED_PER_S)
        publisher.on_up()
        for messages in _produce(stages):
            with stages.timed("buffer: append, with the JSON"):
                for message in messages:
                    buffer.append(message)
            _publish(stages, publisher, uplink)
        await buffer.close()
    for stage, shortest_s in stages.shortest_s.items():
        print(f"{shortest_s / BIKES * 1e6:6.1f} µs  {stage}")


def _produce(stages: Stages) -> Iterator[list[Telemetry]]:
    samplers = new_samplers()
    race = Race(1, 0, 10_000_000)
    for number in range(1, ROUNDS + 1):
        second = RaceSecond(race, number + 1, (number + 1) * NS_PER_S)
        with stages.timed("driver: make the Readings"):
            readings = [_readings(second) for _ in samplers]
        with stages.timed("sampler: add them"):
            for sampler, heard in zip(samplers, readings, strict=True):
                for reading in heard:
                    sampler.add(reading)
        with stages.timed("sampler: close the second"):
            samples = [one.close_second(second.start_ns, second.end_ns) for one in samplers]
        with stages.timed("telemetry: make the message"):
            messages = [
                make_telemetry("bench", f"bike-{bike}", RACER, second, sample)
                for bike, sample in enumerate(samples)
            ]
        yield messages


def _readings(second: RaceSecond) -> list[Reading]:
    return [
        Reading(second.start_ns + part * NS_PER_S // READINGS_PER_S, 80.0 + part, None, 40.0, 112.0)
        for part in range(READINGS_PER_S)
    ]


def _publish(stages: Stages, publisher: Publisher, uplink: Unanswered) -> None:
    """Send and answer all messages, window by window."""
    sending_s = answering_s = 0.0
    while True:
        began_s = time.perf_counter()
        publisher._send()
        sent_s = time.perf_counter()
        tickets, uplink.tickets = uplink.tickets, []
        for ticket in tickets:
            publisher.on_answer(ticket, ACCEPTED)
        answering_s += time.perf_counter() - sent_s
        sending_s += sent_s - began_s
        if not tickets:
            break
    for stage, spent_s in (("send", sending_s), ("answer", answering_s)):
        name = f"publisher: {stage}"
        stages.shortest_s[name] = min(stages.shortest_s[name], spent_s)


if __name__ == "__main__":
    asyncio.run(main())
